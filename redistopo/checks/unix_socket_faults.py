"""Whether the Unix socket of a node is its own."""

from redistopo.model.state.observed import NodeSeen


def unix_socket_fault(node: NodeSeen) -> tuple[str, str]:
    """Return what is wrong with the path of a node's Unix socket, and what to do; "" for nothing.

    A server that was started later with the same path has removed the node's socket.
    """
    seen = node.socket
    if seen is None or not node.pid or seen.pid in (0, node.pid):
        return "", ""
    if seen.pid is None:
        return (
            f"its Unix socket {seen.path} was removed, or no longer accepts connections",
            f"redistopo restart {node.name}",
        )
    return (
        f"at its Unix socket's path {seen.path}, {seen.program} listens",
        "set another unixsocket where it is set: in redistopo.toml, a template or an included "
        f"file; then redistopo restart {node.name}",
    )
