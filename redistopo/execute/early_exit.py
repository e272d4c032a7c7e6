"""Errors of servers that exited by themselves, from their own logs, with a hint."""

import shlex
from pathlib import Path

from redistopo.errors import MissingPrerequisite, NodeDied, RedistopoError
from redistopo.host.files import FREE, NO_SPACE
from redistopo.host.host import Files, Host
from redistopo.host.node_data import nodes_conf_texts
from redistopo.host.node_disk import nodes_conf_refusal, read_disk
from redistopo.host.server_log import log_since_start, log_tail
from redistopo.model.planning.plan import NodePlan, Plan
from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.protocol.nodes_conf import latest_nodes_conf, parse_nodes_conf
from redistopo.model.remedies.no_other_copy import CopySeen, Place, no_other_copy
from redistopo.model.remedies.of_machine import move_aside, truncate_log
from redistopo.model.remedies.of_topology import rebuild_node, use_primary
from redistopo.model.remedies.remedy import Remedy, joined
from redistopo.model.state.hints import takeover_command
from redistopo.model.state.observed import Role

_REFUSED_LINE = ("FATAL CONFIG FILE ERROR", "Module Configuration detected without loadmodule")
"""What a server logs that refuses a line of its file; since Redis 8.0 the latter, as a module
might define an unknown directive (config.c)."""


def early_exit_error(host: Host, plan: Plan, node: NodePlan, when: str) -> RedistopoError:
    """Build the error of a node that exited by itself, from its last log lines."""
    files, ports = host.files, host.ports
    last = log_tail(files, node.folder.log)
    whole = log_since_start(files, node.folder.log)
    message = f"{node.title} exited {when}"
    log = node.log_hint
    if said := nodes_conf_refusal(files, node.folder):
        return NodeDied(
            f"{message}: its nodes.conf is damaged",
            detail=f"{node.folder.table}\n{_message(said)}",
            hint=rebuild_node(
                [node.name],
                "to rebuild it from another node's, with the same id, and keep the damaged file: ",
            ),
        )
    if "append only file" in whole and ("Bad file format" in whole or "Unexpected end" in whole):
        said = next(line for line in whole.splitlines() if "append only file" in line)
        return _bad_log(files, plan, node, message, _message(said))
    if NO_SPACE in log_tail(files, node.folder.log, 40) or files.disk_full(node.folder.root):
        return MissingPrerequisite(message, detail=last, hint=f"{FREE}; {log}")
    if "Address already in use" in whole:
        taken = [port for port in node.ports if not ports.is_free(Endpoint(node.host, port))]
        held = "".join(
            f"\nport {port} is in use by {ports.holder(Endpoint(node.host, port))}"
            for port in taken
        )
        hint = "stop the program that uses the port, then run redistopo up again; "
        return MissingPrerequisite(message, detail=last + held, hint=hint + log)
    if "FATAL CONFIG FILE ERROR" in whole and node.folder.sentinel:
        # a Sentinel rewrites its file, which is its state: the topology file has no such line
        aside = move_aside(node.folder.config, ".damaged")
        hint = joined("to render it again, and keep the damaged file: ", aside, "; redistopo up")
        detail = f"{node.folder.config}\n{last}"
        return NodeDied(f"{message}: its configuration is damaged", detail=detail, hint=hint)
    if any(one in whole for one in _REFUSED_LINE):
        return NodeDied(message, detail=last, hint="correct that line in the topology file; " + log)
    if "ready to exit, bye bye" in last:
        told = "a command or a signal told it to end: redistopo up starts it again; "
        return NodeDied(message, detail=last, hint=told + log)
    return NodeDied(message, detail=last, hint=log)


def _message(line: str) -> str:
    """A line of a server's log without process and time."""
    return line.partition(" # ")[2] or line


def _bad_log(files: Files, plan: Plan, node: NodePlan, message: str, said: str) -> RedistopoError:
    """A damaged append-only file: how to repair it, and which nodes have a copy of the data."""
    path = _append_only(files, node, said)
    folder = path if path.parent == node.folder.root else path.parent
    aside = move_aside(folder, ".damaged")
    others = _kin(files, plan, node)
    names = ", ".join(others)
    fix = f"{_checker(files, plan)} --fix {_word(path)}"
    if not others:
        copies = "no other node has a copy of its data"
        proof = no_other_copy(f"the data of {node.name}", _copies(files, plan, node))
        hint = truncate_log(fix, str(folder), proof)
    elif _is_replica(files, plan, node):
        copies = f"{names} has the same data: {node.name} is a replica"
        hint = joined(aside, "; then redistopo up: it gets the data from its primary")
    else:
        copies = f"{names} has a copy of its data, as a replica"
        hint = joined(f"promote {others[0]}: ", _promotion(plan, others[0], aside))
    return NodeDied(
        f"{message}: its append-only file is damaged",
        detail=f"{path}\n{said}\n{copies}",
        hint=hint,
    )


def _promotion(plan: Plan, replica: str, aside: Remedy) -> str:
    """The commands that promote a replica, so that it doesn't sync from an empty primary.

    After all nodes were stopped, a cluster's replica never starts an election by itself: its
    data counts as infinitely old (cluster_legacy.c, clusterHandleSlaveFailover).
    """
    if not plan.topology.clustered:
        return use_primary([replica], f"{aside}; ", f"writes that {replica} did not receive")
    takeover = takeover_command(replica)
    return joined("redistopo up --keep; then ", takeover, f"; after OK: {aside}; redistopo up")


def _append_only(files: Files, node: NodePlan, said: str) -> Path:
    """The file for the checker: the one that the server named, if it is the one being appended
    to; otherwise the manifest (since Redis 7.0), or the single file of older servers.

    With the manifest, Valkey 9.1's checker fails at its own base file, which begins with VALKEY
    instead of REDIS (tested with 9.1.2).
    """
    root = node.folder.root
    inside = (
        root / folder / name for folder in files.names(root) for name in files.names(root / folder)
    )
    manifest = next((path for path in inside if path.suffix == ".manifest"), None)
    if manifest is None:
        return root / "appendonly.aof"
    listed = [line.split()[1] for line in (files.read(manifest) or "").splitlines() if " " in line]
    if listed and listed[-1] in said:
        return manifest.with_name(listed[-1])
    return manifest


def _checker(files: Files, plan: Plan) -> str:
    """The command of the checker; a server itself is one when it is called by that name
    (server.c, main)."""
    server = Path(plan.engine.path)
    name = server.name.replace("-server", "-check-aof")
    if files.status(server.parent / name):
        return _word(server.parent / name)
    return f'bash -c \'exec -a {name} "$0" "$@"\' {_word(server)}'


def _word(path: Path) -> str:
    return shlex.quote(str(path))


def _is_replica(files: Files, plan: Plan, node: NodePlan) -> bool:
    if not plan.topology.clustered:
        return node.role is Role.REPLICA
    text = nodes_conf_texts(files, [node]).get(node.address, "")
    table = parse_nodes_conf(text, node.address)
    me = table.at(node.address) if table else None
    return me is not None and not me.is_primary


def _kin(files: Files, plan: Plan, node: NodePlan) -> list[str]:
    """Other nodes with the same data on disk: a replica's primary, a primary's replicas."""
    return [one.node for one in _copies(files, plan, node) if one.may_exist]


def _copies(files: Files, plan: Plan, node: NodePlan) -> list[CopySeen]:
    """Whether each other node of its shard has data on disk."""
    if plan.topology.clustered:
        read = (
            parse_nodes_conf(text, address)
            for address, text in nodes_conf_texts(files, plan.nodes).items()
        )
        table = latest_nodes_conf(read)
        addresses = table.shard_peers(node.address) if table else ()
    elif node.role is Role.REPLICA:
        addresses = tuple(one.address for one in plan.primaries)
    else:
        addresses = tuple(one.address for one in plan.nodes if one is not node)
    return [
        CopySeen(node=one.name, place=Place.DISK, may_exist=read_disk(files, one.folder).has_data)
        for one in plan.nodes
        if one.address in addresses
    ]
