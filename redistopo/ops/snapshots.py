"""`snapshots`: lists the snapshots of a project, and verifies them."""

from dataclasses import replace
from pathlib import Path

from redistopo.errors import ExitCode, RedistopoError
from redistopo.host.polling import Deadline
from redistopo.progress import Progress, step
from redistopo.project.load import layout_of_folder
from redistopo.quick_dataclass import dataclass
from redistopo.snapshot.manifest import Manifest
from redistopo.snapshot.stored import (
    StoredSnapshot,
    opened,
    require_checksums,
    stored_snapshots,
    write_manifest,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotsRequest:
    """Whose snapshots; with `verify`, all files are read and loaded, within `seconds`."""

    root: Path
    verify: bool = False
    seconds: float = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedSnapshot:
    """A snapshot; `fault` is why it can't be used, "" if no fault is known."""

    name: str
    path: Path
    fault: str
    snapshot: Manifest | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotsResult:
    """The snapshots, the oldest first, and whether they were verified."""

    root: Path
    verified: bool
    snapshots: tuple[ListedSnapshot, ...]

    @property
    def code(self) -> ExitCode:
        """FAULT if they were verified, and one can't be used."""
        bad = self.verified and any(one.fault for one in self.snapshots)
        return ExitCode.FAULT if bad else ExitCode.DONE


def snapshots(request: SnapshotsRequest, progress: Progress) -> SnapshotsResult:
    """List the snapshots of a project.

    With `verify`, checksums are compared, and each file is loaded into a temporary server; a digest
    that isn't recorded yet is recorded. Raises RedistopoError if no server is installed for that.
    """
    layout = layout_of_folder(request.root)
    found = stored_snapshots(layout)
    if request.verify:
        deadline = Deadline(request.seconds)
        found = tuple(_verified(request.root, one, deadline, progress) for one in found)
    listed = tuple(
        ListedSnapshot(name=one.name, path=one.path, fault=one.fault, snapshot=one.manifest)
        for one in found
    )
    return SnapshotsResult(root=layout.root, verified=request.verify, snapshots=listed)


def _verified(
    root: Path, one: StoredSnapshot, deadline: Deadline, progress: Progress
) -> StoredSnapshot:
    """The snapshot with the fault that was found, or with its digest."""
    from redistopo.execute.loaded_file import UnloadableFile
    from redistopo.snapshot.data_check import difference, digest_of_snapshot
    from redistopo.snapshot.stored import UnusableSnapshot

    manifest = one.manifest
    if manifest is None:
        return one
    try:
        with step(progress, f"verify {one.name}", changes=False), opened(one.path) as folder:
            require_checksums(folder, manifest)
            program = _program(root, manifest)
            digest = digest_of_snapshot(folder, manifest, program, deadline)
    except (UnusableSnapshot, UnloadableFile) as error:
        return replace(one, fault=error.detail or error.message)
    if manifest.digest is None:
        manifest = replace(manifest, digest=digest)
        if one.path.is_dir():
            write_manifest(one.path, manifest)
    fault = difference(manifest.digest or digest, digest)
    return replace(one, manifest=manifest, fault=f"the data differs: {fault}" if fault else "")


def _program(root: Path, manifest: Manifest) -> str:
    """A server that can load a snapshot: that of the topology file, or of the snapshot."""
    from redistopo.project.load import load_project, plan_of
    from redistopo.snapshot.data_check import installed, loader

    try:
        engine = plan_of(load_project(root)).engine
    except RedistopoError:
        return installed(manifest.engine)
    return loader(engine, manifest.engine)
