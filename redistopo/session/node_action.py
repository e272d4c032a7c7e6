"""Shared by verbs on single nodes: selecting nodes, impact, and the outcome for each."""

from collections.abc import Iterable
from dataclasses import field

from redistopo.errors import ExitCode, UsageError
from redistopo.model.planning.impact import losses
from redistopo.model.state.observed import NodeSeen, Observed
from redistopo.model.state.selector import ROLES, SELECTOR_SYNTAX
from redistopo.model.state.status_rows import NodeStatus, status_rows
from redistopo.model.topology.project_paths import Layout
from redistopo.progress import Progress, warn
from redistopo.quick_dataclass import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeOutcome:
    """The outcome for one node: `did` in a word or two, `changed` if this run did it, `well` if it
    succeeded; otherwise `hint` is what to type."""

    name: str
    did: str
    changed: bool = True
    well: bool = True
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeActionResult:
    """The outcomes, the impact, and the current state of every node."""

    nodes: tuple[NodeOutcome, ...]
    now: tuple[NodeStatus, ...]
    losses: tuple[str, ...] = ()
    code: ExitCode = field(default=ExitCode.DONE)


def not_done(name: str, why: str, hint: str, *, changed: bool = False) -> NodeOutcome:
    """Build the outcome of a node for which the action failed, or was not possible."""
    return NodeOutcome(name=name, did=why, changed=changed, well=False, hint=hint)


def require_words(words: Iterable[str], verb: str, instead: str = "") -> None:
    """Raise UsageError for no selector, or an empty one (an unset variable): a harmful action is
    never applied to all nodes by accident."""
    if not " ".join(words).split():
        raise UsageError(
            f"{verb} needs a node",
            detail=f"a node is {SELECTOR_SYNTAX}",
            hint=f"redistopo {verb} 'shard:1 replica'" + (f"; {instead}" if instead else ""),
        )


def warn_of_losses(
    seen: Observed, nodes: Iterable[NodeSeen], progress: Progress
) -> tuple[str, ...]:
    """Warn about the impact of stopping these nodes, and return it."""
    lost = losses(seen, (node.name for node in nodes))
    for one in lost:
        warn(progress, one)
    return lost


def finish_action(
    now: Observed, done: Iterable[NodeOutcome], lost: tuple[str, ...] = ()
) -> NodeActionResult:
    """Build the result; its code is FAILED if any node's action failed."""
    nodes = tuple(done)
    well = all(one.well for one in nodes)
    code = ExitCode.DONE if well else ExitCode.FAILED
    return NodeActionResult(nodes=nodes, now=status_rows(now), losses=lost, code=code)


def unreached(node: NodeSeen) -> NodeOutcome | None:
    """Return the outcome of a node whose host isn't reached, and of which nothing is known; None
    for another one."""
    if not node.host_error:
        return None
    hint = "check that host and its SSH server, then the same command again"
    return not_done(node.name, "its host can't be reached", hint)


def names_a_role(words: Iterable[str]) -> bool:
    """Return whether a selector is a role, which nodes that don't reply don't have."""
    return any(word in ROLES for text in words for word in text.split())


def log_of(layout: Layout, name: str) -> str:
    """Name a node's log for a hint."""
    return f"its log: {layout.node(name).log}"
