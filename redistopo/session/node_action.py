"""What the verbs for single nodes share: one look under the lock, and how it ended for whom."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from redistopo.errors import ExitCode, WrongRequest
from redistopo.host.polling import Deadline
from redistopo.model.planning.impact import losses
from redistopo.model.state.node_status import NodeStatus, lines
from redistopo.model.state.observed import NodeSeen
from redistopo.model.state.selector import ROLES, SYNTAX
from redistopo.model.topology.layout import Layout
from redistopo.progress import Tell, warn
from redistopo.project.load import load
from redistopo.project.lock import locked
from redistopo.project.progress_log import recorded
from redistopo.project.secrets import discreet
from redistopo.project.started import nothing_started
from redistopo.session.running import Running, running


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeDone:
    """What became of one node: `did` in a word or two, `changed` if this run did it, `well`
    unless it isn't as was asked; then `hint` is what to type."""

    name: str
    did: str
    changed: bool = True
    well: bool = True
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActResult:
    """What was done to which node, what is lost by it, and every node as it is now."""

    nodes: tuple[NodeDone, ...]
    now: tuple[NodeStatus, ...]
    losses: tuple[str, ...] = ()
    code: ExitCode = field(default=ExitCode.DONE)


@contextmanager
def acting(root: Path, verb: str, deadline: Deadline, tell: Tell) -> Iterator[tuple[Running, Tell]]:
    """The running topology of that folder, which nobody else changes meanwhile; what is told
    is in the timeline, and errors tell no secret.

    Raises WrongRequest without a topology file, RedistopoError where nothing was started.
    """
    layout = load(root).layout
    with locked(layout, verb, deadline, tell) as there:
        if not there:
            raise nothing_started(layout)
        with recorded(layout, verb, tell) as told, discreet(layout), running(root) as found:
            yield found, told


def require_words(words: Iterable[str], verb: str, instead: str = "") -> None:
    """Raises WrongRequest for no word at all, or empty ones (a variable that wasn't set): what
    is harmful is never done to all by accident."""
    if not " ".join(words).split():
        raise WrongRequest(
            f"{verb} whom? Name the nodes",
            detail=f"a node is {SYNTAX}",
            hint=f"redistopo {verb} 'shard:1 replica'" + (f"; {instead}" if instead else ""),
        )


def told_losses(found: Running, nodes: Iterable[NodeSeen], tell: Tell) -> tuple[str, ...]:
    """What is lost while these nodes don't serve; the user has been told."""
    lost = losses(found.seen, (node.name for node in nodes))
    for one in lost:
        warn(tell, one)
    return lost


def acted(found: Running, done: Mapping[str, NodeDone], lost: tuple[str, ...] = ()) -> ActResult:
    """The Result, with every node as it is now; FAILED where one isn't as was asked."""
    return act_result(done.values(), lines(found.again().seen), lost)


def act_result(
    done: Iterable[NodeDone], now: tuple[NodeStatus, ...], lost: tuple[str, ...] = ()
) -> ActResult:
    """The same of a look that was taken."""
    nodes = tuple(done)
    well = all(one.well for one in nodes)
    code = ExitCode.DONE if well else ExitCode.FAILED
    return ActResult(nodes=nodes, now=now, losses=lost, code=code)


def names_a_role(words: Iterable[str]) -> bool:
    """Whether one of these words is a role, which a node that doesn't answer has none of."""
    return any(word in ROLES for text in words for word in text.split())


def log_of(layout: Layout, name: str) -> str:
    """Where to look on, for a hint."""
    return f"its log: {layout.node(name).log}"
