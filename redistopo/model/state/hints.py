"""Commands for hints: redistopo's own verbs for nodes that it started, since they have the
password and the certificates; plain redis-cli commands for other nodes."""

import re

from redistopo.model.protocol.replies import ClusterNodesLine
from redistopo.model.remedies.of_servers import forget, leave_cluster, takeover
from redistopo.model.remedies.of_topology import rebuild_node, reset_node
from redistopo.model.remedies.remedy import Remedy
from redistopo.model.state.copies_seen import no_copy_in, stranger_needless
from redistopo.model.state.observed import NodeSeen, Observed, ProcessState

TOO_MANY_CLIENTS_HINT = (
    "close idle clients, or raise maxclients in the topology file and restart: "
    "redistopo down, then up"
)
"""For a server that has reached maxclients."""

LOST_HOST_HINT = "check that host and its network; once it replies: redistopo up"
"""For a node whose host doesn't reply by SSH either."""


def started_by_us(node: NodeSeen) -> bool:
    """Whether redistopo started it."""
    return node.process is not ProcessState.NOT_OURS


def start_command(*, ours: bool) -> str:
    """How to start what is down."""
    return "redistopo up" if ours else "start it the way it was started before"


def restart_command(node: NodeSeen) -> str:
    """How to start a node again."""
    return start_command(ours=started_by_us(node))


def start_lost_command(node: NodeSeen, *, clustered: bool) -> str:
    """How to start a node that isn't running. Without its nodes.conf, a cluster's node would be a
    new one: it gets another node's, with its own id, and then the data from its shard."""
    if clustered and node.folder_lost:
        return rebuild_node([node.name])
    return restart_command(node)


def call_prefix(name: str) -> str:
    """The prefix of a command to a node of ours."""
    return f"redistopo call --node {name}"


def command_prefix(node: NodeSeen) -> str:
    """The prefix of a command to a node."""
    return (
        call_prefix(node.name)
        if started_by_us(node)
        else f"redis-cli -h {node.host} -p {node.port}"
    )


def forget_command(seen: Observed, node: NodeSeen, stranger: ClusterNodesLine) -> str:
    """How to remove an unknown node from a cluster: on every node, within a minute.

    After a minute, nodes accept it again from others that still know it (redis.io,
    CLUSTER FORGET).
    """
    proof = stranger_needless(seen, stranger)
    ours = started_by_us(node)
    prefix = "redistopo call" if ours else f"on every node, within a minute: {command_prefix(node)}"
    return forget(prefix, stranger.id, stranger.address, proof)


def cli_prefix(node: NodeSeen, *, acl: bool) -> str:
    """The prefix of redis-cli's own options, by way of a node; with `acl`, only admin may."""
    if started_by_us(node):
        return f"redistopo cli {node.name}{' --user admin' if acl else ''} --"
    return "redis-cli"


def takeover_command(name: str) -> Remedy:
    """How to make a replica of ours the primary of its shard without an election."""
    return takeover(call_prefix(name))


def leave_command(node: NodeSeen, lost: str) -> str:
    """How to remove a node from another cluster."""
    if started_by_us(node):
        return reset_node(node.name, lost, options=" --hard", after="; redistopo up")
    return leave_cluster(command_prefix(node), node.name, no_copy_in("keys", [node]))


def continue_command(node: NodeSeen) -> str:
    """How to resume a paused process (SIGSTOP)."""
    if started_by_us(node):
        return f"redistopo resume {node.name}"
    return f"kill -CONT {node.pid or 'PID'}"


def unset_directive_command(node: NodeSeen, what: str) -> str:
    """How to remove a foreign setting: a restart drops what was set live, but not what the
    topology file or a template sets."""
    return (
        f"redistopo restart {node.name}, if it was set at runtime; otherwise "
        f"remove {what} from [redis], [nodes.{node.name}] and your own templates, "
        "then: redistopo down; redistopo up"
    )


def allow_command_hint(node: NodeSeen, name: str, reply: str) -> str:
    """How to make a refused command available again, from the server's reply."""
    if "unknown command" not in reply.lower():
        return f"log in as a user that may run {name}"
    if started_by_us(node):
        # without them its role is unknown, and a rolling restart needs a healthy topology
        again = node.name if name in ("INFO", "CLUSTER") else "--rolling"
        where = "from [redis] and from files that it includes"
        return f"remove `rename-command {name}` {where}, then: redistopo restart {again}"
    return f"remove `rename-command {name}` from its redis.conf and restart it"


def allow_query_hint(node: NodeSeen) -> str:
    """How to let a node reply that refuses INFO, CLUSTER or SENTINEL, without which nothing is
    known of it; "" if its error is another one."""
    refused = re.match(r"(INFO|CLUSTER|SENTINEL)(?: \w+)? failed: ", node.error)
    if refused is None or not re.search("unknown command|NOPERM|no permissions", node.error):
        return ""
    return allow_command_hint(node, refused[1], node.error)


def open_port_hint(host: str, port: int) -> str:
    """How to open a firewall, and how to test it."""
    return (
        f"allow TCP to {host} port {port}, for example: sudo ufw allow proto tcp to {host} port "
        f"{port}   (test: nc -vz {host} {port})"
    )
