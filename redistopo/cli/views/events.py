"""Occurrences as lines for people, or as JSON lines."""

import json
from collections import Counter

import click

from redistopo.cli.views.status import size
from redistopo.model.state.diff import BAD, CHANGED, GOOD, ChangeKind, StateChange
from redistopo.ops.events import Round
from redistopo.ops.watch import Scene

_KIND_WIDTH = max(len(kind.value) for kind in ChangeKind)


def color_of(kind: ChangeKind) -> str | None:
    """Red for what is bad, green for what is good again, yellow for who leads."""
    if kind in BAD:
        return "red"
    if kind in GOOD:
        return "green"
    return "yellow" if kind in CHANGED else None


def tell_lines(found: Round) -> None:
    """A line for each occurrence; one on stderr where there is nothing to look at."""
    if found.trouble:
        next_ = f"; {found.trouble.hint}" if found.trouble.hint else ""
        click.echo(f"waiting: {found.trouble.message}{next_}", err=True)
    nodes = found.seen.nodes if found.seen else ()
    width = max([len(node.name) for node in nodes] + [len(one.node) for one in found.news] + [1])
    for one in found.news:
        color, kind = color_of(one.kind), one.kind.value.ljust(_KIND_WIDTH)
        kind = click.style(kind, fg=color) if color else kind
        click.echo(f"{stamp(one)}  {(one.node or '-').ljust(width)}  {kind}  {one.words}")


def tell_json(found: Round) -> None:
    """One JSON object a line; one of kind `waiting` where there is nothing to look at."""
    if found.trouble:
        told = {"kind": "waiting", "words": found.trouble.message, "hint": found.trouble.hint}
        at = found.at.isoformat(timespec="milliseconds")
        click.echo(json.dumps({"at": at, "node": "", **told}, ensure_ascii=False))
    for one in found.news:
        line = {
            "at": stamp(one),
            "node": one.node,
            "kind": one.kind.value,
            "words": one.words,
            "was": one.was,
            "now": one.now,
        }
        click.echo(json.dumps(line, ensure_ascii=False))


def stamp(one: StateChange) -> str:
    """Its moment to the millisecond, in UTC, as the timeline of `up` has it."""
    return one.at.isoformat(timespec="milliseconds")


class Teller:
    """A live screen's rounds as lines, where there is no screen: silent while nothing happens."""

    def __init__(self) -> None:
        self._trouble = ""

    def progress(self, scene: Scene, found: Round) -> None:
        """What happened, and then how all nodes are."""
        trouble = found.trouble.message if found.trouble else ""
        if found.news or trouble != self._trouble:
            tell_lines(found)
        if found.news and scene.lines:
            click.echo(f"{found.at.isoformat(timespec='milliseconds')}  {summary(scene)}")
        self._trouble = trouble


def summary(scene: Scene) -> str:
    """``6 nodes: 5 ok, 1 stopped; 120 ops/s, 12M``"""
    states = Counter(line.state for line in scene.lines)
    ordered = sorted(states.items(), key=lambda one: (one[0] != "ok", one[0]))
    told = ", ".join(f"{count} {state}" for state, count in ordered)
    operations = sum(line.operations or 0 for line in scene.lines)
    memory = sum(line.memory or 0 for line in scene.lines)
    nodes = "1 node" if len(scene.lines) == 1 else f"{len(scene.lines)} nodes"
    return f"{nodes}: {told}; {operations} ops/s, {size(memory)}"
