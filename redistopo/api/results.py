"""What the methods of a topology return: small, frozen, and all that programs may rely on."""

from collections.abc import Mapping
from dataclasses import field

from redistopo.quick_dataclass import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A node now: `role` is primary, replica, sentinel, or "" if it doesn't reply; `shard` is None
    for a node in no shard; `slots` are ranges, first and last slot included."""

    name: str
    role: str
    shard: int | None
    host: str
    port: int
    pid: int
    state: str
    slots: tuple[tuple[int, int], ...] = ()

    @property
    def endpoint(self) -> tuple[str, int]:
        """Host and port."""
        return self.host, self.port


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The verdict of one check: `status` is ok, warn, unknown, fail or skip."""

    check: str
    subject: str
    status: str
    evidence: str
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """All findings of `verify`; healthy if none of them failed."""

    healthy: bool
    findings: tuple[Finding, ...]

    @property
    def failed(self) -> tuple[Finding, ...]:
        """The findings that failed."""
        return tuple(one for one in self.findings if one.status == "fail")


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """Every node now; `faults` are failed findings of the checks that don't write."""

    name: str
    shape: str
    engine: str
    nodes: tuple[Node, ...]
    faults: tuple[Finding, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """What `up` did, with the cause of each change; none if nothing was to be done."""

    engine: str
    changes: tuple[str, ...]
    findings: tuple[Finding, ...]
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped:
    """The nodes that `down` stopped; `unsaved` are those whose keys are gone."""

    nodes: tuple[str, ...]
    unsaved: tuple[str, ...]
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """What was done to each node, by its name; `losses` is what the service lost by it."""

    nodes: Mapping[str, str]
    losses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Promotion:
    """The primary after `failover`; `changed` is False if it was primary already."""

    shard: int
    primary: str
    changed: bool
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Drill:
    """A drill: seconds without writes and reads at the affected shards (None if no load ran), and
    the fate of the writes. `reasons` are why it failed."""

    passed: bool
    reasons: tuple[str, ...]
    fault: str
    target: str
    writes_down: float | None
    reads_down: float | None
    acknowledged: int
    lost: int
    healed: float | None
    roles: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A directive's new value; `live` are nodes that have it, `waiting` those that need a restart,
    `stopped` get it when they start."""

    directive: str
    value: tuple[str, ...]
    live: tuple[str, ...]
    waiting: tuple[str, ...]
    stopped: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Waited:
    """The condition that is met, and the seconds until it was."""

    condition: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """An entry of a server's log: `at` is in seconds since the epoch, None if it has no time."""

    node: str
    at: float | None
    level: str
    text: str
