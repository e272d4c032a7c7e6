"""What keeps the nodes apart: told once a wait takes long, and when it has failed."""

from collections.abc import Callable
from typing import TypeVar

from redistopo.client.observe import Depth
from redistopo.client.port_probe import probe
from redistopo.execute.context import Hands, targets
from redistopo.host.polling import Deadline
from redistopo.model.connectivity.report import Reach, brief, reach
from redistopo.model.state.observed import Observed
from redistopo.progress import note

Answer = TypeVar("Answer")

_PATIENCE_SECONDS = 5.0
_PATIENCE_SHARE = 1 / 3


def find_reach(hands: Hands) -> tuple[Observed, Reach]:
    """A fresh look, and who reaches whom by it and by probes of every port."""
    seen = hands.look(Depth.HEALTH)
    return seen, reach(seen, probe(seen, targets(hands.plan), hands.asker))


def patience(hands: Hands) -> Deadline:
    """How long a wait may take before the user is told what it waits for."""
    return Deadline(min(_PATIENCE_SECONDS, hands.deadline.seconds * _PATIENCE_SHARE))


def still_waiting(hands: Hands, otherwise: str = "") -> None:
    """The user knows what is in the way; where no reason is found, `otherwise` is told."""
    told = brief(find_reach(hands)[1]) or otherwise
    if told:
        note(hands.tell, f"still waiting: {told}")


def patient(
    hands: Hands,
    look: Callable[[], Answer | None],
    otherwise: Callable[[], str] = str,
) -> Callable[[], Answer | None]:
    """The same look, which tells once, when its patience is over, what it still waits for."""
    worn = [patience(hands)]

    def looked() -> Answer | None:
        answer = look()
        if answer is None and worn and worn[0].over:
            worn.clear()
            still_waiting(hands, otherwise())
        return answer

    return looked
