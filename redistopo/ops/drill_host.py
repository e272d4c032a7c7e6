"""`drill host`: all nodes of one host fail at once, under load."""

from collections.abc import Mapping
from dataclasses import replace

from redistopo.client.target import Detail
from redistopo.drill.drill_report import DrillReport
from redistopo.drill.drill_request import DrillRequest
from redistopo.errors import UsageError
from redistopo.model.planning.host_loss import host_losses
from redistopo.model.planning.impact import losses
from redistopo.ops.drill import drill_session, drilled
from redistopo.progress import Progress, note
from redistopo.session.open import open_session
from redistopo.session.preview_result import Preview
from redistopo.session.session import Session


def drill_host(request: DrillRequest, machine: str, progress: Progress) -> DrillReport:
    """Inject the fault into every node of a machine under load; see `drill`.

    Before that, notes say for each host whether the topology survives its loss. Raises UsageError
    for a topology on this machine, and for an unknown host.
    """
    with open_session(drill_session(request.root), progress) as session:
        places = _places(session)
        targets = _targets(places, machine)
        for loss in host_losses(session.observe(Detail.FULL), places):
            note(session.progress, loss.text)
        return drilled(session, replace(request, targets=targets))


def preview_drill_host(request: DrillRequest, machine: str) -> Preview:
    """Determine the effects of the loss; nothing is changed."""
    with open_session(replace(drill_session(request.root), lock="")) as session:
        places = _places(session)
        names = tuple(name for (name,) in _targets(places, machine))
        seen = session.observe(Detail.FULL)
    verdicts = tuple(one.text for one in host_losses(seen, places) if one.machine == machine)
    fault = f"{request.fault} {', '.join(names)} at once, while clients read and write"
    turns = (*verdicts, fault, "repair")
    return Preview(verb="drill host", nodes=names, turns=turns, losses=losses(seen, names))


def _places(session: Session) -> dict[str, str]:
    """Map the name of each recorded node to its machine."""
    nodes = session.state.nodes if session.state else ()
    places = {node.name: node.machine for node in nodes if node.machine}
    if not places:
        raise UsageError(
            "the nodes of this topology are on this machine, not on hosts",
            hint="redistopo drill failover: a fault of one node",
        )
    return places


def _targets(places: Mapping[str, str], machine: str) -> tuple[tuple[str, ...], ...]:
    """Return a selector for each node of a machine; raises UsageError if it has none."""
    found = tuple((name,) for name, at in places.items() if at == machine)
    if not found:
        raise UsageError(
            f"no node is on host {machine}",
            hint=f"name one of {', '.join(dict.fromkeys(places.values()))}",
        )
    return found
