"""`logs`: what the servers wrote, of all nodes in the order of time, and what they write now."""

import heapq
import re
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from redistopo.client.connection import Asker
from redistopo.client.observe import Depth, look
from redistopo.errors import WrongRequest
from redistopo.host.files import LOG_MARK
from redistopo.host.log_tail import Log, follow
from redistopo.host.polling import Deadline
from redistopo.host.process_marks import load_record, recorded_nodes
from redistopo.model.protocol.redact import Scrubber
from redistopo.model.protocol.server_log import Arrivals, Entry, entries, read_head
from redistopo.model.state.selector import select
from redistopo.model.topology.layout import Layout
from redistopo.project.load import layout_of, load
from redistopo.project.secrets import secrets_of
from redistopo.project.started import (
    configs,
    nothing_started,
    running_keys,
    running_targets,
    shape_of,
)

_LAST = 10
"""Entries that are shown before new ones are followed, where nobody says how many."""

_SECRETS_SECONDS = 2.0


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
    """Names of the nodes, and their entries as they are read, without secrets; `live` where
    what is written from now on follows."""

    names: tuple[str, ...]
    entries: Iterator[Entry]
    live: bool = False


def logs(request: LogsRequest) -> LogsResult:
    """The servers' own words, merged by the time that they bear.

    Works without a valid topology file, and where nothing runs: then a node has no role.
    Raises WrongRequest for words that mean nobody, and for a wrong regular expression;
    RedistopoError where there is no log.
    """
    layout = layout_of(request.root)
    if not layout.state.exists() and not layout.topology.exists():
        load(request.root)  # says that there is no topology here
    try:
        wanted = re.compile(request.grep, re.MULTILINE)
    except re.error as error:
        raise WrongRequest(
            f"{request.grep!r} is no regular expression", detail=str(error)
        ) from error
    names = _meant(layout, request.words)
    if not names and not request.follow:
        raise nothing_started(layout)
    told = _told(layout, names, request, wanted)
    return LogsResult(names=names, entries=told, live=request.follow)


def _meant(layout: Layout, words: tuple[str, ...]) -> tuple[str, ...]:
    if not words:
        return tuple(_files(layout))
    rendered = configs(layout)
    if not rendered:
        raise nothing_started(layout)
    with Asker(running_keys(layout, rendered)) as asker:
        targets = running_targets(layout, rendered)
        seen = look(shape_of(load_record(layout), rendered), targets, asker, Depth.HEALTH)
    return tuple(node.name for node in select(seen, words))


def _files(layout: Layout) -> dict[str, Path]:
    found = {name: layout.node(name).log for name in recorded_nodes(layout)}
    return {name: path for name, path in found.items() if path.exists()}


def _told(
    layout: Layout, names: tuple[str, ...], request: LogsRequest, wanted: re.Pattern[str]
) -> Iterator[Entry]:
    scrub = Scrubber(secrets_of(layout))
    known = [Log(name=name, path=layout.node(name).log) for name in names]
    oldest = 0.0 if request.since is None else time.time() - request.since
    last = request.tail
    if last is None and request.follow and request.since is None:
        last = _LAST
    matching = (one for one in _history(known, oldest) if wanted.search(one.text))
    shown = matching if last is None else deque(matching, maxlen=last)
    yield from (_clean(one, scrub) for one in shown)
    if request.follow:

        def files() -> Mapping[str, Path]:
            return {} if request.words else _files(layout)

        yield from _arriving(layout, follow(known, files), wanted)


def _history(known: list[Log], oldest: float) -> Iterator[Entry]:
    """Entries of all logs not older than that, in the order of time."""

    def old(line: str) -> bool:
        head = read_head(line)
        return head is not None and head.at < oldest

    read = (entries(log.name, _words(log.history(old if oldest else None))) for log in known)
    merged = heapq.merge(*read, key=lambda one: one.at)
    yield from (one for one in merged if one.at >= oldest)


def _words(lines: Iterable[str]) -> Iterator[str]:
    """The servers' own: a mark of ours stands before each start."""
    return (line for line in lines if line != LOG_MARK)


def _arriving(
    layout: Layout, lines: Iterable[tuple[str, str]], wanted: re.Pattern[str]
) -> Iterator[Entry]:
    """What comes, as it comes; a line that goes on with one that was shown is shown, too."""
    arrivals = Arrivals()
    shown: dict[str, bool] = {}
    scrub, fresh = Scrubber(()), Deadline(0)
    for name, line in lines:
        if fresh.over:  # secrets may change while we follow
            scrub, fresh = Scrubber(secrets_of(layout)), Deadline(_SECRETS_SECONDS)
        if line == LOG_MARK:
            continue
        entry, more = arrivals.entry(name, line)
        shown[name] = (more and shown.get(name, False)) or bool(wanted.search(entry.text))
        if shown[name]:
            yield _clean(entry, scrub)


def _clean(one: Entry, scrub: Scrubber) -> Entry:
    return Entry(node=one.node, at=one.at, level=one.level, text=scrub.lines(one.text))
