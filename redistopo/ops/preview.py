"""`--dry-run` of verbs that take service away, and the question before them; nothing is changed."""

import signal
from collections.abc import Sequence

from redistopo.client.observe import observe
from redistopo.client.target import Detail
from redistopo.execute.shutdown import losing
from redistopo.model.planning.impact import losses
from redistopo.model.state.observed import NodeSeen, Observed
from redistopo.model.state.selector import select_nodes
from redistopo.model.topology.spec import Shape
from redistopo.ops.down import DownRequest
from redistopo.ops.reset import ResetRequest, outlook
from redistopo.ops.signals import SignalRequest, ends_servers, takes_service_away
from redistopo.ops.stop import StopRequest
from redistopo.project.load import layout_of_folder
from redistopo.project.started_topology import running_nodes
from redistopo.session.node_action import require_words
from redistopo.session.open import open_session
from redistopo.session.preview_result import Preview
from redistopo.session.session import Session, SessionRequest


def preview_stop(request: StopRequest) -> Preview:
    """Determine the effects of `stop`."""
    require_words(request.words, "stop", "redistopo down stops all of them")
    asked = SessionRequest(root=request.root, verb="stop", seconds=request.seconds)
    with open_session(asked) as session:
        seen = session.observe()
        going = [node for node in select_nodes(seen, request.words) if node.running]
        return _preview("stop", going, (*_lost(seen, going), *_unsaved(session, seen, going)))


def preview_kill(request: SignalRequest, number: signal.Signals) -> Preview:
    """Determine the effects of `kill` with this signal."""
    require_words(request.words, "kill")
    asked = SessionRequest(root=request.root, verb="kill", seconds=request.seconds)
    with open_session(asked) as session:
        seen = session.observe()
        going = [node for node in select_nodes(seen, request.words) if node.running]
        lost = _lost(seen, going) if takes_service_away(number) else ()
        unsaved = _unsaved(session, seen, going) if ends_servers(number) else ()
        return _preview("kill", going, (*lost, *unsaved))


def preview_pause(request: SignalRequest) -> Preview:
    """Determine the effects of `pause`."""
    require_words(request.words, "pause")
    asked = SessionRequest(root=request.root, verb="pause", seconds=request.seconds)
    with open_session(asked) as session:
        seen = session.observe()
        meant = select_nodes(seen, request.words)
        going = [node for node in meant if node.running and not node.paused]
        return _preview("pause", going, _lost(seen, going))


def preview_reset(request: ResetRequest) -> Preview:
    """Determine the effects of `reset`; raises what it would raise."""
    found = outlook(request)
    nodes = () if found.already else (found.name,)
    return Preview(verb="reset", nodes=nodes, losses=() if found.already else found.sentences)


def preview_down(request: DownRequest) -> Preview:
    """Determine the effects of `down`; like `down`, works without a valid topology file."""
    layout = layout_of_folder(request.root)
    asked = SessionRequest(
        root=request.root,
        verb="down",
        seconds=request.seconds,
        needs_file=False,
        needs_started=False,
    )
    lost: tuple[str, ...] = ()
    with open_session(asked) as session:
        if names := running_nodes(layout, session.host):
            targets = [one for one in session.targets if one.name in names]
            seen = observe(Shape.REPLICATION, targets, session.client, Detail.HEALTH)
            going = [node for node in seen.nodes if node.name in names]
            lost = ("no node replies until redistopo up", *_unsaved(session, seen, going))
    if request.wipe and layout.state.exists():
        lost = (*lost, f"configuration, passwords and data in {layout.state} are removed")
    return Preview(verb="down", nodes=names, losses=lost)


def _preview(verb: str, going: Sequence[NodeSeen], lost: tuple[str, ...]) -> Preview:
    return Preview(verb=verb, nodes=tuple(node.name for node in going), losses=lost)


def _lost(seen: Observed, going: Sequence[NodeSeen]) -> tuple[str, ...]:
    return losses(seen, (node.name for node in going))


def _unsaved(session: Session, seen: Observed, going: Sequence[NodeSeen]) -> tuple[str, ...]:
    """Name the nodes whose keys would be gone with their process."""
    shutdown = session.shutdown(seen, lossy=False, command="")
    gone = losing(shutdown, [node.name for node in going if not node.is_sentinel])
    return tuple(f"{name} keeps nothing on disk: its keys will be gone" for name in gone)
