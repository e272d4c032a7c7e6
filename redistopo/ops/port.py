"""`port`: the ports of selected nodes, for scripts."""

from dataclasses import field
from pathlib import Path

from redistopo.errors import ExitCode
from redistopo.model.state.selector import select_nodes
from redistopo.quick_dataclass import dataclass
from redistopo.session.node_action import require_words
from redistopo.session.open import open_session
from redistopo.session.session import SessionRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class PortResult:
    """The ports of the selected nodes, in the order of the topology; `nodes` are their names."""

    nodes: tuple[str, ...]
    ports: tuple[int, ...]
    code: ExitCode = field(default=ExitCode.DONE)


def port(root: Path, words: tuple[str, ...]) -> PortResult:
    """Return the ports of nodes with their current roles and shards; raises UsageError if no node
    matches."""
    require_words(words, "port")
    with open_session(SessionRequest(root=root)) as session:
        chosen = select_nodes(session.observe(), words)
    return PortResult(
        nodes=tuple(node.name for node in chosen), ports=tuple(node.port for node in chosen)
    )
