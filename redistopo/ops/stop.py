"""`stop`: some servers end, their data saved; the others go on."""

from pathlib import Path

from redistopo.execute.shutdown import losing, shut_down_saving
from redistopo.model.state.observed import NodeSeen, Observed
from redistopo.model.state.selector import select_nodes
from redistopo.progress import Progress, warn
from redistopo.quick_dataclass import dataclass
from redistopo.session.node_action import (
    NodeActionResult,
    NodeOutcome,
    finish_action,
    require_words,
    unreached,
    warn_of_losses,
)
from redistopo.session.open import open_session
from redistopo.session.session import Session, SessionRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class StopRequest:
    """The nodes to stop, by selectors; after `seconds`, those that still run are killed.

    With `force`, also stop servers that can't save: unsaved data is lost. With `skip_unreachable`,
    other hosts need not be reached.
    """

    root: Path
    words: tuple[str, ...]
    seconds: float = 30.0
    force: bool = False
    skip_unreachable: bool = False


def stop(request: StopRequest, progress: Progress) -> NodeActionResult:
    """Stop the selected nodes with their data saved; no other node is affected.

    Stopped nodes stay stopped. Raises UsageError without selectors or a match, RedistopoError if a
    server that can't save was left running, or was killed before it had saved.
    """
    require_words(request.words, "stop", "redistopo down stops all of them")
    asked = SessionRequest(
        root=request.root,
        lock="stop",
        seconds=request.seconds,
        skip_unreachable=request.skip_unreachable,
    )
    with open_session(asked, progress) as session:
        seen = session.record_primary(session.observe())
        meant = select_nodes(seen, request.words)
        going = tuple(node for node in meant if node.running)
        lost = warn_of_losses(seen, going, session.progress)
        if going:
            _stop(session, seen, going, force=request.force)
        done = [
            unreached(node)
            or NodeOutcome(
                name=node.name,
                did="stopped" if node.running else "was stopped already",
                changed=node.running,
            )
            for node in meant
        ]
        return finish_action(session.observe(), done, lost)


def _stop(session: Session, seen: Observed, nodes: tuple[NodeSeen, ...], *, force: bool) -> None:
    names = [node.name for node in nodes]
    command = f"redistopo stop {' '.join(names)}"
    shutdown = session.shutdown(seen, lossy=force, command=command)
    if gone := losing(shutdown, names):
        warn(session.progress, f"{', '.join(gone)} keeps nothing on disk: its keys will be gone")
    shut_down_saving(shutdown, names, session.deadline, session.progress)
