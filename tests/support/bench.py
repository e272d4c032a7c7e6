"""A topology on a machine in memory, ready to be worked on."""

import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from redistopo.execute.context import ExecutionContext
from redistopo.execute.executor import execute
from redistopo.execute.rollback import rolled_back_on_failure
from redistopo.host.polling import Deadline
from redistopo.model.planning.plan import NodePlan, Plan
from redistopo.model.planning.reconcile import Step, StepKind
from redistopo.model.protocol.credentials import Login, single_credential
from redistopo.progress import Event, EventKind
from support.memory_host import MemoryHost, Silent


@dataclass(kw_only=True)
class Bench:
    """The machine, the context that works on it, and what was told."""

    host: MemoryHost
    context: ExecutionContext
    told: list[Event] = field(default_factory=list)

    def run(self, do: Callable[[ExecutionContext], None], *, keep: bool = False) -> None:
        """That is done as a verb does it: with what it started undone where it fails."""
        with rolled_back_on_failure(self.context, keep=keep):
            do(self.context)

    def step(self, do: StepKind, *nodes: str, **more: object) -> None:
        """One step is carried out."""
        one = Step(do=do, nodes=nodes, cause="", **more)  # type: ignore[arg-type]
        self.run(lambda context: execute(context, (one,)))

    def node(self, name: str) -> NodePlan:
        return self.context.plan.node(name)

    @property
    def done(self) -> list[str]:
        """All actions, in order."""
        return self.host.journal.done

    @property
    def warnings(self) -> list[str]:
        return [one.text for one in self.told if one.kind is EventKind.WARNING]


def bench_for(plan: Plan, seconds: float = 0.25) -> Bench:
    """Nothing runs, nothing is on disk, no server ever answers."""
    host = MemoryHost(plan.layout)
    credentials = single_credential(Login(password="secret"))
    told: list[Event] = []
    context = ExecutionContext(
        plan=plan,
        credentials=credentials,
        client=Silent(credentials, host.journal),
        deadline=Deadline(seconds),
        progress=told.append,
        host=host,
    )
    return Bench(host=host, context=context, told=told)


def fail_at(action: str, error: BaseException) -> Callable[[str], None]:
    """An ambush: instead of that action, the error."""

    def ambush(what: str) -> None:
        if what == action:
            raise error

    return ambush


def wait_at(action: str, deadline: Deadline) -> Callable[[str], None]:
    """An ambush: that action takes until the deadline."""

    def ambush(what: str) -> None:
        if what == action:
            time.sleep(deadline.left)

    return ambush


def ctrl_c_at(number: int) -> Callable[[str], None]:
    """An ambush: a real SIGINT, as by Ctrl-C, just before the action of that number."""
    left = [number]

    def ambush(_what: str) -> None:
        left[0] -= 1
        if left[0] == -1:
            signal.raise_signal(signal.SIGINT)

    return ambush
