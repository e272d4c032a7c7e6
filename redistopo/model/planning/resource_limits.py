"""Checks the system limits that servers and redistopo need."""

from collections.abc import Iterable
from dataclasses import dataclass

from redistopo.model.planning.plan import NodePlan, Plan

RESERVED = 32
"""Files that a server needs besides its clients (server.h, CONFIG_MIN_RESERVED_FDS)."""

_STEP = 16
_DEFAULT_CLIENTS = 10000
_OWN_CLIENTS = 4
"""Connections of ours that a node may have at the same time: snapshots, the test login without
a password, the write probe, redis-cli."""

_TASKS = 8
"""Threads of one server (6 in Redis 8.2 and Valkey 9.1), a saving child process, one spare."""

_OWN_FILES = 64
_OWN_TASKS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """`files` is our own limit of open files, `server_files` the highest that a server can get;
    `tasks` is how many more processes and threads this user may start, None for no limit."""

    files: int
    server_files: int
    tasks: int | None


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
    return tuple(one for one in found if one)


def _own_files(plan: Plan, limits: Limits) -> ResourceShortage | None:
    needed = 2 * len(plan.nodes) + _OWN_FILES
    if limits.files >= needed:
        return None
    return ResourceShortage(
        told=f"redistopo needs {needed} open files for {len(plan.nodes)} nodes, "
        f"the limit is {limits.files}",
        # enough for servers too, because `ulimit -n` also lowers the hard limit
        hint=_raised(max(needed, min(limits.server_files, _DEFAULT_CLIENTS + RESERVED)), limits),
        fatal=True,
    )


def _clients(plan: Plan, node: NodePlan, limits: Limits) -> ResourceShortage | None:
    """Source: server.c, adjustOpenFilesLimit: it requests maxclients + 32, then 16 fewer
    at a time, and lowers maxclients to fit the limit; bus links count as clients."""
    configured = node.directives.get("maxclients", ("",))[-1]
    clients = int(configured) if configured.isdigit() else _DEFAULT_CLIENTS
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
    left = max(0, limits.files - RESERVED, wanted - fewer - RESERVED)
    numbers = f"{node.name}: maxclients {clients} needs {wanted} open files, "
    numbers += f"the limit is {limits.server_files}"
    if left < needed:
        return ResourceShortage(
            told=f"{numbers}; {left} clients would be left, its own topology needs {needed}",
            hint=_raised(max(needed + RESERVED + _STEP, 1024), limits),
            fatal=True,
        )
    if configured:
        return ResourceShortage(
            told=f"{numbers}; the server would lower maxclients to {left}",
            hint=f"set maxclients = {left} in the topology file, or {_raised(wanted, limits)}",
            fatal=True,
        )
    return ResourceShortage(
        told=f"{numbers}: the server will lower maxclients to {left}",
        hint=_raised(wanted, limits),
        fatal=False,
    )


def _raised(files: int, limits: Limits) -> str:
    """The command that raises the limit, with a note if the hard limit is lower."""
    command = f"ulimit -n {files}"
    if limits.server_files >= files:
        return command
    return (
        f"{command}   (the hard limit of this shell is {limits.server_files}; "
        "root can raise it in /etc/security/limits.conf, for the next login)"
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
