"""The shell scripts of exports: forming a cluster, and probing a server."""

from redistopo.export.elsewhere import Exported, plain

_TLS = ' --tls --cacert "$tls/ca.crt" --cert "$tls/tls.pem" --key "$tls/tls.pem"'
"""The arguments of redis-cli, with the folder in the variable `tls`."""


def form_script(made: Exported, cli: str, *, resolves: bool) -> str:
    """Render the script that forms the cluster; with `resolves`, hosts are names."""
    plan = made.plan
    shards = [
        {
            "primary": plain(plan.node(shard.primary)),
            "replicas": [plain(plan.node(name)) for name in shard.replicas],
            "members": [plain(plan.node(name)) for name in (shard.primary, *shard.replicas)],
            "first": shard.slots.first if shard.slots else 0,
            "last": shard.slots.last if shard.slots else 0,
        }
        for shard in plan.shards
    ]
    values = {
        "cli": cli,
        "tls": _TLS if plan.topology.tls else "",
        "user": made.credentials.own.user,
        "resolves": resolves,
        "nodes": [plain(node) for node in plan.data],
        "shards": shards,
    }
    return made.render("export/form.sh.j2", values)


def probe_script(made: Exported, cli: str) -> str:
    """Render the script that asks whether a server is ready, or alive."""
    topology = made.plan.topology
    values = {
        "cli": cli,
        "tls": _TLS if topology.tls else "",
        "user": made.credentials.own.user,
        "port": topology.port,
    }
    return made.render("export/probe.sh.j2", values)
