"""Passes over a source: each reads all of its keys, and copies those that changed."""

import time
from collections.abc import Sequence
from contextlib import suppress

from redistopo.client.connection import Connections
from redistopo.client.copy_keys import KeyCopy
from redistopo.client.key_changes import KeyChanges
from redistopo.errors import TimedOut
from redistopo.host.polling import Deadline, wait_for
from redistopo.importing.import_source import ImportSource
from redistopo.model.protocol.credentials import single_credential
from redistopo.model.protocol.replies import parse_info
from redistopo.progress import Progress, step
from redistopo.quick_dataclass import dataclass

QUIET_SECONDS = 1.0
"""How long nothing is written to a source that counts as quiet."""

_LEAST_PASSES = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportPass:
    """One pass over the source: keys copied, of which `changed` since the pass before, and deleted
    ones."""

    copied: int
    changed: int
    deleted: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Copying:
    """What copies a source: connections to the owners, what was copied, a deadline, progress;
    `changes` is None if the source can't be written to."""

    source: ImportSource
    copy: KeyCopy
    changes: KeyChanges | None
    deadline: Deadline
    progress: Progress


def copy_pass(copying: Copying) -> ImportPass:
    """Copy all keys that changed since the pass before, and delete those that are gone."""
    copy, changes = copying.copy, copying.changes
    began, before = time.monotonic(), copy.result.keys
    if changes is not None:
        changes.begin_pass()
    for one in copying.source.servers:
        copy.copy(one)
    gone = changes.end_pass() if changes is not None else ()
    copy.delete(gone)
    return ImportPass(
        copied=copy.result.keys - before,
        changed=changes.changed if changes is not None else 0,
        deleted=len(gone),
        seconds=time.monotonic() - began,
    )


def copy_in_passes(copying: Copying, *, until_quiet: bool) -> tuple[tuple[ImportPass, ...], bool]:
    """Copy in passes, the second one if the source was written to in the meantime. The last
    found no change, or there was no write during it, if the source is quiet then."""
    source = copying.source
    passes: list[ImportPass] = []
    marks = write_marks(source) if source.live else ()
    while True:
        name = f"copy keys: {source.total:,}" if not passes else "copy what changed"
        with step(copying.progress, name):
            passes.append(copy_pass(copying))
        now = write_marks(source) if source.live else ()
        quiet = now == marks or _changed_nothing(passes)
        if quiet and until_quiet and source.live:
            quiet = _stays_quiet(source, now)
        enough = not until_quiet and len(passes) >= _LEAST_PASSES
        if quiet or enough or copying.deadline.over:
            return tuple(passes), quiet
        marks = now


def _stays_quiet(source: ImportSource, marks: tuple[object, ...]) -> bool:
    """Return whether nothing is written for a while: a pass over few keys takes less time than
    lies between two writes."""
    with suppress(TimedOut):
        return not wait_for(
            lambda: True if write_marks(source) != marks else None, Deadline(QUIET_SECONDS)
        )
    return True


def _changed_nothing(passes: Sequence[ImportPass]) -> bool:
    return len(passes) > 1 and passes[-1].changed + passes[-1].deleted == 0


def write_marks(source: ImportSource) -> tuple[object, ...]:
    """Return what changes on the servers with every write, so that equal marks prove that there was
    none: the process, and its numbers of writes and saves."""
    fields = ("run_id", "rdb_last_save_time", "rdb_changes_since_last_save", "master_repl_offset")
    found: list[object] = []
    for one in source.servers:
        with Connections(single_credential(one.login)) as client:
            (reply,) = client.execute(one.endpoint, [("INFO",)])
        info = parse_info(str(reply))
        offset = info.get("connected_slaves", "0") == "0"  # a primary with replicas sends pings
        found.append([info.get(name) for name in (fields if offset else fields[:3])])
    return tuple(found)
