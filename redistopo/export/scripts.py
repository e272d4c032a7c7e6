"""The shell scripts of exports: forming a cluster, and probing a server."""

from redistopo.export.elsewhere import Exported, plain


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
        "user": made.credentials.own.user,
        "resolves": resolves,
        "nodes": [plain(node) for node in plan.data],
        "shards": shards,
    }
    return made.render("export/form.sh.j2", values)


def probe_script(made: Exported, cli: str) -> str:
    """Render the script that asks whether a server is ready, or alive."""
    values = {"cli": cli, "user": made.credentials.own.user, "port": made.plan.topology.port}
    return made.render("export/probe.sh.j2", values)
