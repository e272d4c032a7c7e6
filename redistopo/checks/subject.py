"""What a check is given, and the words in which it answers."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from redistopo.model.protocol.conf import Directives
from redistopo.model.state.finding import Finding, Status
from redistopo.model.state.hints import continue_command, start
from redistopo.model.state.observed import NodeSeen, Observed, ProcessState, ShardSeen, shards_of
from redistopo.model.topology.spec import Shape

TOPOLOGY = "topology"
"""The subject of a finding on the whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What the topology should be; None wherever nothing is known, as of a stranger's.

    `config` maps a node to its rendered directives (a Sentinel to the settings it should have),
    `configs` to the path of that file;
    `rights` are the application's, with ACL, and `users` each node's ACL LIST when they were set.
    """

    shards: int | None = None
    replicas: int | None = None
    sentinels: int | None = None
    auth: bool | None = None
    host: str | None = None
    rights: str | None = None
    users: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    tls: bool | None = None
    config: Mapping[str, Directives] | None = None
    configs: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckSubject:
    """One snapshot with what it should be."""

    seen: Observed
    shards: tuple[ShardSeen, ...]
    expected: Expected

    @property
    def ours(self) -> bool:
        """Whether redistopo started it, and so can start it again."""
        return self.expected.host is not None

    @property
    def start(self) -> str:
        """What brings back what is down."""
        return start(ours=self.ours)

    def back(self, silent: Iterable[NodeSeen]) -> str:
        """What brings these back: whose process was stopped (SIGSTOP) goes on, others start."""
        nodes = {node.name: node for node in silent}.values()
        for node in nodes:
            if node.process is ProcessState.RUNNING and not node.paused:
                return f"see node.alive: {node.name} runs, and doesn't answer us"
        orders = [continue_command(node) for node in nodes if node.paused]
        if len(orders) < len(nodes) or not orders:
            orders.append(self.start)
        return "; ".join(orders)

    def name_at(self, address: str) -> str:
        """The name of the node at an address, or the address itself."""
        node = self.seen.at(address)
        return node.name if node else address


def subject_of(seen: Observed, expected: Expected) -> CheckSubject:
    """The subject of a snapshot; the shards are found once for all checks."""
    return CheckSubject(seen=seen, shards=shards_of(seen), expected=expected)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """One answer of a check before it bears the check's name; made by `good`, `bad` ..."""

    about: str
    status: Status
    evidence: str
    hint: str = ""
    settles: bool = False

    def found(self, check: str, *, settles: bool = False) -> Finding:
        """The same as the word of the check of that id."""
        return Finding(
            check=check,
            subject=self.about,
            status=self.status,
            evidence=self.evidence,
            hint=self.hint,
            settles=settles or self.settles,
        )


Judge = Callable[[CheckSubject], Iterable[CheckResult]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A check: a stable id, what it asks in plain words, and the function that answers.

    `settles` marks failures that may mend themselves within seconds; `shapes` the shapes
    that it is for.
    """

    id: str
    asks: str
    judge: Judge
    settles: bool = False
    shapes: frozenset[Shape] = frozenset(Shape)

    def findings(self, subject: CheckSubject) -> Iterator[Finding]:
        """Its findings on a subject; none for a shape that it isn't for."""
        if subject.seen.shape not in self.shapes:
            return
        for answer in self.judge(subject):
            yield answer.found(self.id, settles=self.settles)


def ok(evidence: str, about: str = TOPOLOGY) -> CheckResult:
    return CheckResult(about=about, status=Status.OK, evidence=evidence)


def fail(about: str, evidence: str, hint: str, *, settles: bool = False) -> CheckResult:
    return CheckResult(
        about=about, status=Status.FAIL, evidence=evidence, hint=hint, settles=settles
    )


def warn(about: str, evidence: str, hint: str = "") -> CheckResult:
    return CheckResult(about=about, status=Status.WARN, evidence=evidence, hint=hint)


def skip(why: str, about: str = TOPOLOGY) -> CheckResult:
    return CheckResult(about=about, status=Status.SKIP, evidence=why)


def per_node(
    nodes: Iterable[NodeSeen],
    judge: Callable[[NodeSeen], CheckResult | None],
    all_well: str,
    one_well: str = "",
) -> Iterator[CheckResult]:
    """The answers on single nodes, or one for all where each had none to give.

    `one_well` says the same of one node alone, where the words differ.
    """
    asked = tuple(nodes)
    answers = [answer for node in asked if (answer := judge(node)) is not None]
    if answers:
        yield from answers
    elif asked:
        if len(asked) == 1:
            yield ok(f"the one node: {one_well or all_well}")
        else:
            yield ok(f"{len(asked)} of {len(asked)} nodes: {all_well}")
    else:
        yield skip("no node answers")
