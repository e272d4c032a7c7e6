"""Describes running servers, which anything may have started, as a topology file; pure."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field
from itertools import count

from redistopo.errors import RedistopoError, UsageError
from redistopo.model.planning.step import join_names
from redistopo.model.protocol.conf import canonical_directive
from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.protocol.engine import parse_title
from redistopo.model.protocol.server_defaults import KNOWN_DEFAULTS, is_default
from redistopo.model.protocol.slots import SLOT_COUNT, unassigned_slots
from redistopo.model.state.observed import NodeSeen, Observed, Role
from redistopo.model.state.shards import ShardSeen, shards_of
from redistopo.model.topology.directives import SENTINELS_KEYS, lines_of
from redistopo.model.topology.spec import (
    FORMAT_VERSION,
    Persistence,
    Shape,
    node_name,
    sentinel_name,
)
from redistopo.model.topology.validate import OF_ADOPTED
from redistopo.quick_dataclass import dataclass

_MOST_NAMED = 8

_SIZES = ("maxmemory", "repl-backlog-size", "auto-aof-rewrite-min-size", "maxmemory-clients")
"""Directives in bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """The content of a topology file, and in sentences what couldn't be read for it."""

    document: Mapping[str, object]
    unknown: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """How to describe servers: the topology's `name`, the ACL `user` that logged in, whether by
    `tls`, and the names that servers had in a former file."""

    name: str
    user: str = ""
    tls: bool = False
    former: Mapping[str, Endpoint] = field(default_factory=dict)


def describe(seen: Observed, wanted: Wanted) -> Described:
    """Describe the servers of a snapshot with full detail.

    Raises RedistopoError if one of them doesn't reply, if they are a cluster that isn't formed, or
    a part of a topology with Sentinels.
    """
    _refuse_incomplete(seen)
    named, user = _named(seen, wanted.former), wanted.user
    servers = {one: str(node.endpoint) for one, node in named.items()}
    data = {one: node for one, node in named.items() if node.role is not Role.SENTINEL}
    known = {one: config for one, node in data.items() if (config := _settings(node))}
    redis, nodes = _tables(known)
    shards = shards_of(seen)
    kept = OF_ADOPTED if seen.shape is Shape.CLUSTER else OF_ADOPTED[:1]
    timeouts = _usual_and_odd(known, "cluster-node-timeout")
    logs = _usual_and_odd(known, "appendonly")
    for directive, (_usual, odd) in (("cluster-node-timeout", timeouts), ("appendonly", logs)):
        for one, value in odd.items() if directive in kept else ():
            nodes.setdefault(one, {})[directive] = value
    document: dict[str, object] = {
        "format": FORMAT_VERSION,
        "name": wanted.name,
        "shape": seen.shape.value,
        "shards": len(shards),
        "replicas": min(len(shard.replicas) for shard in shards),
        "engine": _engine(seen),
        "persistence": _persistence(logs[0], redis).value,
        "auth": bool(user) or any(node.anonymous != "PONG" for node in data.values()),
        "tls": wanted.tls,
        **_sentinel_settings(seen),
        "adopted": {**({"user": user} if user else {}), **servers},
        "redis": redis,
        "nodes": nodes,
    }
    if seen.shape is Shape.CLUSTER and timeouts[0].isdecimal():
        document["node_timeout"] = int(timeouts[0])
    return Described(document=document, unknown=tuple(_unknown(named, user)))


def _refuse_incomplete(seen: Observed) -> None:
    if silent := [node for node in seen.nodes if not node.answers]:
        raise _unread(silent)
    if seen.shape is Shape.CLUSTER:
        _refuse_unformed(seen)
    elif seen.shape is not Shape.SENTINEL and any(node.hello_clients for node in seen.nodes):
        watched = next(node for node in seen.nodes if node.hello_clients)
        raise UsageError(
            f"Sentinels monitor {watched.address}: they are part of the topology",
            detail=f"{watched.hello_clients} clients are subscribed to their channel; a data node "
            "doesn't know the Sentinels' addresses",
            hint="give the address of a Sentinel: redistopo init --from HOST:26379",
        )
    if seen.shape is not Shape.CLUSTER and len(shards_of(seen)) != 1:
        roles = [f"{node.address}: {node.role}" for node in seen.nodes[:_MOST_NAMED]]
        raise RedistopoError(
            "the servers aren't one primary with its replicas",
            detail="\n".join(roles),
            hint="make them follow one primary, then the same command",
        )


def _unread(silent: list[NodeSeen]) -> RedistopoError:
    denied = any("password" in node.error for node in silent)
    errors = ((node.address, node.error) for node in silent[:_MOST_NAMED])
    return RedistopoError(
        f"{join_names(node.address for node in silent)} "
        f"{'is' if len(silent) == 1 else 'are'} part of it, but can't be read",
        detail="\n".join(f"{at}: {error.removeprefix(f'{at} ')}" for at, error in errors),
        hint="use a login that all nodes accept: REDISTOPO_PASSWORD, with --user for an ACL user"
        if denied
        else "start it, or remove it from the topology, then the same command",
    )


def _refuse_unformed(seen: Observed) -> None:
    owned = [shard.slots for shard in shards_of(seen) if shard.primary]
    missing = sum(map(len, unassigned_slots(owned, SLOT_COUNT)))
    strangers = {
        member.address
        for node in seen.nodes
        for member in node.members
        if "handshake" in member.flags
    }
    if not missing and not strangers:
        return
    why = [f"{missing} of {SLOT_COUNT} slots have no primary"] if missing else []
    why += [f"{address} hasn't joined yet" for address in sorted(strangers)[:_MOST_NAMED]]
    raise RedistopoError(
        "the cluster isn't formed: " + why[0],
        detail="\n".join(why[1:]),
        hint="finish that with what formed it, then the same command",
    )


def _named(seen: Observed, former: Mapping[str, Endpoint]) -> dict[str, NodeSeen]:
    """The nodes by their names, former or new: primaries in the order of slots, then replica by
    replica through the shards, then Sentinels."""
    shards = shards_of(seen)
    order = [shard.primary for shard in shards if shard.primary]
    most = max((len(shard.replicas) for shard in shards), default=0)
    for turn in range(most):
        order += [_replicas(shard)[turn] for shard in shards if turn < len(shard.replicas)]
    watching = sorted(seen.sentinels, key=lambda node: node.endpoint)
    names = {endpoint: name for name, endpoint in former.items()}
    found: dict[str, NodeSeen] = {}
    for some, named in ((order, node_name), (watching, sentinel_name)):
        free = (one for n in count(1) if (one := named(n)) not in former)
        found |= {names.get(node.endpoint) or next(free): node for node in some}
    return dict(sorted(found.items(), key=lambda pair: (len(pair[0]), pair[0])))


def _replicas(shard: ShardSeen) -> list[NodeSeen]:
    return sorted(shard.replicas, key=lambda node: node.endpoint)


def _settings(node: NodeSeen) -> dict[str, str]:
    """A data node's settings; where it refuses CONFIG, those that INFO has."""
    if node.config is not None:
        return {canonical_directive(name): value for name, value in node.config.items()}
    found = {
        "maxmemory": node.info.get("maxmemory", ""),
        "maxmemory-policy": node.info.get("maxmemory_policy", ""),
        "appendonly": {"1": "yes", "0": "no"}.get(node.info.get("aof_enabled", ""), ""),
    }
    return {name: value for name, value in found.items() if value}


def _tables(
    known: Mapping[str, Mapping[str, str]],
) -> tuple[dict[str, object], dict[str, dict[str, object]]]:
    """The tables [redis] and [nodes.NAME]: values that are no defaults, for all nodes if all have
    the same one."""
    redis: dict[str, object] = {}
    nodes: dict[str, dict[str, object]] = {}
    for directive in KNOWN_DEFAULTS:
        found = {name: config[directive] for name, config in known.items() if directive in config}
        if not found or all(is_default(directive, value) for value in found.values()):
            continue
        if len({*found.values()}) == 1:
            redis[directive] = _value(directive, next(iter(found.values())))
            continue
        for name, value in found.items():
            if not is_default(directive, value):
                nodes.setdefault(name, {})[directive] = _value(directive, value)
    return redis, nodes


def _value(directive: str, value: str) -> object:
    if directive in _SIZES and value.isdecimal():
        return _size(int(value))
    lines = lines_of(directive, value.split())
    return lines[0] if len(lines) == 1 else [*lines]


def _size(count: int) -> str:
    """Bytes in the largest unit that fits: ``50mb``."""
    for unit, size in (("gb", 1024**3), ("mb", 1024**2), ("kb", 1024)):
        if count >= size and count % size == 0:
            return f"{count // size}{unit}"
    return str(count)


def _usual_and_odd(
    known: Mapping[str, Mapping[str, str]], directive: str
) -> tuple[str, dict[str, str]]:
    """The most frequent value, "" if none is known, and the nodes that have another one."""
    found = {name: config[directive] for name, config in known.items() if directive in config}
    usual = Counter(found.values()).most_common(1)[0][0] if found else ""
    return usual, {name: value for name, value in found.items() if value != usual}


def _persistence(appendonly: str, redis: dict[str, object]) -> Persistence:
    if appendonly == "yes":
        return Persistence.AOF
    if redis.get("save") == "":
        del redis["save"]
        return Persistence.NONE
    return Persistence.RDB


def _engine(seen: Observed) -> str:
    engines = {parse_title(title) for title in seen.engines}
    if len(engines) != 1 or (engine := engines.pop()) is None:
        return "auto"
    return f"{engine.product.value.lower()} {engine.version.major}.{engine.version.minor}"


def _sentinel_settings(seen: Observed) -> dict[str, object]:
    """What most Sentinels have."""
    found: dict[str, object] = {}
    for setting, key in SENTINELS_KEYS.items():
        values = [watch.settings[setting] for watch in seen.named_watches]
        if values:
            found[key] = int(Counter(values).most_common(1)[0][0])
    return found


def _unknown(named: Mapping[str, NodeSeen], user: str) -> Iterator[str]:
    data = {name: node for name, node in named.items() if node.role is not Role.SENTINEL}
    if refused := [name for name, node in data.items() if node.config is None]:
        reply = data[refused[0]].config_refused
        yield (
            f"the settings of {join_names(refused)}, except maxmemory and persistence: the user "
            f"{user or 'default'} may not run CONFIG GET ({reply})"
        )
    if any("ACL LIST" in node.refused for node in data.values()):
        yield "which ACL users there are: ACL LIST is refused"
    elif users := sorted(_users(data.values()) - {"default", user}):
        yield f"the passwords of the ACL users {join_names(users)}"


def _users(nodes: Iterable[NodeSeen]) -> set[str]:
    lines = (line.split() for node in nodes for line in node.users)
    return {words[1] for words in lines if words[:1] == ["user"] and len(words) > 1}
