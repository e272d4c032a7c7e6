"""What the verbs for single nodes share: which nodes, what is lost, and how it ended for each."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from redistopo.errors import ExitCode, UsageError
from redistopo.model.planning.impact import losses
from redistopo.model.state.observed import NodeSeen, Observed
from redistopo.model.state.selector import ROLES, SELECTOR_SYNTAX
from redistopo.model.state.status_rows import NodeStatus, status_lines
from redistopo.model.topology.project_paths import Layout
from redistopo.progress import Progress, warn


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeOutcome:
    """What became of one node: `did` in a word or two, `changed` if this run did it, `well`
    unless it isn't as was asked; then `hint` is what to type."""

    name: str
    did: str
    changed: bool = True
    well: bool = True
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeActionResult:
    """What was done to which node, what is lost by it, and every node as it is now."""

    nodes: tuple[NodeOutcome, ...]
    now: tuple[NodeStatus, ...]
    losses: tuple[str, ...] = ()
    code: ExitCode = field(default=ExitCode.DONE)


def require_words(words: Iterable[str], verb: str, instead: str = "") -> None:
    """Raises UsageError for no word at all, or empty ones (a variable that wasn't set): what
    is harmful is never done to all by accident."""
    if not " ".join(words).split():
        raise UsageError(
            f"{verb} whom? Name the nodes",
            detail=f"a node is {SELECTOR_SYNTAX}",
            hint=f"redistopo {verb} 'shard:1 replica'" + (f"; {instead}" if instead else ""),
        )


def warn_of_losses(
    seen: Observed, nodes: Iterable[NodeSeen], progress: Progress
) -> tuple[str, ...]:
    """What is lost while these nodes don't serve; the user has been told."""
    lost = losses(seen, (node.name for node in nodes))
    for one in lost:
        warn(progress, one)
    return lost


def finish_action(
    now: Observed, done: Iterable[NodeOutcome], lost: tuple[str, ...] = ()
) -> NodeActionResult:
    """The Result, with every node as it is now; FAILED where one isn't as was asked."""
    nodes = tuple(done)
    well = all(one.well for one in nodes)
    code = ExitCode.DONE if well else ExitCode.FAILED
    return NodeActionResult(nodes=nodes, now=status_lines(now), losses=lost, code=code)


def names_a_role(words: Iterable[str]) -> bool:
    """Whether one of these words is a role, which a node that doesn't reply has none of."""
    return any(word in ROLES for text in words for word in text.split())


def log_of(layout: Layout, name: str) -> str:
    """Where to look on, for a hint."""
    return f"its log: {layout.node(name).log}"
