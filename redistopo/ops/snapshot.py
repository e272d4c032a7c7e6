"""`snapshot`: saves the data of all shards, each from a replica where one is online."""

import time
from dataclasses import field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from redistopo.errors import ExitCode, MissingPrerequisite
from redistopo.host.files import read_exactly, write_private
from redistopo.host.local_host import LOCAL
from redistopo.host.packed_folder import ZSTD
from redistopo.host.zstd import require_zstd
from redistopo.model.planning.upgrade import newest_running
from redistopo.model.protocol.credentials import TopologyUser
from redistopo.model.topology.project_paths import Layout
from redistopo.progress import Progress, note, step
from redistopo.project.load import load_project
from redistopo.quick_dataclass import dataclass
from redistopo.session.open import open_session
from redistopo.session.session import Session, SessionRequest
from redistopo.snapshot.choose_sources import choose_sources
from redistopo.snapshot.manifest import Manifest, time_name
from redistopo.snapshot.shard_save import ShardSaves
from redistopo.snapshot.stored import (
    SECRETS,
    keep_newest,
    require_new,
    snapshots_folder,
    write_manifest,
    writing,
)
from redistopo.snapshot.take import Saving, take

_ANSWER_SECONDS = 30.0
"""A server replies to BGSAVE once it has forked, which takes long with much memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotRequest:
    """What to save; `name` is a time if empty. With `pause`, all shards are saved at one moment;
    `keep` is how many unnamed snapshots are kept, 0 for all; `verify` is whether the files are
    loaded and their digest is computed, None if the data is small; `secrets` saves the passwords
    too; `archive` is the suffix of the snapshot as one file, ".tar.gz" or ".tar.zst"."""

    root: Path
    name: str = ""
    pause: bool = False
    keep: int = 0
    verify: bool | None = None
    secrets: bool = False
    archive: str = ""
    seconds: float = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotResult:
    """The snapshot, its folder, and those that `keep` removed."""

    path: Path
    snapshot: Manifest
    removed: tuple[str, ...]
    seconds: float
    code: ExitCode = field(default=ExitCode.DONE)


def snapshot(request: SnapshotRequest, progress: Progress) -> SnapshotResult:
    """Save a snapshot of the topology's data.

    It is complete or not there at all: it is written under a temporary name. Raises RedistopoError.
    """
    began = time.monotonic()
    name = request.name or time_name(datetime.now(UTC))
    asked = SessionRequest(root=request.root, lock="snapshot", seconds=request.seconds)
    with open_session(asked, progress) as session:
        require_new(session.layout, name)
        if request.archive == ZSTD:  # rather than once all the data is saved
            require_zstd()
        manifest = save_snapshot(session, session.layout, name, request)
        topology_id = manifest.topology_id
        removed: tuple[str, ...] = ()
        if request.keep:
            removed = keep_newest(session.layout, topology_id, request.keep)
        return SnapshotResult(
            path=snapshots_folder(session.layout) / (name + request.archive),
            snapshot=manifest,
            removed=removed,
            seconds=time.monotonic() - began,
        )


def save_snapshot(session: Session, to: Layout, name: str, request: SnapshotRequest) -> Manifest:
    """Save the data into a new folder of a project's snapshots; requires the lock."""
    layout = session.layout
    seen = session.observe()
    sources = choose_sources(seen)
    session.client.wait_longer(_ANSWER_SECONDS)
    text = read_exactly(layout.topology)
    with writing(to, name, archive=request.archive) as folder:
        saving = Saving(
            client=session.client,
            deadline=session.deadline,
            progress=session.progress,
            folder=folder,
            saves=_saves(session),
        )
        shards, paused = take(saving, sources, pause=request.pause)
        write_private(folder / layout.topology.name, text)
        state = session.state
        manifest = Manifest(
            name=name,
            created=datetime.now(UTC).isoformat(timespec="milliseconds"),
            topology_id=state.id if state else "",
            topology_name=session.topology.name,
            shape=session.topology.shape.value,
            engine=newest_running(seen) or seen.engine.lower(),
            consistency="one moment" if request.pause or len(shards) == 1 else "per shard",
            paused_ms=paused,
            topology_sha256=sha256(text.encode()).hexdigest(),
            shards=shards,
            secrets=_save_secrets(layout, folder) if request.secrets else (),
        )
        manifest = _verified(session, folder, manifest, request.verify)
        write_manifest(folder, manifest)
    return manifest


def _saves(session: Session) -> ShardSaves:
    """How data gets here: from this machine's disk, or through the network."""
    if session.host is LOCAL:
        from redistopo.snapshot.save_on_disk import DiskSaves

        return DiskSaves(session.client, session.deadline)
    from redistopo.snapshot.save_over_network import NetworkSaves

    return NetworkSaves(session)


def _save_secrets(layout: Layout, folder: Path) -> tuple[str, ...]:
    """Copy the passwords that were generated."""
    from redistopo.host.files import private_folder, read_text

    private_folder(folder / SECRETS)
    found = []
    for path in (layout.password, *(layout.secret(user) for user in TopologyUser)):
        text = read_text(path)
        if text is not None:
            write_private(folder / SECRETS / path.name, text)
            found.append(path.name)
    return tuple(found)


def _verified(session: Session, folder: Path, manifest: Manifest, verify: bool | None) -> Manifest:
    """The manifest with the digest of the data, unless the data is large and it isn't asked for."""
    from dataclasses import replace

    from redistopo.snapshot.data_check import digest_of_snapshot, installed, is_verified, loader

    if not is_verified(manifest, verify):
        return manifest
    try:
        program = (
            loader(session.plan().engine, manifest.engine)
            if session.host is LOCAL
            else installed(manifest.engine)
        )
    except MissingPrerequisite as error:
        if verify:
            raise
        note(session.progress, f"the files were not loaded: {error.message}")
        return manifest
    with step(session.progress, "load the files, and compute the digest of the data"):
        digest = digest_of_snapshot(folder, manifest, program, session.deadline)
    return replace(manifest, digest=digest)


@dataclass(frozen=True, slots=True, kw_only=True)
class TimerResult:
    """A line for a scheduler of the system, which runs `snapshot` daily."""

    line: str
    code: ExitCode = field(default=ExitCode.DONE)


def timer_line(root: Path, kind: str, *options: str) -> TimerResult:
    """Return the line for cron, or the command that creates a timer of systemd, for `snapshot` with
    these options; raises UsageError if the folder has no valid topology file."""
    import shutil
    import sys
    from shlex import join

    layout = load_project(root).layout
    program = shutil.which("redistopo") or sys.argv[0]
    words = [program, "-C", str(layout.root), "snapshot", *options, "--quiet"]
    if kind == "cron":
        return TimerResult(line=f"0 3 * * * {join(words)}".replace("%", r"\%"))
    unit = f"redistopo-snapshot-{sha256(str(layout.root).encode()).hexdigest()[:8]}"
    timer = ["systemd-run", "--user", f"--unit={unit}", "--on-calendar=*-*-* 03:00", *words]
    return TimerResult(line=join(timer))
