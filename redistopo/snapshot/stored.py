"""The snapshots of a project on disk: one folder each, complete or not there at all."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path

from redistopo.errors import MissingPrerequisite, RedistopoError, UsageError
from redistopo.host.files import (
    private_folder,
    read_text,
    remove,
    write_errors,
    write_private,
    write_public,
)
from redistopo.host.large_files import checksum, plain_file
from redistopo.host.made_paths import leaving_nothing
from redistopo.host.packed_folder import (
    SUFFIXES,
    DamagedArchive,
    first_text,
    pack,
    unpacked,
    without_suffix,
)
from redistopo.model.protocol.rdb import HEAD, is_rdb
from redistopo.model.topology.project_paths import TOPOLOGY_FILE, Layout
from redistopo.quick_dataclass import dataclass
from redistopo.snapshot.manifest import (
    BadManifest,
    Manifest,
    ShardFile,
    format_manifest,
    is_name,
    is_time_name,
    parse_manifest,
)

FOLDER = "snapshots"
MANIFEST = "manifest.json"
SECRETS = "secrets"
_PARTIAL = ".partial"


class UnusableSnapshot(RedistopoError):
    """A snapshot that is damaged, or not one of ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSnapshot:
    """A folder in which a snapshot is, or should be; `manifest` is None if `fault` is why."""

    name: str
    path: Path
    manifest: Manifest | None
    fault: str = ""


def snapshots_folder(layout: Layout) -> Path:
    """Return the folder of a project's snapshots."""
    return layout.root / FOLDER


def stored_snapshots(layout: Layout) -> tuple[StoredSnapshot, ...]:
    """Return the project's snapshots, the oldest first; partial ones are none."""
    folder = snapshots_folder(layout)
    if folder.is_symlink() or not folder.is_dir():
        return ()
    found = [_stored(one) for one in folder.iterdir() if is_name(one.name)]
    whole = (one for one in found if one is not None)
    return tuple(sorted(whole, key=lambda one: (_created(one), one.name)))


def _created(one: StoredSnapshot) -> str:
    return one.manifest.created if one.manifest else ""


def _stored(path: Path) -> StoredSnapshot | None:
    packed = path.is_file() and path.name.endswith(SUFFIXES)
    if path.is_symlink() or not (packed or path.is_dir()):
        return None
    name = without_suffix(path.name) if packed else path.name
    try:
        manifest = _packed_manifest(path) if packed else load_manifest(path)
        return StoredSnapshot(name=name, path=path, manifest=manifest)
    except (UnusableSnapshot, MissingPrerequisite) as error:
        fault = error.detail or error.message
        return StoredSnapshot(name=name, path=path, manifest=None, fault=fault)


def _packed_manifest(path: Path) -> Manifest:
    """The manifest of an archive, whose other files aren't looked at."""
    try:
        return parse_manifest(first_text(path, MANIFEST))
    except (DamagedArchive, BadManifest) as error:
        raise _unusable(path, str(error)) from error


@contextmanager
def opened(path: Path) -> Iterator[Path]:
    """Yield the folder of a snapshot, which an archive is unpacked to for that time; raises
    UnusableSnapshot for a damaged archive."""
    try:
        with unpacked(path) as folder:
            yield folder
    except DamagedArchive as error:
        raise _unusable(path, str(error)) from error


def load_manifest(path: Path) -> Manifest:
    """Read the manifest of the snapshot in a folder, and compare the sizes of its files; raises
    UnusableSnapshot with the reason if it is damaged, foreign or newer."""
    text = read_text(path / MANIFEST) if not (path / MANIFEST).is_symlink() else None
    if text is None:
        raise _unusable(path, f"it has no {MANIFEST}")
    try:
        found = parse_manifest(text)
    except BadManifest as error:
        raise _unusable(path, str(error)) from error
    for one in found.shards:
        if fault := _size_fault(path, one):
            raise _unusable(path, fault)
    if sha256(snapshot_topology(path).encode()).hexdigest() != found.topology_sha256:
        raise _unusable(path, f"{TOPOLOGY_FILE} was changed: its SHA-256 differs")
    return found


def _size_fault(path: Path, one: ShardFile) -> str:
    try:
        with plain_file(path / one.file) as file:
            head = file.read(HEAD)
            size = file.seek(0, 2)
    except OSError as error:
        return f"{one.file}: {error.strerror}"
    if size != one.bytes:
        return f"{one.file} has {size:,} bytes, not {one.bytes:,}"
    return "" if is_rdb(head) else f"{one.file} is not an RDB file"


def find_snapshot(layout: Layout, name: str) -> Path:
    """Return the folder of a snapshot by its name, or by its path if that has a slash; raises
    UsageError with the names there are if there is none."""
    path = Path(name).expanduser().absolute() if "/" in name else snapshots_folder(layout) / name
    if "/" in name or is_name(name):
        for found in (path, *(path.with_name(path.name + one) for one in SUFFIXES)):
            if found.is_dir() or (found.is_file() and found.name.endswith(SUFFIXES)):
                return found
    known = [one.name for one in stored_snapshots(layout)]
    raise UsageError(
        f"there is no snapshot {name}",
        detail=f"snapshots: {', '.join(known)}" if known else f"none in {snapshots_folder(layout)}",
        hint="redistopo snapshots lists them; a snapshot elsewhere is named by its path",
    )


def require_checksums(path: Path, manifest: Manifest) -> None:
    """Raise UnusableSnapshot if a file differs from what was saved."""
    for one in manifest.shards:
        try:
            same = checksum(path / one.file) == one.sha256
        except OSError as error:
            raise _unusable(path, f"{one.file}: {error.strerror}") from error
        if not same:
            raise _unusable(path, f"{one.file} was changed: its SHA-256 differs")


def _unusable(path: Path, why: str) -> UnusableSnapshot:
    return UnusableSnapshot(
        f"the snapshot {path.name} can't be used",
        detail=why,
        hint="use another one: redistopo snapshots --verify",
    )


def require_new(layout: Layout, name: str) -> None:
    """Raise UsageError if a snapshot can't get that name."""
    if not is_name(name):
        raise UsageError(
            f"{name!r} is not a valid name for a snapshot",
            hint="use letters, digits, '.', '-' and '_', for example before-upgrade",
        )
    folder = snapshots_folder(layout) / name
    for path in (folder, *(folder.with_name(name + one) for one in SUFFIXES)):
        if path.exists() or path.is_symlink():
            raise UsageError(
                f"there is already something at {path}",
                hint="name another one: redistopo snapshot NAME",
            )


@contextmanager
def writing(layout: Layout, name: str, *, archive: str = "") -> Iterator[Path]:
    """Yield an empty folder that becomes the snapshot at the end, or an archive with the suffix
    `archive`, and is removed on any error, with what killed commands have left. Needs the
    topology's lock."""
    base = snapshots_folder(layout)
    if base.is_symlink():
        raise MissingPrerequisite(f"{base} is a symbolic link", hint="remove the link")
    with leaving_nothing(base / ".gitignore"):
        private_folder(base)
        if not (base / ".gitignore").exists():
            write_public(base / ".gitignore", "*\n")
        for left in base.glob(f".*{_PARTIAL}"):
            remove(left)
        with _partial(base, name) as folder:
            yield folder
            made, to = folder, base / name
            if archive:
                made, to = base / f"{folder.name}{_PARTIAL}", base / f"{name}{archive}"
                pack(folder, made, MANIFEST, archive)
            with write_errors(to):
                made.rename(to)
            remove(folder, missing_ok=True)


@contextmanager
def _partial(base: Path, name: str) -> Iterator[Path]:
    """Make a folder under a temporary name; on an error, Ctrl-C too, remove it and its archive."""
    folder = base / f".{name}.{secrets.randbelow(10**9)}{_PARTIAL}"
    try:
        private_folder(folder)
        yield folder
    except BaseException:
        for left in (folder, base / f"{folder.name}{_PARTIAL}"):
            with suppress(RedistopoError):  # what is left, the next one removes
                remove(left, missing_ok=True)
        raise


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write the manifest, which makes the files beside it a snapshot."""
    write_private(folder / MANIFEST, format_manifest(manifest))


def keep_newest(layout: Layout, topology_id: str, count: int) -> tuple[str, ...]:
    """Remove the oldest unnamed snapshots of this topology but `count`; return their names.

    Those that the user named, that are damaged, or of another topology, are neither counted nor
    removed.
    """
    mine = [
        one
        for one in stored_snapshots(layout)
        if one.manifest and one.manifest.topology_id == topology_id and is_time_name(one.name)
    ]
    removed = mine[: max(0, len(mine) - max(1, count))]
    for one in removed:
        gone = one.path.with_name(f".{one.name}.removed{_PARTIAL}")
        with write_errors(one.path):
            one.path.rename(gone)
        remove(gone)
    return tuple(one.name for one in removed)


def snapshot_topology(path: Path) -> str:
    """Return the topology file of a snapshot; raises UnusableSnapshot if there is none."""
    text = read_text(path / TOPOLOGY_FILE) if not (path / TOPOLOGY_FILE).is_symlink() else None
    if text is None:
        raise _unusable(path, f"it has no {TOPOLOGY_FILE}")
    return text
