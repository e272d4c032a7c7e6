"""`logs`: what the servers wrote, of all nodes in the order of time, and what they write now."""

import heapq
import re
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from redistopo.errors import UsageError
from redistopo.host.follow_logs import Log, follow
from redistopo.host.host import LogFiles
from redistopo.host.polling import Deadline
from redistopo.host.server_log import LOG_MARK
from redistopo.model.protocol.redact import Redactor
from redistopo.model.protocol.server_log import Arrivals, LogEntry, entries, read_head
from redistopo.model.state.selector import select_nodes
from redistopo.model.topology.project_paths import Layout
from redistopo.project.redact_secrets import secrets_of
from redistopo.project.started_topology import nothing_started_error
from redistopo.project.topology_state_file import node_folder_names
from redistopo.quick_dataclass import dataclass
from redistopo.session.open import open_session
from redistopo.session.session import SessionRequest

_LAST = 10
"""The default number of entries shown before new ones are followed."""

_SECRETS_SECONDS = 2.0
_WAIT_SECONDS = 2.0
"""How long one look at other hosts waits for something new."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogsRequest:
    """Whose logs, by selector words (all, without any), and what of them: of the last `since`
    seconds, the last `tail` entries, those in which `grep` is found; with `follow` also what
    is written from now on, without end."""

    root: Path
    words: tuple[str, ...] = ()
    since: float | None = None
    tail: int | None = None
    grep: str = ""
    follow: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LogsResult:
    """Names of the nodes, and their entries, read on demand and redacted; with `live`, new entries
    follow. `missed` has a line for each host that wasn't reached."""

    names: tuple[str, ...]
    entries: Iterator[LogEntry]
    live: bool = False
    missed: tuple[str, ...] = ()


def logs(request: LogsRequest) -> LogsResult:
    """Merge the servers' logs by their timestamps.

    Works without a valid topology file, and without running servers: then a node has no role.
    Raises UsageError for selectors that match no node, and for an invalid regular expression;
    RedistopoError if there is no log.
    """
    own = SessionRequest(
        root=request.root,
        verb="logs",
        needs_file=False,
        needs_started=bool(request.words),
    )
    with open_session(own) as session:
        try:
            wanted = re.compile(request.grep, re.MULTILINE)
        except re.error as error:
            raise UsageError(
                f"{request.grep!r} is no regular expression", detail=str(error)
            ) from error
        layout = session.layout
        chosen: tuple[str, ...] = ()
        if request.words:
            meant = select_nodes(session.observe(), request.words)
            chosen = tuple(node.name for node in meant)
        files = session.host.logs(layout, lambda: chosen or node_folder_names(layout))
        paths = files.paths(0)
    if not paths and not request.follow:
        raise nothing_started_error(layout)
    return LogsResult(
        names=chosen or tuple(paths),
        entries=_told(layout, (files, paths), request, wanted),
        live=request.follow,
        missed=tuple(f"host {name} wasn't reached: {why}" for name, why in files.missed.items()),
    )


def _told(
    layout: Layout,
    found: tuple[LogFiles, Mapping[str, Path]],
    request: LogsRequest,
    wanted: re.Pattern[str],
) -> Iterator[LogEntry]:
    files, paths = found
    scrub = Redactor(secrets_of(layout))
    known = [Log(name=name, path=path) for name, path in paths.items()]
    oldest = 0.0 if request.since is None else time.time() - request.since
    last = request.tail
    if last is None and request.follow and request.since is None:
        last = _LAST
    matching = (one for one in _history(known, oldest) if wanted.search(one.text))
    shown = matching if last is None else deque(matching, maxlen=last)
    yield from (_clean(one, scrub) for one in shown)
    if request.follow:
        lines = follow(known, lambda: files.paths(_WAIT_SECONDS))
        yield from _arriving(layout, lines, wanted)


def _history(known: list[Log], oldest: float) -> Iterator[LogEntry]:
    """Entries of all logs not older than that, in the order of time."""

    def old(line: str) -> bool:
        head = read_head(line)
        return head is not None and head.at < oldest

    read = (entries(log.name, _words(log.history(old if oldest else None))) for log in known)
    merged = heapq.merge(*read, key=lambda one: one.at)
    yield from (one for one in merged if one.at >= oldest)


def _words(lines: Iterable[str]) -> Iterator[str]:
    """The servers' own lines: redistopo writes a mark before each start."""
    return (line for line in lines if line != LOG_MARK)


def _arriving(
    layout: Layout, lines: Iterable[tuple[str, str]], wanted: re.Pattern[str]
) -> Iterator[LogEntry]:
    """Yield new lines as they are written; a line that continues a matching one is shown too."""
    arrivals = Arrivals()
    shown: dict[str, bool] = {}
    scrub, fresh = Redactor(()), Deadline(0)
    for name, line in lines:
        if fresh.over:  # secrets may change while we follow
            scrub, fresh = Redactor(secrets_of(layout)), Deadline(_SECRETS_SECONDS)
        if line == LOG_MARK:
            continue
        entry, more = arrivals.entry(name, line)
        shown[name] = (more and shown.get(name, False)) or bool(wanted.search(entry.text))
        if shown[name]:
            yield _clean(entry, scrub)


def _clean(one: LogEntry, scrub: Redactor) -> LogEntry:
    return LogEntry(node=one.node, at=one.at, level=one.level, text=scrub.lines(one.text))
