"""Node selectors, such as ``7001``, ``node2``, ``shard:2``, ``replica``, resolved live.

Selectors of one kind add up, different kinds narrow each other: ``7001 7002`` selects two
nodes, ``shard:1 shard:2 replica`` the replicas of two shards.
"""

import re
from collections.abc import Iterable

from redistopo.errors import UsageError
from redistopo.model.state.observed import NodeSeen, Observed, Role
from redistopo.model.state.shards import shards_of
from redistopo.quick_dataclass import dataclass

ROLES = {
    "primary": Role.PRIMARY,
    "master": Role.PRIMARY,
    "replica": Role.REPLICA,
    "slave": Role.REPLICA,
    "sentinel": Role.SENTINEL,
}
"""Names of roles; the servers' older names are accepted too."""

SELECTOR_SYNTAX = (
    "a port (7001), a name (node2), shard:2, primary, replica or sentinel; "
    "different kinds narrow each other"
)
"""The syntax, as shown in the help of every verb with a selector."""

_SYNTAX = f"a node is {SELECTOR_SYNTAX}"
_DIGITS_OF_A_PORT = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class _Selector:
    """Selectors by kind; an empty kind doesn't narrow."""

    single: frozenset[str]
    shards: frozenset[int]
    roles: frozenset[Role]


def select_nodes(seen: Observed, words: Iterable[str]) -> tuple[NodeSeen, ...]:
    """Select nodes, in the order of the topology; all of them without selectors.

    A node that doesn't reply has no role (except a Sentinel), and the shard that other nodes
    report for it. Raises UsageError for an unknown selector, and if no node matches.
    """
    asked = tuple(word for text in words for word in text.split())
    selector = _sorted(seen, asked)
    shards = _shards(seen)
    found = tuple(node for node in seen.nodes if _matches(node, selector, shards))
    if found:
        return found
    silent = [node.name for node in seen.nodes if not node.answers and not node.is_sentinel]
    raise UsageError(
        f"no node matches {' '.join(asked)} now",
        detail=_roles(seen, shards),
        hint=(_without_role(silent, seen) if selector.roles - {Role.SENTINEL} else "") or _SYNTAX,
    )


def _without_role(silent: list[str], seen: Observed) -> str:
    """Nodes that don't reply have no role."""
    if not silent:
        return ""
    if not seen.answering:
        return "roles are those of running nodes: redistopo up; or use a name"
    its = "its role is" if len(silent) == 1 else "their roles are"
    return (
        f"{', '.join(silent)}: no reply, so {its} unknown: redistopo up starts or resumes what is "
        "down; or use a name"
    )


def select_one_node(seen: Observed, words: Iterable[str]) -> NodeSeen:
    """Select exactly one node; raises UsageError for none or several."""
    asked = tuple(words)
    found = select_nodes(seen, asked)
    if len(found) == 1:
        return found[0]
    raise UsageError(
        f"{' '.join(asked) or 'no selector'} matches {len(found)} nodes, one is required",
        detail=_roles(seen, _shards(seen)),
        hint=f"name one of {', '.join(node.name for node in found)}",
    )


def _sorted(seen: Observed, words: tuple[str, ...]) -> _Selector:
    known = {name for node in seen.nodes for name in _names(node)}
    single: set[str] = set()
    shards: set[int] = set()
    roles: set[Role] = set()
    for word in words:
        if found := re.fullmatch(r"shard[:=-]?([0-9]{1,4})", word):
            shards.add(int(found[1]))
        elif word in ROLES:
            roles.add(ROLES[word])
        elif word in known:
            single.add(word)
        else:
            raise UsageError(
                f"{word!r} is not a node of this topology",
                detail=_roles(seen, _shards(seen)),
                hint=_exact_form(word) or _SYNTAX,
            )
    return _Selector(single=frozenset(single), shards=frozenset(shards), roles=frozenset(roles))


def _exact_form(word: str) -> str:
    """How a bare number, or the word shard apart from its number, is written."""
    if word == "shard":
        return "a shard is written as one word: shard:2"
    short = word.isdecimal() and len(word) < _DIGITS_OF_A_PORT
    return f"shard {word} is shard:{word}, node {word} is node{word}" if short else ""


def _names(node: NodeSeen) -> tuple[str, str, str]:
    return (node.name, str(node.port), node.address)


def _matches(node: NodeSeen, selector: _Selector, shards: dict[str, int]) -> bool:
    return (
        (not selector.single or not selector.single.isdisjoint(_names(node)))
        and (not selector.shards or shards.get(node.address) in selector.shards)
        and (not selector.roles or _role(node) in selector.roles)
    )


def _role(node: NodeSeen) -> Role | None:
    return Role.SENTINEL if node.is_sentinel else node.role


def _shards(seen: Observed) -> dict[str, int]:
    """Address -> number of its shard; for silent nodes, as reported by the others."""
    found: dict[str, int] = {}
    by_primary: dict[str, int] = {}
    for shard in shards_of(seen):
        for node in shard.nodes:
            found[node.address] = shard.number
            if me := node.myself:
                by_primary[me.primary_id if me.replica else me.id] = shard.number
    for node in seen.answering:
        for member in node.members:
            number = by_primary.get(member.primary_id if member.replica else member.id)
            if number is not None:
                found.setdefault(member.address, number)
    return found


def _roles(seen: Observed, shards: dict[str, int]) -> str:
    """One line for each node: its name, port and current role."""
    return "\n".join(
        f"{node.name}  :{node.port}  {_state(node)}"
        + (f"  shard:{shards[node.address]}" if node.address in shards else "")
        for node in seen.nodes
    )


def _state(node: NodeSeen) -> str:
    words = [role.value] if (role := _role(node)) else []
    return ", ".join(words if node.answers else [*words, "silent"])
