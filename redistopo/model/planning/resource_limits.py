"""What servers and redistopo need of the system's limits, against what there is."""

from collections.abc import Iterable
from dataclasses import dataclass

from redistopo.model.planning.plan import NodePlan, Plan

RESERVED = 32
"""Files that a server keeps for itself, besides its clients (server.h, CONFIG_MIN_RESERVED_FDS)."""

_STEP = 16
_USUAL_CLIENTS = 10000
_OWN_CLIENTS = 4
"""Connections of ours that a node may have at one time: our questions, the one without
password, the data proof's client, redis-cli."""

_TASKS = 8
"""Threads of one server (6 in Redis 8.2 and Valkey 9.1), a child that saves, one to spare."""

_OWN_FILES = 64
_OWN_TASKS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """`files` is how many we may open, `server_files` how many a server can get; `tasks` is
    how many processes and threads this user may still start, None for no limit."""

    files: int
    server_files: int
    tasks: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceShortage:
    """What is too low, with the numbers; `fatal` where it can't work so."""

    told: str
    hint: str
    fatal: bool


def resource_shortages(
    plan: Plan, starting: Iterable[str], limits: Limits
) -> tuple[ResourceShortage, ...]:
    """Everything that is too low for these nodes to be started."""
    nodes = [plan.node(name) for name in starting]
    found = [_own_files(plan, limits), *(_clients(plan, node, limits) for node in nodes)]
    found.append(_tasks(len(nodes), limits))
    return tuple(one for one in found if one)


def _own_files(plan: Plan, limits: Limits) -> ResourceShortage | None:
    needed = 2 * len(plan.nodes) + _OWN_FILES
    if limits.files >= needed:
        return None
    return ResourceShortage(
        told=f"redistopo needs {needed} open files for {len(plan.nodes)} nodes, "
        f"the limit is {limits.files}",
        # at once what servers want too: `ulimit -n` lowers the hard limit to what it is given
        hint=_raised(max(needed, min(limits.server_files, _USUAL_CLIENTS + RESERVED)), limits),
        fatal=True,
    )


def _clients(plan: Plan, node: NodePlan, limits: Limits) -> ResourceShortage | None:
    """Source: server.c, adjustOpenFilesLimit: it asks for maxclients + 32, then for 16 fewer
    at a time, and lowers maxclients to what it got, or had; bus links count as clients."""
    told = node.directives.get("maxclients", ("",))[-1]
    clients = int(told) if told.isdigit() else _USUAL_CLIENTS
    wanted = clients + RESERVED
    needed = _needed(plan)
    if clients < needed:
        return ResourceShortage(
            told=f"{node.name}: maxclients {clients} is too low, its own topology takes {needed}",
            hint="raise maxclients in the topology file",
            fatal=True,
        )
    if limits.server_files >= wanted:
        return None
    fewer = -(-(wanted - limits.server_files) // _STEP) * _STEP
    left = max(0, limits.files - RESERVED, wanted - fewer - RESERVED)
    numbers = f"{node.name}: maxclients {clients} needs {wanted} open files, "
    numbers += f"the limit is {limits.server_files}"
    if left < needed:
        return ResourceShortage(
            told=f"{numbers}; {left} clients would be left, its own topology takes {needed}",
            hint=_raised(max(needed + RESERVED + _STEP, 1024), limits),
            fatal=True,
        )
    if told:
        return ResourceShortage(
            told=f"{numbers}; the server would lower maxclients to {left}",
            hint=f"maxclients = {left} in the topology file, or {_raised(wanted, limits)}",
            fatal=True,
        )
    return ResourceShortage(
        told=f"{numbers}: the server will lower maxclients to {left}",
        hint=_raised(wanted, limits),
        fatal=False,
    )


def _raised(files: int, limits: Limits) -> str:
    """What raises it: here, unless the hard limit is below."""
    order = f"ulimit -n {files}"
    if limits.server_files >= files:
        return order
    return (
        f"{order}   in a shell that may: this one's hard limit is {limits.server_files} "
        "(root raises it in /etc/security/limits.conf, for the next login)"
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
        hint="end some programs of yours, or raise `ulimit -u`",
        fatal=True,
    )
