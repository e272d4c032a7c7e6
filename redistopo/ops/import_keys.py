"""`import`: copies the keys of another server, or of a file, into the topology."""

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import reduce
from operator import add
from pathlib import Path

from redistopo.client.copy_keys import KeyCopy, Owner, owners_of
from redistopo.client.key_changes import KeyChanges
from redistopo.errors import ExitCode, RedistopoError, TimedOut, UsageError
from redistopo.host.polling import Deadline, wait_for
from redistopo.importing.import_source import ImportFrom, ImportSource, open_source, write_marks
from redistopo.model.planning.cluster_databases import refuse_databases
from redistopo.model.remedies.of_topology import import_over
from redistopo.model.state.observed import Role
from redistopo.progress import Progress, note, step
from redistopo.session.open import open_session
from redistopo.session.session import Session, SessionRequest
from redistopo.snapshot.data_check import SMALL_BYTES, difference, digest_of_server, installed
from redistopo.snapshot.manifest import NO_DATA, DataDigest

_REPORT_SECONDS = 5.0
_LEAST_PASSES = 2
_QUIET_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRequest:
    """The source, and the topology in `root`. With `replace`, keys of equal names are replaced;
    `until_quiet` repeats passes until nothing is written any more; `verify` is whether digests of
    both sides are compared, None if the data of a file is small."""

    root: Path
    source: ImportFrom
    replace: bool = False
    until_quiet: bool = False
    verify: bool | None = None
    seconds: float = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportPass:
    """One pass over the source: keys copied, of which `changed` since the pass before, and deleted
    ones."""

    copied: int
    changed: int
    deleted: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportResult:
    """The passes, the last of which found no change if the source is `quiet`; the digest is None
    unless both sides were compared."""

    source: str
    keys: int
    passes: tuple[ImportPass, ...]
    quiet: bool
    digest: DataDigest | None
    seconds: float

    @property
    def code(self) -> ExitCode:
        """FAULT if the source changed until the end: it has what the topology lacks."""
        return ExitCode.DONE if self.quiet else ExitCode.FAULT


def import_keys(request: ImportRequest, progress: Progress) -> ImportResult:
    """Copy all keys and functions of the source, which is only read, to the owners of their slots.

    A second pass over a running source copies what changed in the meantime. Raises RedistopoError,
    also if the digests of both sides differ; UsageError if the topology has keys.
    """
    began = time.monotonic()
    asked = SessionRequest(root=request.root, lock="import", seconds=request.seconds)
    with open_session(asked, progress) as session:
        program = _program(session, request.source)
        plan = session.plan(assume=True)
        seen = session.observe()
        owners = owners_of(seen, session.credentials)
        present = sum(node.keys for node in seen.answering if node.role is Role.PRIMARY)
        if present and not request.replace:
            raise UsageError(
                f"the topology has {present:,} keys already: nothing was changed",
                hint=import_over(),
            )
        with open_source(request.source, program, session.deadline) as source:
            _refuse_itself(source, owners)
            refuse_databases(plan, source.keys, source.name)
            passes, quiet = _copy(session, source, owners, until_quiet=request.until_quiet)
            digest = None if present else _compared(session, source, owners, request)
        return ImportResult(
            source=source.name,
            keys=passes[0].copied,
            passes=passes,
            quiet=quiet,
            digest=digest if quiet else None,
            seconds=time.monotonic() - began,
        )


def _program(session: Session, source: ImportFrom) -> str:
    """A server on this machine that loads a file; "" if there is none to load."""
    if not Path(source.text).expanduser().exists():
        return ""
    if session.topology.hosts is None:
        return session.plan().engine.path
    return installed(session.plan(assume=True).engine.title.lower())


def _refuse_itself(source: ImportSource, owners: Sequence[Owner]) -> None:
    if source.endpoints & {one.endpoint for one in owners}:
        raise UsageError(
            f"{source.name} is this topology itself", hint="name another server: --from HOST:PORT"
        )


def _copy(
    session: Session, source: ImportSource, owners: Sequence[Owner], *, until_quiet: bool
) -> tuple[tuple[ImportPass, ...], bool]:
    """Copy in passes, the second one if the source was written to in the meantime. The last
    found no change, or there was no write during it, if the source is quiet then."""
    changes = KeyChanges() if source.live else None
    reported = [time.monotonic()]

    def report(keys: int) -> None:
        now = time.monotonic()
        if now - reported[0] > _REPORT_SECONDS:
            reported[0] = now
            note(session.progress, f"{keys:,} of {source.total:,} keys are copied")

    passes: list[ImportPass] = []
    marks = write_marks(source) if source.live else ()
    with KeyCopy(owners, report=report, changes=changes) as copy:
        while True:
            name = f"copy {source.total:,} keys" if not passes else "copy what changed"
            with step(session.progress, name):
                passes.append(_pass(copy, source, changes))
            now = write_marks(source) if source.live else ()
            quiet = now == marks or _changed_nothing(passes)
            if quiet and until_quiet and source.live:
                quiet = _stays_quiet(source, now)
            enough = not until_quiet and len(passes) >= _LEAST_PASSES
            if quiet or enough or session.deadline.over:
                return tuple(passes), quiet
            marks = now


def _stays_quiet(source: ImportSource, marks: tuple[object, ...]) -> bool:
    """Return whether nothing is written for a while: a pass over few keys takes less time than
    lies between two writes."""
    with suppress(TimedOut):
        return not wait_for(
            lambda: True if write_marks(source) != marks else None, Deadline(_QUIET_SECONDS)
        )
    return True


def _changed_nothing(passes: Sequence[ImportPass]) -> bool:
    return len(passes) > 1 and passes[-1].changed + passes[-1].deleted == 0


def _pass(copy: KeyCopy, source: ImportSource, changes: KeyChanges | None) -> ImportPass:
    began, before = time.monotonic(), copy.result.keys
    for one in source.servers:
        # a database that was empty may have got keys in the meantime
        copy.copy(replace(one, databases=one.databases or (0,)))
    changed = changes.changed if changes else 0
    gone = changes.end_pass() if changes else ()
    copy.delete(gone)
    return ImportPass(
        copied=copy.result.keys - before,
        changed=changed,
        deleted=len(gone),
        seconds=time.monotonic() - began,
    )


def _compared(
    session: Session, source: ImportSource, owners: Sequence[Owner], request: ImportRequest
) -> DataDigest | None:
    """Compare the digests of both sides, unless the data is large and it isn't asked for."""
    size = sum(
        int(node.info.get("used_memory_dataset", 0))
        for node in session.observe().answering
        if node.role is Role.PRIMARY
    )
    small = size <= SMALL_BYTES and not source.live  # whose writes were counted
    if not (small if request.verify is None else request.verify):
        return None
    with step(session.progress, "compare the digest of the data", changes=False):
        numbers = tuple(source.keys)
        theirs = [
            digest_of_server(one.endpoint, one.login, one.databases) for one in source.servers
        ]
        ours = [digest_of_server(one.endpoint, one.login, numbers) for one in owners]
    before, now = (reduce(add, some, NO_DATA) for some in (theirs, ours))
    fault = difference(before, now)
    if fault and not source.live:
        raise RedistopoError("the data differs from that of the source", detail=fault)
    if fault:
        note(session.progress, f"the data differs: {fault}; the source may have changed since")
    return None if fault else now
