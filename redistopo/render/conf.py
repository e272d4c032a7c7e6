"""Renders a plan's configuration files."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from redistopo.model.planning.plan import FormationMethod, NodePlan, Plan
from redistopo.model.protocol.credentials import Credentials, TopologyUser
from redistopo.model.state.observed import Role
from redistopo.model.topology.exposure import refuse_open_users
from redistopo.quick_dataclass import dataclass
from redistopo.render.jinja_templates import render_template


def node_conf(plan: Plan, node: NodePlan, credentials: Credentials) -> str:
    """Render the redis.conf of one data node."""
    follows = node.follows and not plan.topology.clustered
    values = {
        **_common_values(plan, node, credentials),
        "replication_password": credentials.replication.password if credentials.replication else "",
        "primary": _plain(plan.node(node.follows)) if follows else None,
    }
    return render_template("conf/redis.conf.j2", values, own=own_templates(plan))


def sentinel_conf(plan: Plan, node: NodePlan, credentials: Credentials, myid: str = "") -> str:
    """Render the sentinel.conf for a Sentinel's first start, with all data nodes known.

    `myid` is the id by which the others already know it; without it, it generates its own.
    """
    values = {
        **_common_values(plan, node, credentials),
        "sentinel_password": credentials.sentinel.password if credentials.sentinel else "",
        "primary": _plain(plan.primaries[0]),
        "replicas": [_plain(one) for one in plan.data if one.follows],
        "myid": myid,
    }
    return render_template("conf/sentinel.conf.j2", values, own=own_templates(plan))


def _common_values(plan: Plan, node: NodePlan, credentials: Credentials) -> dict[str, object]:
    tls, folder = node.certificates, node.files
    # what it binds: a user's own template knows no machines
    return {
        "node": _plain(node),
        "topology": replace(plan.topology, host=plan.bound(node)),
        "engine": plan.engine,
        "password": credentials.application.password if credentials.application else "",
        "users": str(folder.users),
        "tls": {"ca": str(tls.ca), "pem": str(tls.node(node.name))},
        "folder": str(folder.root),
        "pidfile": str(folder.pidfile),
        "log": str(folder.log),
        "layout_file": plan.layout.topology.name,
    }


def users_acl(plan: Plan, credentials: Credentials, *, sentinel: bool = False) -> str:
    """Render the users.acl of data nodes, or Sentinels, with passwords only as SHA-256.

    So `ACL LIST` or a leaked copy of the file shows no password (acl.c, ACLSetUser, `#`).
    Raises UsageError if the user's own template omits a user, or has one without a password.
    """
    passwords = {
        TopologyUser.APPLICATION.value: credentials.application,
        TopologyUser.REPLICATION.value: credentials.replication,
        TopologyUser.ADMIN.value: credentials.own,
    }
    if credentials.sentinel:
        passwords[TopologyUser.SENTINEL.value] = credentials.sentinel
    if sentinel:
        del passwords[TopologyUser.REPLICATION.value]
    hashes = {
        user: sha256((access.password if access else "").encode()).hexdigest()
        for user, access in passwords.items()
    }
    values = {"hashes": hashes, "topology": plan.topology, "engine": plan.engine}
    name = "conf/sentinel-users.acl.j2" if sentinel else "conf/users.acl.j2"
    text = render_template(name, values, own=own_templates(plan))
    refuse_open_users(text, hashes)
    return text


def configuration_files(
    plan: Plan, node: NodePlan, credentials: Credentials, *, myid: str = "", rendered: str = ""
) -> dict[Path, str]:
    """Path -> text of what a node starts on, its users first: a server refuses to start on a
    configuration whose users are missing. `myid` is for a Sentinel, see `sentinel_conf`;
    `rendered` is a data node's configuration where it was rendered before."""
    watches = node.role is Role.SENTINEL
    conf = (
        sentinel_conf(plan, node, credentials, myid)
        if watches
        else rendered or node_conf(plan, node, credentials)
    )
    files = {node.folder.config: conf}
    if plan.topology.acl:
        return {node.folder.users: users_acl(plan, credentials, sentinel=watches), **files}
    return files


def check_templates(plan: Plan, credentials: Credentials) -> None:
    """Render what only a first start needs; raises UsageError where a template can't be."""
    if plan.sentinels and plan.topology.acl:
        users_acl(plan, credentials, sentinel=True)
    if plan.formation.method is FormationMethod.INSTANT:
        ids = {node.name: "0" * 40 for node in plan.nodes}
        seed_tables(plan, SeedIds(nodes=ids, shards={one.number: "0" * 40 for one in plan.shards}))


def _plain(node: NodePlan) -> dict[str, object]:
    """A node for templates: plain values only, because a Path could write and remove files."""
    names = ("name", "number", "shard", "host", "port", "bus_port", "directives")
    return {**{name: getattr(node, name) for name in names}, "role": node.role.value}


def own_templates(plan: Plan) -> str:
    """Return the user's template folder or ""; relative paths start at the topology file."""
    chosen = plan.topology.templates
    return str(plan.layout.root / chosen) if chosen else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedIds:
    """The ids of a new cluster's nodes, by name, and shards; 40 hex digits each."""

    nodes: Mapping[str, str]
    shards: Mapping[int, str]


def seed_tables(plan: Plan, ids: SeedIds) -> dict[str, str]:
    """Render the initial nodes.conf of each node, by name.

    In each shard with replicas, the first replica is listed as owner of the slots and the
    planned primary as its replica. The planned primary then takes over, which avoids the 2 s
    that a primary waits after its start before it accepts writes (cluster_legacy.c,
    CLUSTER_WRITABLE_DELAY). In a large cluster each node starts with its planned role.
    """
    lines = {node.name: _line(plan, node, ids) for node in plan.nodes}
    own = {name: {**line, "flags": f"myself,{line['flags']}"} for name, line in lines.items()}
    if own_templates(plan):
        tables = ([own[one] if one == name else lines[one] for one in lines] for name in lines)
        return dict(zip(lines, (_table(plan, table) for table in tables), strict=True))
    # the shipped template writes a line for each entry: two tables have all lines there are
    others = _table(plan, lines.values()).splitlines(keepends=True)
    mine = _table(plan, own.values()).splitlines(keepends=True)
    return {
        name: "".join((*others[:place], mine[place], *others[place + 1 :]))
        for place, name in enumerate(lines)
    }


def _table(plan: Plan, entries: Iterable[Mapping[str, object]]) -> str:
    values = {
        "table": list(entries),
        "current_epoch": len(plan.shards),
        "tls": plan.topology.tls,
    }
    return render_template("conf/nodes.conf.j2", values, own=own_templates(plan))


def _line(plan: Plan, node: NodePlan, ids: SeedIds) -> dict[str, object]:
    shard = plan.shards[node.shard - 1]
    acting = shard.acting_primary if shard in plan.takeovers else shard.primary
    owner = acting == node.name
    return {
        "id": ids.nodes[node.name],
        "host": node.host,
        "port": node.port,
        "bus_port": node.bus_port,
        # Without it every node would generate its own ids, CLUSTER SHARDS would differ between
        # nodes, and moving slots between unknown shards logs each slot (Valkey 8.1).
        "shard_id": ids.shards[shard.number] if plan.engine.keeps_shard_ids else "",
        "flags": "master" if owner else "slave",
        "primary_id": "" if owner else ids.nodes[acting],
        # each owner's epoch is its shard's number: unique, and below any takeover's
        "epoch": 0 if node.name == shard.primary and not owner else shard.number,
        "slots": str(shard.slots) if owner else "",
    }
