"""Renders a topology as a commented redistopo.toml."""

import json
import re
import textwrap
from collections.abc import Sequence

from redistopo.model.protocol.conf import Directives
from redistopo.model.topology.hosts import Hosts, Machine
from redistopo.model.topology.hosts_keys import HOSTS_KEYS, MACHINE_KEYS
from redistopo.model.topology.parse_hosts import PIN
from redistopo.model.topology.spec import TOPOLOGY_KEYS, Adopted, Topology, shape_defaults
from redistopo.render.jinja_templates import render_template

# Written even with their default value, because these are what users look for.
_ALWAYS = frozenset({"format", "name", "shape", "host", "port", "shards", "replicas", "engine"}) | {
    "sentinels", "quorum", "down_after",
}  # fmt: skip
_CLUSTER_ONLY = frozenset({"shards", "formation", "node_timeout"})
_SENTINEL_ONLY = frozenset(
    {"sentinels", "quorum", "sentinel_port", "down_after", "failover_timeout", "parallel_syncs"}
)

_OF_THIS_MACHINE = frozenset({"host", "announce_host"})
_OF_STARTED_SERVERS = _OF_THIS_MACHINE | {
    "announce_port", "port", "sentinels", "sentinel_port", "formation", "templates", "acl",
    "application_rights",
}  # fmt: skip


def topology_file(topology: Topology, unknown: Sequence[str] = ()) -> str:
    """Render the file; parsing it gives the same topology. `unknown` is what couldn't be read of
    adopted servers, for comments."""
    usual = shape_defaults(topology.shape)
    keys = []
    for key in TOPOLOGY_KEYS:
        value = getattr(topology, key.name)
        if topology.hosts and key.name in _OF_THIS_MACHINE:
            continue
        if topology.adopted and key.name in _OF_STARTED_SERVERS:
            continue
        changed = value != usual.get(key.name)
        if key.name in _CLUSTER_ONLY and not topology.clustered and not changed:
            continue
        if key.name in _SENTINEL_ONLY and not topology.sentinels and not changed:
            continue
        allowed = f" One of: {', '.join(key.choices)}." if key.choices else ""
        keys.append(
            {
                "name": key.name,
                "comment": textwrap.wrap(key.doc + allowed, 86),
                "value": toml_value(value),
                "written": key.name in _ALWAYS or changed,
            }
        )
    tables = {"redis": _table(topology.redis)}
    nodes = {name: _table(table) for name, table in topology.nodes.items()}
    for name, machine in topology.hosts.pins.items() if topology.hosts else ():
        nodes[name] = {PIN: toml_value(machine), **nodes.get(name, {})}
    hosts = _hosts(topology.hosts) if topology.hosts else None
    adopted = _adopted(topology.adopted, unknown) if topology.adopted else None
    values = {"keys": keys, "nodes": nodes, "hosts": hosts, "adopted": adopted, **tables}
    return render_template("topology/redistopo.toml.j2", values)


def _hosts(hosts: Hosts) -> dict[str, object]:
    """The [hosts] table: its keys and its machines."""
    unset = Hosts()
    keys = [
        {
            "name": key.name,
            "comment": textwrap.wrap(key.doc, 86),
            "value": toml_value(value),
            "written": value != getattr(unset, key.name),
        }
        for key in HOSTS_KEYS
        for value in [getattr(hosts, key.name)]
        if hosts.inventory or key.name not in ("inventory", "group")
    ]
    machines = {} if hosts.inventory else {one.name: _machine(one) for one in hosts.machines}
    return {"settings": keys, "machines": machines}


def _adopted(adopted: Adopted, unknown: Sequence[str]) -> dict[str, object]:
    """The [adopted] table: what isn't known, and its values."""
    servers = {name: toml_value(str(one)) for name, one in adopted.servers.items()}
    user = {"user": toml_value(adopted.user)} if adopted.user else {}
    comments = [line for one in unknown for line in textwrap.wrap(f"Not known: {one}", 86)]
    return {"unknown": comments, "values": {**user, **servers}}


def _machine(machine: Machine) -> dict[str, str]:
    values = ((key.name, getattr(machine, key.name)) for key in MACHINE_KEYS)
    return {name: toml_value(value) for name, value in values if value}


def _table(directives: Directives) -> dict[str, str]:
    """Directives as TOML: name, quoted if necessary -> value."""
    return {
        name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else toml_value(name): toml_value(
            lines[0] if len(lines) == 1 else list(lines)
        )
        for name, lines in directives.items()
    }


def toml_value(value: object) -> str:
    """Format a value as TOML, which shares JSON's syntax for these types, except for DEL."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
