"""The input and the results of a check."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import KW_ONLY, field

from redistopo.model.protocol.conf import Directives
from redistopo.model.protocol.replies import ClusterNodesLine
from redistopo.model.state.finding import Finding, Status
from redistopo.model.state.hints import continue_command, start_command
from redistopo.model.state.observed import NodeSeen, Observed, ProcessState
from redistopo.model.state.shards import ShardSeen, shards_of
from redistopo.model.topology.hosts import Hosts
from redistopo.model.topology.spec import Shape
from redistopo.quick_dataclass import dataclass

TOPOLOGY = "topology"
"""The subject of a finding that concerns the whole topology."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What the topology should be; None where it is unknown, as for servers we didn't start.

    Nodes bind `host`, are connected to at `address`, and give clients `announced_name` ("" for the
    address) and the ports from `announce_port` on (0 for their own). `config` maps a node to its
    rendered directives (a Sentinel to its expected settings), `configs` to the path of its
    configuration file; `engine` is the requested one; `rights` are the application's ACL rules, and
    `users` each node's ACL LIST at the time the users were set. Over several machines, each node
    binds the address of its own, one of `hosts`, which keeps servers by its `services`.
    """

    shards: int | None = None
    replicas: int | None = None
    sentinels: int | None = None
    auth: bool | None = None
    host: str | None = None
    address: str = ""
    announced_name: str = ""
    announce_port: int = 0
    rights: str | None = None
    users: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    tls: bool | None = None
    engine: str = ""
    config: Mapping[str, Directives] | None = None
    configs: Mapping[str, str] | None = None
    hosts: Hosts | None = None
    services: Mapping[str, str] = field(default_factory=dict)

    def bound(self, node: NodeSeen) -> str | None:
        """Return the address that a node should bind; None if that is unknown."""
        return node.host if self.hosts else self.host


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckSubject:
    """A snapshot together with the expected state."""

    seen: Observed
    shards: tuple[ShardSeen, ...]
    expected: Expected

    @property
    def ours(self) -> bool:
        """Whether redistopo started it, and so can start it again."""
        return self.expected.host is not None

    @property
    def start(self) -> str:
        """The command that starts what is down."""
        return start_command(ours=self.ours)

    def recovery(self, silent: Iterable[NodeSeen]) -> str:
        """The commands that bring these nodes back: resume paused processes, start the others."""
        nodes = {node.name: node for node in silent}.values()
        for node in nodes:
            if node.process is ProcessState.RUNNING and not node.paused:
                return f"see node.alive: {node.name} is running but doesn't reply"
        commands = [continue_command(node) for node in nodes if node.paused]
        if len(commands) < len(nodes) or not commands:
            commands.append(self.start)
        return "; ".join(commands)

    def name_at(self, address: str) -> str:
        """Return the name of the node at an address, or the address itself."""
        node = self.seen.at(address)
        return node.name if node else address

    def name_of(self, member: ClusterNodesLine) -> str:
        """Return a member's name; its id if it has no address, which is all that is known of it."""
        return f"id {member.id}" if member.lost else self.name_at(member.address)


def subject_of(seen: Observed, expected: Expected) -> CheckSubject:
    """Build the subject of a snapshot; derives the shards once for all checks."""
    return CheckSubject(seen=seen, shards=shards_of(seen), expected=expected)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """One result of a check, without the check's id; built by `ok`, `fail`, `warn`,
    `unknown`, `skip`. `settles` is None if it does as the check's other results do.

    `because_of` is set where the check itself knows the cause, see `redistopo.checks.causes`.
    """

    about: str
    status: Status
    evidence: str
    hint: str = ""
    settles: bool | None = None
    because_of: tuple[str, ...] = ()

    def found(self, check: str, *, settles: bool = False) -> Finding:
        """Return the result as a finding of the check with that id."""
        return Finding(
            check=check,
            subject=self.about,
            status=self.status,
            evidence=self.evidence,
            hint=self.hint,
            settles=settles if self.settles is None else self.settles,
            because_of=self.because_of,
        )


Judge = Callable[[CheckSubject], Iterable[CheckResult]]


@dataclass(frozen=True, slots=True)
class Check:
    """A check: a stable id, the question it answers, and the function that answers it.

    `settles` marks failures that may resolve by themselves within seconds; `shapes` are the
    shapes that the check applies to.
    """

    id: str
    question: str
    judge: Judge
    _: KW_ONLY
    settles: bool = False
    shapes: frozenset[Shape] = frozenset(Shape)

    def findings(self, subject: CheckSubject) -> Iterator[Finding]:
        """Yield the findings on a subject; none if the check doesn't apply to its shape."""
        if subject.seen.shape not in self.shapes:
            return
        for result in self.judge(subject):
            yield result.found(self.id, settles=self.settles)


def ok(evidence: str, about: str = TOPOLOGY) -> CheckResult:
    return CheckResult(about=about, status=Status.OK, evidence=evidence)


def fail(about: str, evidence: str, hint: str, *, settles: bool | None = None) -> CheckResult:
    return CheckResult(
        about=about, status=Status.FAIL, evidence=evidence, hint=hint, settles=settles
    )


def warn(about: str, evidence: str, hint: str = "") -> CheckResult:
    return CheckResult(about=about, status=Status.WARN, evidence=evidence, hint=hint)


def unknown(about: str, evidence: str, hint: str = "") -> CheckResult:
    """Return a result that what the check judges could not be read."""
    return CheckResult(about=about, status=Status.UNKNOWN, evidence=evidence, hint=hint)


def skip(why: str, about: str = TOPOLOGY) -> CheckResult:
    return CheckResult(about=about, status=Status.SKIP, evidence=why)


def per_node(
    nodes: Iterable[NodeSeen],
    judge: Callable[[NodeSeen], CheckResult | None],
    all_ok: str,
    one_ok: str = "",
) -> Iterator[CheckResult]:
    """Yield the results on single nodes, or one `ok` for all if `judge` returned none.

    `one_ok` is the text for a single node, where it differs from `all_ok`.
    """
    judged = tuple(nodes)
    results = [result for node in judged if (result := judge(node)) is not None]
    if results:
        yield from results
    elif judged:
        if len(judged) == 1:
            yield ok(f"1 of 1 node: {one_ok or all_ok}")
        else:
            yield ok(f"{len(judged)} of {len(judged)} nodes: {all_ok}")
    else:
        yield skip("no node replies")
