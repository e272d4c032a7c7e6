"""A topology as it was started: its nodes and credentials, from its state folder.

None of this needs a valid topology file, so that `down` works in any case.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace

from redistopo.client.target import Target
from redistopo.errors import RedistopoError, UsageError
from redistopo.host.files import read_text
from redistopo.host.host import Host
from redistopo.host.local_host import LOCAL
from redistopo.host.running_servers import servers_below
from redistopo.model.protocol.conf import Directives, is_whole_conf, read_conf
from redistopo.model.protocol.conf_endpoint import CLIENT_PORTS, endpoint_of
from redistopo.model.protocol.credentials import (
    Credentials,
    Login,
    TlsFiles,
    TopologyUser,
    single_credential,
)
from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.remedies.of_machine import end_process
from redistopo.model.state.record import TopologyState
from redistopo.model.state.relocation import relocated_directives
from redistopo.model.topology.project_paths import Layout
from redistopo.model.topology.spec import Shape
from redistopo.project.passwords import tls_files
from redistopo.project.topology_state_file import load_topology_state, node_folder_names


def rendered_confs(layout: Layout, state: TopologyState | None) -> dict[str, Directives]:
    """Map each node of the topology to its rendered configuration, if it has one.

    If that file is lost or damaged, the configuration of the last start counts; if that is lost
    too, the recorded address of a formed topology's node. Folders that an earlier, larger topology
    left behind are ignored.
    """
    recorded = {node.name: node for node in state.nodes} if state else {}
    found = {}
    for name in recorded or node_folder_names(layout):
        folder = layout.node(name)
        linked = folder.root.is_symlink()  # its files are another topology's
        texts = (None if linked else read_text(path) for path in (folder.config, folder.started))
        if text := next((text for text in texts if text and is_whole_conf(text)), None):
            found[name] = relocated_directives(read_conf(text), layout, name)
        elif state is not None and state.formed:
            node = recorded[name]
            found[name] = address_conf(name, Endpoint(node.host, node.port))
    return found


def address_conf(name: str, endpoint: Endpoint) -> Directives:
    """Return the configuration of a node of which the address alone is known."""
    conf = {"bind": (endpoint.host,), "port": (str(endpoint.port),)}
    return {**conf, "sentinel": ("",)} if name.startswith("sentinel") else conf


def running_nodes(layout: Layout, host: Host = LOCAL) -> tuple[str, ...]:
    """Return the names of all nodes whose server runs."""
    names = dict.fromkeys(node_folder_names(layout))
    with suppress(UsageError):  # of a newer redistopo
        recorded = load_topology_state(layout)
        names |= dict.fromkeys(recorded.names if recorded else ())
    return tuple(name for name in names if host.processes.find(layout, name))


def targets_in_use(
    layout: Layout, rendered: Mapping[str, Directives], machine: Host = LOCAL
) -> tuple[Target, ...]:
    """Return the nodes as targets, with the addresses in their own configuration."""
    return tuple(
        Target(
            name=name,
            endpoint=endpoint,
            layout=layout,
            machine=machine,
            maps_ports=any(port in conf for port in CLIENT_PORTS),
        )
        for name, conf in rendered.items()
        if (endpoint := endpoint_of(conf))
    )


def live_targets(
    layout: Layout, rendered: dict[str, Directives], host: Host = LOCAL
) -> tuple[Target, ...]:
    """Return the targets whose server runs."""
    found = targets_in_use(layout, rendered, host)
    return tuple(one for one in found if host.processes.find(layout, one.name))


def credentials_in_use(
    layout: Layout, rendered: dict[str, Directives], application: str = ""
) -> Credentials:
    """Read the credentials that the nodes were started with.

    They come from the nodes' configuration, since REDISTOPO_PASSWORD may be unset in this shell.
    Only with ACL it doesn't contain the application's password, which the caller may know.
    """
    tls = tls_files(layout) if _first(rendered, "tls-port") else None
    stranger = str(layout.tls.stranger) if tls and layout.tls.stranger.exists() else ""
    watching = {name: conf for name, conf in rendered.items() if layout.node(name).sentinel}
    if not _first(rendered, "aclfile"):
        data = {name: conf for name, conf in rendered.items() if name not in watching}
        own = Login(password=_first(data, "requirepass"), tls=tls)
        return replace(
            single_credential(own),
            stranger=stranger,
            sentinels=_sentinel_logins(layout, watching, tls),
        )
    admin = (read_text(layout.secret(TopologyUser.ADMIN)) or "").strip()
    replication = _first(rendered, "masterauth") or _first(rendered, "primaryauth")
    sentinel = (read_text(layout.secret(TopologyUser.SENTINEL)) or "").strip() if watching else ""
    return Credentials(
        sentinel=Login(user=TopologyUser.SENTINEL, password=sentinel, tls=tls)
        if watching
        else None,
        own=Login(user=TopologyUser.ADMIN, password=admin, tls=tls),
        application=Login(password=application, tls=tls) if application else None,
        replication=Login(user=TopologyUser.REPLICATION, password=replication, tls=tls),
        stranger=stranger,
    )


def _sentinel_logins(
    layout: Layout, watching: dict[str, Directives], tls: TlsFiles | None
) -> dict[Endpoint, Login]:
    """Our login to each Sentinel, by its address."""
    return {
        one.endpoint: Login(password=_first({"": watching[one.name]}, "requirepass"), tls=tls)
        for one in targets_in_use(layout, watching)
    }


def _first(rendered: dict[str, Directives], name: str) -> str:
    return next((conf[name][-1] for conf in rendered.values() if name in conf), "")


def shape_of(record: TopologyState | None, rendered: dict[str, Directives]) -> Shape:
    """Return the recorded shape, or that of the configuration: the topology file may be invalid."""
    if record is not None and record.shape in set(Shape):
        return Shape(record.shape)
    if any("sentinel" in conf for conf in rendered.values()):
        return Shape.SENTINEL
    clustered = any(conf.get("cluster-enabled") == ("yes",) for conf in rendered.values())
    return Shape.CLUSTER if clustered else Shape.REPLICATION


def lost_record_error(layout: Layout) -> RedistopoError | None:
    """Build the error for servers that run in the state folder, or in one that was removed, while
    nothing is recorded there; None if there are none."""
    left = servers_below(layout.state)
    if not left:
        return None
    count = f"{len(left)} servers run" if len(left) > 1 else "a server runs"
    return RedistopoError(
        f"{count} in {layout.state}, but the record of the topology is gone",
        detail="\n".join(f"pid {server.pid} in {server.folder}" for server in left),
        hint=end_process(
            " ".join(str(server.pid) for server in left),
            before="no verb can reach them any more; if they are yours, stop them: ",
            after="; then redistopo up",
        ),
    )


def nothing_started_error(layout: Layout) -> RedistopoError:
    """Build the error of a verb that needs servers when none was started."""
    return lost_record_error(layout) or RedistopoError(
        f"nothing was started in {layout.root} yet",
        hint="start it: redistopo up",
    )
