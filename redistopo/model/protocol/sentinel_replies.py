"""Sentinel's replies and its configuration file, parsed into values.

Source: redis.io, High availability with Redis Sentinel; the same in Redis 6.2 to 8.2 and
Valkey 7.2 to 9.1 (tested). Field names are the servers' own.
"""

import re
from collections.abc import Iterable, Mapping

from redistopo.errors import BadReply
from redistopo.model.protocol.conf import Directives
from redistopo.model.protocol.endpoint import LAST_PORT, Addressed, Endpoint, format_address
from redistopo.quick_dataclass import dataclass

SETTINGS = ("quorum", "down-after-milliseconds", "failover-timeout", "parallel-syncs")
"""The settings that SENTINEL MASTER reports and SENTINEL SET changes."""

MONITOR = "monitor"
"""Pseudo setting: the name under which the primary is monitored."""

HELLO_CHANNEL = "__sentinel__:hello"
"""Where Sentinels publish themselves, on each data node that they monitor."""

FAILOVER_COMMANDS: tuple[tuple[str, ...], ...] = (
    ("INFO",),
    ("ROLE",),
    ("SUBSCRIBE", HELLO_CHANNEL),
    ("PUBLISH", HELLO_CHANNEL, ""),
    ("SLAVEOF", "NO", "ONE"),
    ("CONFIG", "REWRITE"),
    ("CLIENT", "KILL", "TYPE", "normal"),
    ("CLIENT", "SETNAME", "sentinel"),
    ("SCRIPT", "KILL"),
)
"""What a Sentinel sends to data nodes to observe them and to fail over, besides PING, MULTI and
EXEC (sentinel.c; redis.io, High availability with Redis Sentinel). We only queue them."""

_DOWN = frozenset({"s_down", "o_down", "disconnected"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer(Addressed):
    """A replica, or another Sentinel, as a Sentinel sees it: `id` is its run id, `hello_age` the
    milliseconds since another Sentinel's last hello (-1 for a replica), `priority` a replica's
    last known replica-priority (-1 for a Sentinel)."""

    id: str
    flags: frozenset[str]
    hello_age: int = -1
    priority: int = -1

    @property
    def down(self) -> bool:
        """Whether the Sentinel can't reach it."""
        return bool(_DOWN & self.flags)


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitoredPrimary(Addressed):
    """A primary as a Sentinel sees it, with its replicas and Sentinels; `quorum` is the reply to
    SENTINEL CKQUORUM. `flagged` is the address that the flags refer to: during a failover still
    the former one ("" for the primary's own)."""

    name: str
    flags: frozenset[str]
    epoch: int
    settings: Mapping[str, str]
    replicas: tuple[Peer, ...] = ()
    sentinels: tuple[Peer, ...] = ()
    quorum: str = ""
    flagged: str = ""

    @property
    def config(self) -> dict[str, str]:
        """The settings of a Sentinel, which has no CONFIG."""
        return {**self.settings, MONITOR: self.name}

    @property
    def down(self) -> bool:
        return bool(_DOWN & self.flags)

    @property
    def enough(self) -> bool:
        """Whether the Sentinel reaches the quorum and a majority for a failover."""
        return self.quorum.startswith("OK")


def fields(reply: object, what: str) -> dict[str, str]:
    """Parse one instance of a SENTINEL reply: a flat list of names and values (RESP2)."""
    if not isinstance(reply, list) or len(reply) % 2:
        raise BadReply(f"{what} isn't a list of fields", detail=repr(reply)[:200])
    return dict(zip(map(str, reply[::2]), map(str, reply[1::2]), strict=True))


def _integer(values: Mapping[str, str], name: str, what: str, most: int = 2**63) -> int:
    value = values.get(name, "")
    if not re.fullmatch(r"-?[0-9]{1,19}", value) or not -1 <= int(value) <= most:
        raise BadReply(f"{what} has no number in {name}", detail=value[:200])
    return int(value)


def parse_monitored(reply: object) -> MonitoredPrimary:
    """Parse one entry of SENTINEL MASTERS; raises BadReply for anything else."""
    values = fields(reply, "SENTINEL MASTERS")
    port = _integer(values, "port", "SENTINEL MASTERS", LAST_PORT)
    endpoint = Endpoint(values.get("ip", ""), port)
    return MonitoredPrimary(
        name=values.get("name", ""),
        endpoint=endpoint,
        flagged=str(endpoint),
        flags=frozenset(values.get("flags", "").split(",")),
        epoch=_integer(values, "config-epoch", "SENTINEL MASTERS"),
        settings={name: values[name] for name in SETTINGS if name in values},
    )


def parse_masters(reply: object) -> tuple[MonitoredPrimary, ...]:
    """Parse SENTINEL MASTERS; raises BadReply for anything else."""
    return tuple(parse_monitored(one) for one in _listed(reply, "SENTINEL MASTERS"))


def parse_peers(reply: object, what: str) -> tuple[Peer, ...]:
    """Parse SENTINEL REPLICAS or SENTINEL SENTINELS; raises BadReply for anything else."""
    return tuple(_peer(fields(one, what), what) for one in _listed(reply, what))


def _listed(reply: object, what: str) -> list[object]:
    if not isinstance(reply, list):
        raise BadReply(f"{what} isn't a list", detail=repr(reply)[:200])
    return reply


def _peer(values: Mapping[str, str], what: str) -> Peer:
    hello, priority = "last-hello-message", "slave-priority"
    return Peer(
        id=values.get("runid", ""),
        endpoint=Endpoint(values.get("ip", ""), _integer(values, "port", what, LAST_PORT)),
        flags=frozenset(values.get("flags", "").split(",")),
        hello_age=_integer(values, hello, what) if hello in values else -1,
        priority=_integer(values, priority, what) if priority in values else -1,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SentinelFileState:
    """The state in a sentinel.conf: the primary's name, address and epoch, and every Sentinel's
    id by address (its own under "")."""

    name: str
    primary: str
    epoch: int
    ids: Mapping[str, str]


def _sentinel_lines(conf: Directives) -> list[list[str]]:
    lines = (one.split() for one in conf.get("sentinel", ()))
    return [[words[0].lower(), *words[1:]] for words in lines if words]


def monitored_names(conf: Directives) -> tuple[str, ...]:
    """Return the names of the primaries that a Sentinel's own file monitors."""
    lines = _sentinel_lines(conf)
    return tuple(words[1] for words in lines if words[0] == "monitor" and len(words) > 3)


def read_sentinel_file(conf: Directives, ours: str = "") -> SentinelFileState | None:
    """Read the state from a Sentinel's own file; None if it monitors no primary.

    Of several primaries, that of the name `ours` counts, otherwise the last.
    """
    lines = _sentinel_lines(conf)
    named = monitored_names(conf)
    chosen = ours if ours in named else next(reversed(named), "")
    primary, epoch = "", 0
    ids: dict[str, str] = {}
    for words in lines:
        match words:
            case ["monitor", title, host, port, *_] if title == chosen:
                primary = format_address(host, port)
            case ["config-epoch", title, number] if number.isdecimal() and title == chosen:
                epoch = int(number)
            case ["myid", own]:
                ids[""] = own
            case ["known-sentinel", title, host, port, other, *_] if title == chosen:
                ids[format_address(host, port)] = other
    if not primary:
        return None
    return SentinelFileState(name=chosen, primary=primary, epoch=epoch, ids=ids)


def latest_address(found: Iterable[tuple[str, int]]) -> str:
    """Return the most frequent address of the highest epoch; "" for none."""
    named = list(found)
    top = max((epoch for _, epoch in named), default=0)
    names = [address for address, epoch in named if epoch == top]
    return max(names, key=names.count, default="")


def votes_needed(watches: Iterable[MonitoredPrimary], watching: int) -> int:
    """Return how many Sentinels must run for a failover: more than half, and at least the
    quorum (redis.io, High availability with Redis Sentinel)."""
    quorums = (watch.settings.get("quorum", "") for watch in watches)
    return max([watching // 2 + 1, *(int(one) for one in quorums if one.isdecimal())])
