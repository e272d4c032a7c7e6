"""A captured topology with something changed: each edit makes one snapshot of another."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from redistopo.model.state.observed import Observed, ProcessState

Edit = Callable[[Observed], Observed]

NOTHING: dict[str, Any] = {"info": {}, "cluster": {}, "members": ()}
"""What a node said that says nothing."""


def node(name: str, **fields: Any) -> Edit:
    """The node with other fields."""
    return lambda seen: replace(
        seen, nodes=tuple(replace(n, **fields) if n.name == name else n for n in seen.nodes)
    )


def info(name: str, **said: object) -> Edit:
    """The node with other fields of INFO."""

    def edit(seen: Observed) -> Observed:
        old = next(one for one in seen.nodes if one.name == name)
        told = {key: str(value) for key, value in said.items()}
        return node(name, info={**old.info, **told})(seen)

    return edit


def state(said: str, *names: str) -> Edit:
    """Nodes with another cluster_state."""

    def edit(seen: Observed) -> Observed:
        nodes = tuple(
            replace(one, cluster={**one.cluster, "cluster_state": said})
            if one.name in names
            else one
            for one in seen.nodes
        )
        return replace(seen, nodes=nodes)

    return edit


def belief(about: str, *witnesses: str, **fields: Any) -> Edit:
    """What these nodes believe of a node, or of itself."""

    def edit(seen: Observed) -> Observed:
        port = next(one.port for one in seen.nodes if one.name == about)
        nodes = tuple(
            replace(
                one,
                members=tuple(
                    replace(member, **fields) if member.port == port else member
                    for member in one.members
                ),
            )
            if one.name in witnesses
            else one
            for one in seen.nodes
        )
        return replace(seen, nodes=nodes)

    return edit


def both(*edits: Edit) -> Edit:
    def edit(seen: Observed) -> Observed:
        for one in edits:
            seen = one(seen)
        return seen

    return edit


def gone(name: str) -> Edit:
    told = {"process": ProcessState.ABSENT, "pid": 0, "error": "its process isn't running"}
    return node(name, **told, **NOTHING)


def silent(name: str) -> Edit:
    return node(name, error="127.0.0.1:7000 doesn't reply: timed out", **NOTHING)


def promoted(name: str, before: str) -> Edit:
    """A cluster's replica that took over from its primary, with a higher epoch; nothing where
    an edit before has silenced one of them."""

    def edit(seen: Observed) -> Observed:
        old = next(one for one in seen.nodes if one.name == before).myself
        me = next(one for one in seen.nodes if one.name == name).myself
        if old is None or me is None:
            return seen
        own = {"flags": frozenset({"myself", "master"}), "primary_id": "", "epoch": 9}
        others = [one.name for one in seen.nodes if one.name != name]
        return both(
            info(name, role="master"),
            belief(name, name, slots=old.slots, **own),
            belief(name, *others, slots=old.slots, **{**own, "flags": frozenset({"master"})}),
            belief(before, *(n for n in (name, *others) if n != before), slots=()),
        )(seen)

    return edit
