"""Starts the topology of a folder with the data of a snapshot: `restore` and `clone`."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import field
from pathlib import Path

from redistopo.client.copy_keys import KeyCopy, KeySource, owners_of
from redistopo.client.target import Detail
from redistopo.errors import ExitCode, MissingPrerequisite, RedistopoError
from redistopo.execute.loaded_file import loaded_file
from redistopo.host.files import private_folder, read_text, write_private
from redistopo.host.large_files import copy_file
from redistopo.host.made_paths import leaving_nothing
from redistopo.host.polling import Deadline
from redistopo.model.planning.cluster_databases import refuse_databases
from redistopo.model.planning.plan import Plan
from redistopo.model.state.observed import NodeSeen, Role
from redistopo.model.topology.compatibility import reads
from redistopo.model.topology.project_paths import Layout
from redistopo.ops.down import DownRequest, down
from redistopo.ops.up import UpRequest, up
from redistopo.progress import Progress, note, step
from redistopo.project.trust import trust
from redistopo.quick_dataclass import dataclass
from redistopo.session.open import hold_lock, open_session
from redistopo.session.session import CredentialSource, Session, SessionRequest
from redistopo.snapshot.data_check import (
    digest_of_primaries,
    installed,
    is_verified,
    require_same,
)
from redistopo.snapshot.manifest import DataDigest, Manifest
from redistopo.snapshot.place_data import Place, Placing, fits, place_data, restored_record
from redistopo.snapshot.shard_save import refuse_full
from redistopo.snapshot.stored import (
    SECRETS,
    snapshot_topology,
)
from redistopo.snapshot.target_folder import (
    aside,
    drop_aside,
    former_id,
    has_data,
    put_aside,
    put_back,
    put_staged,
    staged,
    write_topology,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DataStart:
    """A snapshot to start a topology with; `place` puts its files into the nodes' folders. `source`
    is the trusted project whose topology file it has: its hosts may be logged in to."""

    path: Path
    manifest: Manifest
    layout: Layout
    deadline: Deadline
    force: bool = False
    verify: bool | None = None
    source: Layout | None = None
    place: Place = copy_file


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreResult:
    """The topology that runs now, how its data came there ("files", or "keys" for another number of
    shards), and its digest, None if the data is large and it wasn't asked for."""

    snapshot: str
    root: Path
    ports: tuple[int, ...]
    shards: int
    way: str
    keys: int
    digest: DataDigest | None
    seconds: float
    code: ExitCode = field(default=ExitCode.DONE)


def start_with_data(start: DataStart, progress: Progress) -> RestoreResult:
    """Start the topology of a folder with the data of a snapshot, and verify it; on any error,
    the folder is as before."""
    began, layout = time.monotonic(), start.layout
    with _undone_on_error(start, progress):
        plan = _plan(layout, start.manifest)
        _refuse_databases(plan, start.manifest)
        here = plan.topology.hosts is None
        by_files = fits(plan, start.manifest) and here
        program = plan.engine.path if here else installed(start.manifest.engine)
        if not here:
            _require_room(start)
        if has_data(layout):
            down(DownRequest(root=layout.root, force=True), progress)
        if by_files:
            with step(progress, "place the files"):
                _place(start, progress)
        else:
            _clear(start, progress)
        up(UpRequest(root=layout.root, seconds=start.deadline.left), progress)
        if not by_files:
            _load(start, program, progress)
        keys, digest = _compare(start, progress)
    with _locked(layout, progress) as session:
        drop_aside(layout, session.host)
    return RestoreResult(
        snapshot=start.manifest.name,
        root=layout.root,
        ports=tuple(node.port for node in plan.data),
        shards=len(plan.shards),
        way="files" if by_files else "keys",
        keys=keys,
        digest=digest,
        seconds=time.monotonic() - began,
    )


@contextmanager
def _undone_on_error(start: DataStart, progress: Progress) -> Iterator[None]:
    """Write the topology file if there is none; on any error, Ctrl-C too, undo everything."""
    layout = start.layout
    empty, had_data = not layout.state.exists(), has_data(layout)
    with leaving_nothing(layout.topology):
        if not layout.topology.is_file():
            if not layout.root.is_dir():
                private_folder(layout.root)
            made = write_topology(layout, snapshot_topology(start.path), progress, start.source)
            if made.hosts is not None and start.source is not None:
                trust(layout)
        try:
            yield
        except BaseException:
            with suppress(RedistopoError):  # the error of before says why it failed, and is raised
                _undo(layout, progress, empty=empty, had_data=had_data)
            raise


def _undo(layout: Layout, progress: Progress, *, empty: bool, had_data: bool) -> None:
    if empty:
        down(DownRequest(root=layout.root, wipe=True), progress)
    elif not had_data or aside(layout).exists():
        note(progress, "failed: the data of before is put back; redistopo up starts it")
        down(DownRequest(root=layout.root, force=True), progress)
        with _locked(layout, progress) as session:
            put_back(layout, session.host)


def _plan(layout: Layout, manifest: Manifest) -> Plan:
    """The plan of the folder's topology file; raises MissingPrerequisite if its engine can't read
    the snapshot."""
    asked = SessionRequest(root=layout.root, needs_started=False)
    with open_session(asked) as session:
        plan = session.plan()
    if not reads(plan.engine, manifest.engine):
        raise MissingPrerequisite(
            f"{plan.engine.title} can't read data that {manifest.engine} wrote",
            detail=f"chosen: {plan.engine.path} ({plan.engine_why})",
            hint=f'set engine = "{manifest.engine}" in {layout.topology}, if it is installed: '
            "redistopo engines",
        )
    return plan


def _refuse_databases(plan: Plan, manifest: Manifest) -> None:
    """Raise UsageError if a cluster would get keys of databases that it doesn't have."""
    found: dict[int, int] = {}
    for one in manifest.shards:
        for name, count in one.keys.items():
            found[int(name)] = found.get(int(name), 0) + count
    refuse_databases(plan, found, "the snapshot")


def _require_room(start: DataStart) -> None:
    """Raise MissingPrerequisite if a host has less room on its disk, or in its memory once its
    nodes are stopped, than the snapshot's files take."""
    asked = SessionRequest(root=start.layout.root, needs_started=False)
    with open_session(asked) as session:
        plan, need, used = session.plan(assume=True), Counter[str](), Counter[str]()
        for node in plan.data:
            need[node.host] += start.manifest.bytes // len(plan.shards)
        for running in session.observe(Detail.HEALTH).answering:
            used[running.host] += int(running.info.get("used_memory", 0))
        for node in plan.data:
            room, host = session.host.room(node.folder.root), node.host
            where = f"{session.host.there(node.folder.root)} on {host}"
            if room.disk is not None:
                refuse_full(where, need[host], room.disk, "bytes")
            free = need[host] if room.memory is None else room.memory + used[host]
            if need[host] > free:
                raise MissingPrerequisite(
                    f"{host} has too little memory for the data of the snapshot",
                    detail=f"its nodes take {need[host]:,} bytes or more; {free:,} are free",
                    hint="free some there, then run the same command again",
                )


@contextmanager
def _locked(layout: Layout, progress: Progress) -> Iterator[Session]:
    """Hold the topology's lock."""
    asked = SessionRequest(
        root=layout.root, credentials=CredentialSource.SUPPOSED, needs_started=False
    )
    with open_session(asked, progress) as session:
        if session.topology.hosts is not None:
            session.plan(assume=True)  # the hosts, to be locked too
        with hold_lock(session, "restore", make=True):
            yield session


def _clear(start: DataStart, progress: Progress) -> None:
    """Stop what runs, and put its data aside."""
    with _locked(start.layout, progress) as session:
        put_aside(start.layout, session.host)


def _place(start: DataStart, progress: Progress) -> None:
    """Place the files of a topology with the same shards, and passwords that were saved."""
    layout = start.layout
    with _locked(layout, progress) as session:
        for name in start.manifest.secrets:
            text = read_text(start.path / SECRETS / name)
            if text is not None and not (layout.state / name).exists():
                write_private(layout.state / name, text)
        plan = session.plan()
        placing = Placing(
            plan=plan,
            credentials=session.credentials,
            nodes=staged(layout),
            place=lambda name, to: start.place(start.path / name, to),
        )
        place_data(placing, start.manifest)
        put_aside(layout, session.host)
        put_staged(layout)
        session.save_state(restored_record(plan, start.manifest, former_id(layout)))


def _load(start: DataStart, program: str, progress: Progress) -> None:
    """Copy the keys into a topology with other shards, or on other hosts, from temporary servers
    with the files."""
    asked = SessionRequest(root=start.layout.root, seconds=start.deadline.left)
    with open_session(asked) as session:
        owners = owners_of(session.observe(Detail.HEALTH), session.credentials)
    text = f"copy {start.manifest.keys:,} keys to {len(owners)} primaries"
    with step(progress, text), KeyCopy(owners, report=lambda _keys: None) as copy:
        for one in start.manifest.shards:
            path = start.path / one.file
            with loaded_file(program, path, start.deadline) as server:
                copy.copy(
                    KeySource(
                        endpoint=server.endpoint,
                        login=server.login,
                        databases=server.databases,
                    )
                )


def _compare(start: DataStart, progress: Progress) -> tuple[int, DataDigest | None]:
    """Compare the data of the primaries with that of the snapshot: its digest, or its keys."""
    manifest = start.manifest
    asked = SessionRequest(root=start.layout.root, seconds=start.deadline.left)
    with open_session(asked) as session:
        primaries = _primaries(session)
        keys = sum(node.keys for node in primaries)
        lasting = manifest.keys - sum(one.expiring for one in manifest.shards)
        if not lasting <= keys <= manifest.keys:
            raise RedistopoError(
                f"{keys:,} keys were restored, {manifest.keys:,} were saved",
                hint="compare the snapshot with its digest: redistopo snapshots --verify",
            )
        if manifest.digest is None or not is_verified(manifest, start.verify):
            return keys, None
        with step(progress, "compare the digest of the data", changes=False):
            digest = digest_of_primaries(primaries, session.credentials)
        require_same(manifest.digest, digest, str(start.layout.root))
    return keys, digest


def _primaries(session: Session) -> list[NodeSeen]:
    return [one for one in session.observe(Detail.HEALTH).answering if one.role is Role.PRIMARY]
