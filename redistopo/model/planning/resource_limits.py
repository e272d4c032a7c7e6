"""Checks the system limits that servers and redistopo need."""

import math
from collections.abc import Iterable

from redistopo.model.planning.plan import NodePlan, Plan
from redistopo.quick_dataclass import dataclass

RESERVED = 32
"""Files that a server needs besides its clients (server.h, CONFIG_MIN_RESERVED_FDS)."""

_STEP = 16
_DEFAULT_CLIENTS = 10000
_OWN_CLIENTS = 4
"""Connections of ours that a node may have at the same time: snapshots, the test login without
a password, the write probe, redis-cli."""

_TASKS = 8
"""Threads of one server (6 in Redis 8.2 and Valkey 9.1), a saving child process, one spare."""

_PING_SECONDS = 30e-6
_PING_SECONDS_PER_NODE = 0.1e-6
"""Processor time of a ping and its pong at both ends. Both carry what they know of a tenth of the
nodes. Measured with Redis 7.0.15 on two idle processors, in processor time per second of all
servers: 30 nodes 0.06 to 0.07, 102 nodes 0.32, and 0.19 with a node timeout of 20 s instead of 5;
300 nodes with 20 s: 1.06, and they come up on two processors. With 5 s they never did there."""

_LONGEST = 600_000
"""The longest node timeout that a topology file may have."""

_IDLE_SECONDS = 1.5e-3
"""Processor time per second of a server without work (its timers)."""

_OWN_FILES = 64
_OWN_TASKS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """`files` is our own limit of open files, `server_files` the highest that a server can get;
    `tasks` is how many more processes and threads this user may start, None for no limit;
    `processors` are those that it may use, and `ephemeral` the ports that the system gives to
    outgoing connections, 0 if unknown."""

    files: int
    server_files: int
    tasks: int | None
    processors: int = 0
    ephemeral: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceShortage:
    """A limit that is too low, with the numbers; `fatal` if the topology can't work with it."""

    told: str
    hint: str
    fatal: bool


def resource_shortages(
    plan: Plan, starting: Iterable[str], limits: Limits
) -> tuple[ResourceShortage, ...]:
    """List every limit that is too low for starting these nodes."""
    nodes = [plan.node(name) for name in starting]
    found = [_own_files(plan, limits), *(_clients(plan, node, limits) for node in nodes)]
    found.append(_tasks(len(nodes), limits))
    if nodes and plan.topology.clustered:
        found += [_pings(plan, limits), _link_ports(plan, limits)]
    return tuple(one for one in found if one)


def _own_files(plan: Plan, limits: Limits) -> ResourceShortage | None:
    needed = 2 * len(plan.nodes) + _OWN_FILES
    if limits.files >= needed:
        return None
    return ResourceShortage(
        told=f"redistopo needs {needed} open files for {len(plan.nodes)} nodes, "
        f"the limit is {limits.files}",
        # enough for servers too, because `ulimit -n` also lowers the hard limit
        hint=raise_files_hint(
            max(needed, min(limits.server_files, _DEFAULT_CLIENTS + RESERVED)), limits.server_files
        ),
        fatal=True,
    )


def _clients(plan: Plan, node: NodePlan, limits: Limits) -> ResourceShortage | None:
    """Source: server.c, adjustOpenFilesLimit: it requests maxclients + 32, then 16 fewer
    at a time, and lowers maxclients to fit the limit; bus links count as clients."""
    configured = node.directives.get("maxclients", ("",))[-1]
    clients = int(configured) if configured.isdecimal() else _DEFAULT_CLIENTS
    wanted = clients + RESERVED
    needed = _needed(plan)
    if clients < needed:
        return ResourceShortage(
            told=f"{node.name}: maxclients {clients} is too low, its own topology needs {needed}",
            hint="raise maxclients in the topology file",
            fatal=True,
        )
    if limits.server_files >= wanted:
        return None
    fewer = -(-(wanted - limits.server_files) // _STEP) * _STEP
    raised = raise_files_hint(wanted, limits.server_files)
    left = max(0, limits.files - RESERVED, wanted - fewer - RESERVED)
    numbers = f"{node.name}: maxclients {clients} needs {wanted} open files, "
    numbers += f"the limit is {limits.server_files}"
    if left < needed:
        return ResourceShortage(
            told=f"{numbers}; {left} clients would be left, its own topology needs {needed}",
            hint=raise_files_hint(max(needed + RESERVED + _STEP, 1024), limits.server_files),
            fatal=True,
        )
    if configured:
        return ResourceShortage(
            told=f"{numbers}; the server would lower maxclients to {left}",
            hint=f"set maxclients = {left} in the topology file, or {raised}",
            fatal=True,
        )
    return ResourceShortage(
        told=f"{numbers}: the server will lower maxclients to {left}",
        hint=raised,
        fatal=False,
    )


def raise_files_hint(files: int, hard: int) -> str:
    """The command that raises the limit of open files, with a note if the hard limit is lower."""
    command = f"ulimit -n {files}"
    if hard >= files:
        return command
    return (
        f"{command}   (the hard limit of this shell is {hard}; root can raise it in "
        "/etc/security/limits.conf, for the next login)"
    )


def _needed(plan: Plan) -> int:
    others = len(plan.nodes) - 1
    links = 2 * others if plan.topology.clustered else 0
    return links + plan.topology.replicas + _OWN_CLIENTS


def _tasks(count: int, limits: Limits) -> ResourceShortage | None:
    needed = count * _TASKS + _OWN_TASKS
    if limits.tasks is None or limits.tasks >= needed:
        return None
    return ResourceShortage(
        told=f"{count} servers and redistopo need {needed} processes and threads, "
        f"you may start {limits.tasks} more",
        hint="stop some of your programs, or raise `ulimit -u`",
        fatal=True,
    )


def _pings(plan: Plan, limits: Limits) -> ResourceShortage | None:
    """Source: cluster_legacy.c, clusterCron: a node pings each other node once per half node
    timeout, and closes a link whose pong takes longer: a machine that is too slow for that never
    has all links, and nodes report each other as failing."""
    count, timeout = len(plan.nodes), plan.topology.node_timeout
    pings = count * (count - 1) * 2000 / timeout
    busy = pings * (_PING_SECONDS + _PING_SECONDS_PER_NODE * count)
    idle = count * _IDLE_SECONDS
    if not limits.processors or busy + idle <= limits.processors:
        return None
    # half of the processors are for everything else
    left = limits.processors / 2 - idle
    enough = math.ceil(busy * timeout / left / 5000) * 5000 if left > 0 else 0
    slower = f"node_timeout = {enough} in the topology file, or " if 0 < enough <= _LONGEST else ""
    return ResourceShortage(
        told=f"this machine is too slow for {count} nodes: with node_timeout {timeout} they send "
        f"each other {pings:,.0f} pings a second, which takes about {busy + idle:.1f} processors, "
        f"and it has {limits.processors}",
        hint=f"{slower}fewer nodes, or a machine with {math.ceil(2 * (busy + idle))} processors",
        fatal=True,
    )


def _link_ports(plan: Plan, limits: Limits) -> ResourceShortage | None:
    """Source: cluster.c of Redis 6.2, clusterCron: it binds each outgoing bus link to its first
    address, as later versions do with bind-source-addr. The kernel then chooses a port without
    regard to where the link leads; the fewer are free, the longer it searches, until the nodes
    don't reply any more (on two busy processors 160 nodes, with links for 0.9 of the ports, started
    in 108 s; 300 not in 500 s, and in 13 s on Redis 7.0, which doesn't bind)."""
    count, directive = len(plan.nodes), "bind-source-addr"
    links = count * (count - 1)
    bound = any(node.directives.get(directive, ("",))[-1] for node in plan.nodes)
    if not 0 < limits.ephemeral < links or (plan.engine.knows(directive) and not bound):
        return None
    most = (1 + math.isqrt(1 + 4 * limits.ephemeral)) // 2
    instead = f"remove {directive}" if bound else "use Redis 7.0 or later, or Valkey"
    return ResourceShortage(
        told=f"{plan.engine.title} {f'with {directive} ' if bound else ''}is too slow for {count} "
        f"nodes: it binds each of their {links:,} bus links to a port, and the system has "
        f"{limits.ephemeral:,} for outgoing connections",
        hint=f"{instead}, or at most {most} nodes",
        fatal=True,
    )
