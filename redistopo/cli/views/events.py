"""Events as lines for people, or as records for programs; times are local."""

from collections.abc import Callable
from datetime import datetime
from typing import NotRequired, TypedDict

import click

from redistopo.cli import theme
from redistopo.cli.counts import counted
from redistopo.cli.formats import Format
from redistopo.cli.printable import cleaned
from redistopo.cli.views.status import count_states, size
from redistopo.model.remedies.remedy import RemedyFields, remedy_fields
from redistopo.model.state.diff import BAD, CHANGED, GOOD, ChangeKind
from redistopo.ops.events import Round
from redistopo.ops.watch import Scene


class EventRecord(TypedDict):
    """A line of `events --json`. `node` is empty for the topology as a whole. The line of kind
    `waiting`, while there is nothing to observe, has a `hint` and its `remedy` instead of `was`
    and `now`."""

    at: str
    node: str
    kind: str
    words: str
    was: NotRequired[str]
    now: NotRequired[str]
    hint: NotRequired[str]
    remedy: NotRequired[RemedyFields]


_KIND_WIDTH = max(len(kind.value) for kind in ChangeKind)


def color_of(kind: ChangeKind) -> str | None:
    """Return the colour of faults, of recoveries, or of role changes; None for other events."""
    if kind in BAD:
        return theme.ERROR
    if kind in GOOD:
        return theme.OK
    return theme.WARNING if kind in CHANGED else None


def print_lines(found: Round) -> None:
    """Print a line for each event; one on stderr while the topology isn't reachable."""
    found = cleaned(found)
    if found.trouble:
        hint = f"; {found.trouble.hint}" if found.trouble.hint else ""
        click.echo(f"waiting: {found.trouble.message}{hint}", err=True)
    nodes = found.seen.nodes if found.seen else ()
    width = max([len(node.name) for node in nodes] + [len(one.node) for one in found.news] + [1])
    for one in found.news:
        color, kind = color_of(one.kind), one.kind.value.ljust(_KIND_WIDTH)
        kind = theme.paint(kind, color) if color else kind
        click.echo(f"{_clock(one.at)}  {(one.node or '-').ljust(width)}  {kind}  {one.words}")


def print_records(form: Format) -> Callable[[Round], None]:
    """Return a printer of one record for each event; kind `waiting` while the topology isn't
    reachable."""

    def show(found: Round) -> None:
        if found.trouble:
            waiting = EventRecord(
                at=_with_offset(found.at),
                node="",
                kind="waiting",
                words=found.trouble.message,
                hint=found.trouble.hint,
            )
            if found.trouble.hint:
                waiting["remedy"] = remedy_fields(found.trouble.hint)
            click.echo(form.record(waiting))
        for one in found.news:
            record = EventRecord(
                at=_with_offset(one.at),
                node=one.node,
                kind=one.kind.value,
                words=one.words,
                was=one.was,
                now=one.now,
            )
            click.echo(form.record(record))

    return show


def _clock(at: datetime) -> str:
    """``2026-11-28T01:13:06.123``: local time, one word for scripts."""
    return at.astimezone().replace(tzinfo=None).isoformat(timespec="milliseconds")


def _with_offset(at: datetime) -> str:
    """``2026-11-28T01:13:06.123+01:00``"""
    return at.astimezone().isoformat(timespec="milliseconds")


class ChangePrinter:
    """Rounds of a live screen as lines, without a screen: prints nothing while nothing changes."""

    def __init__(self) -> None:
        self._trouble = ""

    def progress(self, scene: Scene, found: Round) -> None:
        """Print what happened, then a summary of all nodes."""
        trouble = found.trouble.message if found.trouble else ""
        if found.news or trouble != self._trouble:
            print_lines(found)
        if found.news and scene.lines:
            click.echo(f"{_clock(found.at)}  {summary(scene)}")
        self._trouble = trouble


def summary(scene: Scene) -> str:
    """Return ``6 nodes: 5 ok, 1 stopped; 120 ops/s, 12M``; the first snapshot has no rate."""
    listed = count_states(scene.lines)
    rates = [line.operations for line in scene.lines if line.operations is not None]
    rate = f"{sum(rates)} ops/s, " if rates else ""
    memory = sum(line.memory or 0 for line in scene.lines)
    return f"{counted(len(scene.lines), 'node')}: {listed}; {rate}{size(memory)}"
