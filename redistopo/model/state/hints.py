"""What is to be typed next, said in one place: by redistopo's own verbs where it started the
node, for they have the password and the certificates; else as one types it without redistopo."""

from redistopo.model.state.observed import NodeSeen, ProcessState

TOO_MANY_CLIENTS_HINT = (
    "close clients that aren't needed, or raise maxclients in the topology file and restart it: "
    "redistopo down, then up"
)
"""What to do where a server has as many clients as it takes."""


def is_ours(node: NodeSeen) -> bool:
    """Whether redistopo started it."""
    return node.process is not ProcessState.NOT_OURS


def start(*, ours: bool) -> str:
    """What brings back what is down."""
    return "redistopo up" if ours else "start it as it was started before"


def restart_command(node: NodeSeen) -> str:
    """What starts it again."""
    return start(ours=is_ours(node))


def call(name: str) -> str:
    """A command to a node of ours, but for its words."""
    return f"redistopo call --node {name}"


def redis_cli_command(node: NodeSeen) -> str:
    """A command to that node, but for its words."""
    return call(node.name) if is_ours(node) else f"redis-cli -h {node.host} -p {node.port}"


def forget_command(node: NodeSeen, stranger: str) -> str:
    """How that node and all others forget the one with the id of a stranger.

    Within a minute: for so long each refuses to hear of it again from those that still know
    it (redis.io, CLUSTER FORGET).
    """
    if is_ours(node):
        return f"redistopo call CLUSTER FORGET {stranger}"
    return f"on every node, within a minute: {redis_cli_command(node)} CLUSTER FORGET {stranger}"


def fix(node: NodeSeen, *, acl: bool) -> str:
    """How slots get an owner each, found by way of that node; `acl`: applications have no right
    to do so."""
    words = f"--cluster fix {node.address}"
    if is_ours(node):
        return f"redistopo cli {node.name}{' --user admin' if acl else ''} -- {words}"
    return f"redis-cli {words}"


def takeover_command(name: str) -> str:
    """How a replica of ours becomes primary of its shard, whoever else may lead it."""
    return f"{call(name)} CLUSTER FAILOVER TAKEOVER"


def continue_command(node: NodeSeen) -> str:
    """What continues a process that was stopped (SIGSTOP)."""
    if is_ours(node):
        return f"redistopo resume {node.name}"
    return f"kill -CONT {node.pid or 'PID'}"


def unset_directive_command(node: NodeSeen, what: str) -> str:
    """How a setting that we didn't make is taken from one of our nodes: a restart starts it on
    its file, which `up` writes anew, but of the same topology file and templates."""
    return (
        f"redistopo restart {node.name}, if it was set while that ran; else "
        f"take {what} out of [redis], [nodes.{node.name}] and your own templates, "
        "then: redistopo down; redistopo up"
    )


def open_port_hint(host: str, port: int) -> str:
    """How a firewall is opened, and how that is tried."""
    return (
        f"let TCP through to {host} port {port}, as by: sudo ufw allow proto tcp to {host} port "
        f"{port}   (try it: nc -vz {host} {port})"
    )
