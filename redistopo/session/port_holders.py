"""Which servers of redistopo use the ports that a topology needs, and how to stop them."""

from pathlib import Path
from shlex import quote

from redistopo.host.listening_sockets import all_listeners
from redistopo.host.running_servers import Server, running_servers
from redistopo.model.planning.plan import Plan
from redistopo.model.remedies.of_machine import end_process
from redistopo.model.state.observed import Observed
from redistopo.model.topology.project_paths import Layout


def stop_port_holders(plan: Plan, seen: Observed) -> str:
    """Return how to stop the servers that use ports of this topology, if redistopo started them
    on this machine; "" if any of the ports is another program's."""
    held = [node.name for node in seen.nodes if node.held_by]
    if not held or plan.topology.hosts:
        return ""
    ports = {port for name in held for port in plan.node(name).ports}
    sockets = [one for one in all_listeners() if one.port in ports]
    found = [one for one in running_servers() if any(socket.of(one.pid) for socket in sockets)]
    strange = any(not any(socket.of(one.pid) for one in found) for socket in sockets)
    roots = {_root(one) for one in found}
    if strange or len(roots) != 1 or (root := roots.pop()) is None:
        return ""
    if root == plan.layout.root:
        pids = " ".join(str(one.pid) for one in found)
        return end_process(
            pids, before="they were started in this folder, but their record is gone; stop them: "
        )
    return f"that is the topology in {root}; stop it: redistopo -C {quote(str(root))} down"


def _root(server: Server) -> Path | None:
    """The folder of a server's topology; None if redistopo didn't start it."""
    nodes = server.folder.parent
    root = nodes.parent.parent
    return root if Layout(root).nodes == nodes else None
