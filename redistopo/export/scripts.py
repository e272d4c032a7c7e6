"""The shell scripts of exports: forming a cluster, and probing a server."""

from redistopo.export.elsewhere import Exported, plain
from redistopo.model.planning.plan import NodePlan

_TLS = ' --tls --cacert "$tls/ca.crt" --cert "$tls/tls.pem" --key "$tls/tls.pem"'
"""The arguments of redis-cli, with the folder in the variable `tls`."""


def form_script(made: Exported, cli: str, *, resolves: bool) -> str:
    """Render the script that forms the cluster; with `resolves`, hosts are names."""
    plan = made.plan
    shown = _by_host_name if resolves else plain
    shards = [
        {
            "primary": shown(plan.node(shard.primary)),
            "replicas": [shown(plan.node(name)) for name in shard.replicas],
            "members": [shown(plan.node(name)) for name in (shard.primary, *shard.replicas)],
            "first": shard.slots.first if shard.slots else 0,
            "last": shard.slots.last if shard.slots else 0,
        }
        for shard in plan.shards
    ]
    values = {
        **_common_values(made, cli),
        "resolves": resolves,
        "shards": shards,
        "nodes": [shown(node) for node in plan.data],
    }
    return made.render("export/form.sh.j2", values)


def join_script(made: Exported, cli: str) -> str:
    """Render the script that keeps the node beside it in the cluster; hosts are names."""
    values = {
        **_common_values(made, cli),
        "resolves": True,
        "nodes": [_by_host_name(node) for node in made.plan.data],
        "port": made.plan.data[0].port,
    }
    return made.render("export/join.sh.j2", values)


def probe_script(made: Exported, cli: str) -> str:
    """Render the script that asks whether a server is ready, or alive."""
    values = {**_common_values(made, cli), "port": made.plan.topology.port}
    return made.render("export/probe.sh.j2", values)


def _common_values(made: Exported, cli: str) -> dict[str, object]:
    """What every script needs to connect."""
    return {
        "cli": cli,
        "tls": _TLS if made.plan.topology.tls else "",
        "user": made.credentials.own.user,
    }


def _by_host_name(node: NodePlan) -> dict[str, object]:
    """The node by its name at the target: the first part of its host name."""
    return {**plain(node), "name": node.host.partition(".")[0]}
