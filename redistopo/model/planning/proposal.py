"""Steps that are to be done, with all that the guards judge them by."""

from redistopo.model.planning.plan import Plan
from redistopo.model.planning.plan_node_reset import NodeReset
from redistopo.model.planning.situation import Situation
from redistopo.model.planning.step import Step, StepKind
from redistopo.quick_dataclass import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the user asks for: which nodes are to be `primary` if that can't be determined, which
    get a new nodes.conf by `rebuild`; `among` names the nodes to start, None for all; `force`
    accepts the loss of the only copy of data."""

    primary: tuple[str, ...] = ()
    rebuild: tuple[str, ...] = ()
    among: tuple[str, ...] | None = None
    force: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """Steps that are to be done, the `reset` of a node if there is one, and everything that speaks
    for or against them."""

    plan: Plan
    now: Situation
    steps: tuple[Step, ...]
    asked: Asked = Asked()
    reset: NodeReset | None = None

    @property
    def among(self) -> frozenset[str]:
        """Return the nodes to start, or all."""
        every = (node.name for node in self.now.seen.nodes)
        return frozenset(every if self.asked.among is None else self.asked.among)

    def nodes(self, do: StepKind) -> tuple[str, ...]:
        """Return the nodes of all steps of that kind."""
        return tuple(
            dict.fromkeys(name for one in self.steps if one.do is do for name in one.nodes)
        )
