"""A node apart from its data: what a test may change of it, and a reset sets back; pure."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import field

from redistopo.model.protocol.conf import unquote
from redistopo.model.protocol.replies import at_listening_ports, parse_nodes
from redistopo.model.protocol.sentinel_replies import SETTINGS, fields
from redistopo.quick_dataclass import dataclass

_PASSING = re.compile(r"(?<= )\d+ \d+ \d+ (?=(?:dis)?connected)")
"""When a node was pinged and replied, and its epoch, which grows with each failover."""

_USED = re.compile(
    r"^id=(?P<id>\d+) addr=(?P<address>\S+) .*? name=(?P<name>\S*) .*? "
    r"flags=(?P<flags>(?!\w*[MS])\w*[PxbOt]\w*) ",
    re.MULTILINE,
)
"""Clients that are more than connected, in CLIENT LIST; not links of replication, which Redis 8.10
blocks for moments."""

_USES = {
    "P": "subscribed",
    "x": "in MULTI",
    "b": "blocked",
    "O": "in MONITOR",
    "t": "tracking keys",
}

_MONITORED = (*SETTINGS, "ip", "port", "flags", "num-slaves", "num-other-sentinels")
"""What a Sentinel reports of a primary and doesn't change by itself."""

LOGIN = ("auth-user", "auth-pass")
"""With what a Sentinel logs in to the nodes of a primary, in its own configuration alone."""

_LOGIN = re.compile(
    r"^sentinel (?P<key>auth-user|auth-pass) (?P<name>\S+) (?P<value>\S+) *$", re.MULTILINE
)

_SCRIPTS = ("notification-script", "client-reconfig-script")


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """The rules of an ACL user, in the server's order.

    Users are equal if they have the same rules: before Redis 7.2 the order is that of a hash table.
    `ACL SETUSER reset` spells a default out.
    """

    rules: tuple[str, ...] = field(compare=False)
    same: tuple[str, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        known = sorted(one for one in self.rules if one != "sanitize-payload")
        object.__setattr__(self, "same", tuple(known))


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings of a node, for a Sentinel its own, its ACL users by name, and the names of its
    modules."""

    config: Mapping[str, str] = field(default_factory=dict)
    users: Mapping[str, User] = field(default_factory=dict)
    modules: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberView:
    """A member of a cluster as one node sees it: `primary` is the name of the node that it
    replicates, "" for a primary; `trouble` is why it can't be used, "" if it can."""

    id: str = field(compare=False)  # after a hard reset it has another one
    primary: str
    slots: tuple[tuple[int, int], ...] = ()
    open_slots: tuple[int, ...] = ()
    trouble: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class UsedClient:
    """A connection that is more than open: `use` is what for."""

    id: str
    address: str
    use: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeState:
    """One node as it replied.

    `members` is its view of the cluster by name, and `down` is whether it refuses keys; `replicas`
    is how many acknowledged that they are empty; `refused` are the errors of commands that empty
    it; `monitored` are the primaries that a Sentinel monitors; `error` is why it didn't reply,
    because it is `paused` or `absent` or for another reason, and then there is nothing else.
    """

    name: str
    error: str = ""
    paused: bool = False
    absent: bool = False
    settings: Settings = field(default_factory=Settings)
    members: Mapping[str, MemberView] = field(default_factory=dict)
    down: bool = False
    replicas: int = 0
    refused: tuple[str, ...] = ()
    clients: tuple[UsedClient, ...] = ()
    monitored: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def users_of(lines: Iterable[object]) -> dict[str, User]:
    """Parse ACL LIST."""
    words = (str(line).split(" ") for line in lines)
    return {one[1]: User(rules=tuple(one[2:])) for one in words if one[:1] == ["user"]}


def modules_of(reply: object) -> frozenset[str]:
    """Parse MODULE LIST; none if the user may not ask."""
    rows = reply if isinstance(reply, list) else []
    return frozenset(str(row[1]) for row in rows if isinstance(row, list) and row[:1] == ["name"])


def lasting_table(text: str) -> str:
    """CLUSTER NODES without what changes by itself, in the order of ids."""
    return "\n".join(sorted(_PASSING.sub("", text).splitlines()))


def member_views(text: str, names: Mapping[int, str], own: str) -> dict[str, MemberView]:
    """Parse the CLUSTER NODES of the node `own`; `names` are the topology's nodes by port, and
    others appear with their address."""
    lines = at_listening_ports(parse_nodes(text))
    known = {one.id: own if one.myself else names.get(one.port, one.address) for one in lines}
    return {
        known[one.id]: MemberView(
            id=one.id,
            primary=known.get(one.primary_id, one.primary_id),
            slots=tuple((part.first, part.last) for part in one.slots),
            open_slots=tuple(part.slot for part in one.open_slots),
            trouble=_trouble(one.flags, linked=one.linked or one.myself),
        )
        for one in lines
    }


def _trouble(flags: frozenset[str], *, linked: bool) -> str:
    found = sorted(flags & {"fail", "fail?", "handshake", "noaddr"})
    return ",".join(found) or ("" if linked else "not linked")


def used_clients(text: str) -> tuple[UsedClient, ...]:
    """Clients in CLIENT LIST that are subscribed, blocked, in MULTI, in MONITOR or tracking keys,
    except for Sentinels, which stay subscribed."""
    return tuple(
        UsedClient(
            id=one["id"],
            address=one["address"],
            use=", ".join(text for flag, text in _USES.items() if flag in one["flags"]),
        )
        for one in _USED.finditer(text)
        if not one["name"].startswith("sentinel-")
    )


def stored_logins(conf: str) -> dict[str, dict[str, str]]:
    """Parse a Sentinel's configuration: the login to each primary, which no command replies."""
    found: dict[str, dict[str, str]] = {}
    for match in _LOGIN.finditer(conf):
        found.setdefault(match["name"], {})[match["key"]] = unquote(match["value"])
    return found


def monitored_primaries(
    reply: object, logins: Mapping[str, Mapping[str, str]]
) -> dict[str, dict[str, str]]:
    """Parse SENTINEL MASTERS: the name of each primary, and what was set for it."""
    found = {}
    for one in reply if isinstance(reply, list) else []:
        values = fields(one, "SENTINEL MASTERS")
        kept = {name: values.get(name, "") for name in _MONITORED}
        kept |= {name: values.get(name, "") for name in _SCRIPTS}
        name = values.get("name", "")
        found[name] = kept | {key: logins.get(name, {}).get(key, "") for key in LOGIN}
    return found
