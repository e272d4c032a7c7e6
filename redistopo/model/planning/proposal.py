"""Steps that are to be done, with all that the guards judge them by."""

from dataclasses import dataclass

from redistopo.model.planning.plan import Plan
from redistopo.model.planning.situation import Situation
from redistopo.model.planning.step import Step, StepKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the user asks for: which nodes are to be `primary` where that can't be told, which
    get a new nodes.conf by `rebuild`; `among` names the nodes to start, None for all."""

    primary: tuple[str, ...] = ()
    rebuild: tuple[str, ...] = ()
    among: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """Steps that are to be done, and all that speaks for or against them."""

    plan: Plan
    now: Situation
    steps: tuple[Step, ...]
    asked: Asked = Asked()

    @property
    def among(self) -> frozenset[str]:
        """The nodes that are to be started, or all."""
        every = (node.name for node in self.now.seen.nodes)
        return frozenset(every if self.asked.among is None else self.asked.among)

    def nodes(self, do: StepKind) -> tuple[str, ...]:
        """The nodes to which that is done."""
        return tuple(
            dict.fromkeys(name for one in self.steps if one.do is do for name in one.nodes)
        )
