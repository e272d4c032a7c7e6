"""`import`: copies the keys of another server, or of a file, into the topology."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import reduce
from operator import add
from pathlib import Path

from redistopo.client.copy_keys import KeyCopy, Owner, owners_of
from redistopo.client.key_changes import KeyChanges
from redistopo.client.write_stream import NoStream
from redistopo.errors import ExitCode, Interrupted, RedistopoError, TimedOut, UsageError
from redistopo.importing.copy_passes import Copying, ImportPass, copy_in_passes, copy_pass
from redistopo.importing.follow_writes import FollowedSource, follow_until, followed
from redistopo.importing.import_source import ImportFrom, ImportSource, open_source
from redistopo.importing.switch_source import UNTIL_QUIET, ImportSwitch, require_pause, switch
from redistopo.model.planning.cluster_databases import refuse_databases
from redistopo.model.remedies.of_topology import import_over
from redistopo.model.state.observed import Role
from redistopo.progress import Progress, note, step
from redistopo.quick_dataclass import dataclass
from redistopo.session.open import open_session
from redistopo.session.session import Session, SessionRequest
from redistopo.snapshot.data_check import SMALL_BYTES, difference, digest_of_server, installed
from redistopo.snapshot.manifest import NO_DATA, DataDigest

_REPORT_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRequest:
    """The source, and the topology in `root`. With `replace`, keys of equal names are replaced;
    `until_quiet` follows the source until nothing is written any more, `switch` until its writes
    can be paused, for `hold` seconds; `verify` is whether digests of both sides are compared, None
    if the data of a file is small."""

    root: Path
    source: ImportFrom
    replace: bool = False
    until_quiet: bool = False
    switch: bool = False
    hold: float = 60.0
    verify: bool | None = None
    seconds: float = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportResult:
    """The passes, the last of which found no change if the source is `quiet`; if its writes were
    `followed`, the second one is all that was copied after the first. The digest is None unless
    both sides were compared."""

    source: str
    keys: int
    passes: tuple[ImportPass, ...]
    followed: bool
    quiet: bool
    switch: ImportSwitch | None
    digest: DataDigest | None
    seconds: float

    @property
    def code(self) -> ExitCode:
        """FAULT if the source changed until the end: it has what the topology lacks."""
        return ExitCode.DONE if self.quiet else ExitCode.FAULT


@dataclass(frozen=True, slots=True, kw_only=True)
class _Import:
    """An import under way; `empty` is whether the topology had no keys before."""

    request: ImportRequest
    session: Session
    source: ImportSource
    owners: Sequence[Owner]
    empty: bool

    @property
    def progress(self) -> Progress:
        return self.session.progress


@dataclass(frozen=True, slots=True, kw_only=True)
class _Copied:
    """What was copied, and what both sides were found to have."""

    passes: tuple[ImportPass, ...]
    quiet: bool
    followed: bool = False
    switch: ImportSwitch | None = None
    digest: DataDigest | None = None


def import_keys(request: ImportRequest, progress: Progress) -> ImportResult:
    """Copy all keys and functions of the source, which is only read, to the owners of their slots.

    What changed in a running source in the meantime is copied again. Raises RedistopoError, also
    if the digests of both sides differ; UsageError if the topology has keys.
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
            keys = f"{present:,} key{'s' if present > 1 else ''}"
            raise UsageError(
                f"the topology has {keys} already: nothing was changed",
                hint=import_over(),
            )
        with (
            open_source(request.source, program, session.deadline) as source,
            _interruptible(request),
        ):
            _refuse_itself(source, owners)
            _refuse_switch(request, source)
            refuse_databases(plan, source.keys, source.name)
            work = _Import(
                request=request, session=session, source=source, owners=owners, empty=not present
            )
            done = _copy(work)
        return ImportResult(
            source=source.name,
            keys=done.passes[0].copied,
            passes=done.passes,
            followed=done.followed,
            quiet=done.quiet,
            switch=done.switch,
            digest=done.digest,
            seconds=time.monotonic() - began,
        )


def _program(session: Session, source: ImportFrom) -> str:
    """A server on this machine that loads a file; "" if there is none to load."""
    if not Path(source.text).expanduser().exists():
        return ""
    if session.topology.hosts is None:
        return session.plan().engine.path
    return installed(session.plan(assume=True).engine.title.lower())


@contextmanager
def _interruptible(request: ImportRequest) -> Iterator[None]:
    """Report at Ctrl-C how to go on: the same command is refused, since there are keys by then."""
    on = ": writes go on at the source" if request.switch else ""
    try:
        yield
    except KeyboardInterrupt as error:
        raise Interrupted(
            f"the import was interrupted{on}",
            detail="the keys that were copied are in the topology",
            hint="run the same command again with --replace",
        ) from error


def _refuse_itself(source: ImportSource, owners: Sequence[Owner]) -> None:
    if source.endpoints & {one.endpoint for one in owners}:
        raise UsageError(
            f"{source.name} is this topology itself", hint="name another server: --from HOST:PORT"
        )


def _refuse_switch(request: ImportRequest, source: ImportSource) -> None:
    if request.switch and not source.live:
        raise UsageError(
            f"{source.name} is a file, to which nothing is written", hint="leave out --switch"
        )
    if request.switch and request.until_quiet:
        raise UsageError(
            "--switch pauses the source's writes, --until-quiet waits until you stop the writers",
            hint="use one of them",
        )


def _copy(work: _Import) -> _Copied:
    """Copy all keys, and what is written to the source in the meantime: as it sends that to its
    replicas if that is asked for, or else by reading all keys again."""
    source, session = work.source, work.session
    with ExitStack() as stack:
        writes = _followed(stack, work)
        changes = KeyChanges() if source.live else None
        report = _report(session.progress, source.total, writes)
        copying = Copying(
            source=source,
            copy=stack.enter_context(KeyCopy(work.owners, report=report, changes=changes)),
            changes=changes,
            deadline=session.deadline,
            progress=session.progress,
        )
        if writes is not None:
            return _copy_following(work, copying, writes)
        passes, quiet = copy_in_passes(copying, until_quiet=work.request.until_quiet)
        digest = _compared(work) if quiet and work.empty else None
        return _Copied(passes=passes, quiet=quiet, digest=digest)


def _followed(stack: ExitStack, work: _Import) -> FollowedSource | None:
    """The source's writes from now on; None if they aren't asked for, or the source refuses."""
    request = work.request
    if not work.source.live or not (request.until_quiet or request.switch):
        return None
    try:
        writes = stack.enter_context(followed(work.source))
    except NoStream as error:
        if request.switch:
            raise UsageError(error.message, detail=error.detail, hint=UNTIL_QUIET) from error
        note(work.progress, f"{error.message} ({error.detail}): each pass reads all keys")
        return None
    if request.switch:
        require_pause(writes)
    return writes


def _report(progress: Progress, total: int, writes: FollowedSource | None) -> Callable[[int], None]:
    """What is called while keys are copied: it reports that, and notes what is written."""
    reported = time.monotonic()

    def report(keys: int) -> None:
        nonlocal reported
        if writes is not None:
            writes.note()
        now = time.monotonic()
        if now - reported > _REPORT_SECONDS:
            reported = now
            note(progress, f"{keys:,} of {total:,} keys are copied")

    return report


def _copy_following(work: _Import, copying: Copying, writes: FollowedSource) -> _Copied:
    request = work.request
    with step(work.progress, f"copy keys: {work.source.total:,}"):
        first = copy_pass(copying)
    with step(work.progress, "copy what was written in the meantime"):
        rest, reached = follow_until(copying, writes, near=request.switch)
    passes = (first, rest)
    if not request.switch:
        digest = _compared(work) if reached and work.empty else None
        return _Copied(passes=passes, quiet=reached, followed=True, digest=digest)
    if not reached:
        raise TimedOut(
            "the source is written to faster than keys are copied",
            detail=f"{writes.pending():,} keys are left; its writes were not paused",
            hint="use a longer --timeout, or import when there is less load",
        )
    found: list[DataDigest | None] = []
    with step(work.progress, "pause the source's writes, and copy the rest"):
        switched = switch(
            copying,
            writes,
            hold=request.hold,
            owners=work.owners if work.empty else (),
            prove=lambda: found.append(_compared(work) if work.empty else None),
        )
    return _Copied(passes=passes, quiet=True, followed=True, switch=switched, digest=found[0])


def _compared(work: _Import) -> DataDigest | None:
    """Compare the digests of both sides, unless the data is large and it isn't asked for."""
    session, source, still = work.session, work.source, not work.source.live
    size = sum(
        int(node.info.get("used_memory_dataset", 0))
        for node in session.observe().answering
        if node.role is Role.PRIMARY
    )
    small = size <= SMALL_BYTES and still  # of a server, the writes were counted
    if not (small if work.request.verify is None else work.request.verify):
        return None
    with step(session.progress, "compare the digest of the data", changes=False):
        numbers = tuple(source.keys)
        theirs = [
            digest_of_server(one.endpoint, one.login, one.databases) for one in source.servers
        ]
        ours = [digest_of_server(one.endpoint, one.login, numbers) for one in work.owners]
    before, now = (reduce(add, some, NO_DATA) for some in (theirs, ours))
    fault = difference(before, now)
    if fault and (still or work.request.switch):
        raise RedistopoError("the data differs from that of the source", detail=fault)
    if fault:
        note(session.progress, f"the data differs: {fault}; the source may have changed since")
    return None if fault else now
