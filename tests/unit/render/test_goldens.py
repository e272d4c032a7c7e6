"""What our templates make, held word for word in tests/unit/goldens.

After a wanted change write them anew, and read the difference before it is committed:

    REDISTOPO_UPDATE_GOLDENS=1 pytest tests/unit/render && git diff tests/unit/goldens
"""

import os
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from support.drills import report
from support.exported import tls_texts

from redistopo.cli.views.drill import report_lines
from redistopo.drill.report_html import drill_html, drill_svg
from redistopo.drill.report_junit import drills_junit
from redistopo.export.ansible import ansible_files, ansible_names
from redistopo.export.compose import compose_files, compose_names
from redistopo.export.exported_file import ExportedFile
from redistopo.export.kubernetes import kubernetes_files, kubernetes_names
from redistopo.export.prometheus import prometheus_files
from redistopo.export.redisinsight import redisinsight_files
from redistopo.export.systemd import systemd_files, systemd_names
from redistopo.model.planning.plan import Plan
from redistopo.model.planning.plan_nodes import make_plan
from redistopo.model.protocol.credentials import Credentials, Login, TlsTexts
from redistopo.model.protocol.engine import Engine, Product, Version
from redistopo.model.topology.parse import parse_topology
from redistopo.model.topology.project_paths import Layout
from redistopo.model.topology.spec import Topology
from redistopo.render.conf import SeedIds, node_conf, seed_tables, sentinel_conf, users_acl
from redistopo.render.connect import connect_lines
from redistopo.render.demo_page import page
from redistopo.render.topology_file import topology_file
from redistopo.render.unit_on_host import unit_on_host

GOLDENS = Path(__file__).parents[1] / "goldens"
UPDATE = bool(os.environ.get("REDISTOPO_UPDATE_GOLDENS"))

REDIS_6 = Engine(product=Product.REDIS, version=Version(6, 2, 14), path="/bin/redis-server")
REDIS_7 = Engine(product=Product.REDIS, version=Version(7, 0, 15), path="/bin/redis-server")
VALKEY_9 = Engine(product=Product.VALKEY, version=Version(9, 1, 2), path="/bin/valkey-server")

CLI_7 = replace(REDIS_7, cli="/bin/redis-cli")

PRINTABLE = "".join(map(chr, range(32, 127)))


def _topology(**keys: object) -> Topology:
    made, problems = parse_topology({"format": 1, "shape": "cluster", "name": "golden", **keys})
    assert made is not None, problems
    return made


def _plan(engine: Engine, own: str, **keys: object) -> Plan:
    layout = Layout(Path("/srv/golden"))
    return make_plan(_topology(templates=own, **keys), layout, engine, "asked for")


def _keys(password: str, *, sentinel: bool = False) -> Credentials:
    """Of an application with that password, and of our own users."""
    return Credentials(
        own=Login(user="admin", password="admin-horse"),
        application=Login(password=password),
        replication=Login(user="replication", password="replica-horse"),
        sentinel=Login(user="sentinel", password="sentinel-horse") if sentinel else None,
    )


def _users(engine: Engine, *, at: bool = False, **keys: object) -> Callable[[str], str]:
    """Of a data node, or `at` a Sentinel."""

    def made(own: str) -> str:
        held = _keys("correct-horse", sentinel=keys.get("shape") == "sentinel")
        return users_acl(_plan(engine, own, acl=True, **keys), held, sentinel=at)

    return made


def _sentinel(
    engine: Engine = REDIS_7, *, myid: str = "", password: str = "correct-horse", **keys: object
) -> Callable[[str], str]:
    def made(own: str) -> str:
        plan = _plan(engine, own, shape="sentinel", **keys)
        held = _keys(password, sentinel=bool(password))
        return sentinel_conf(plan, plan.node("sentinel2"), held, myid)

    return made


def _conf(
    name: str, engine: Engine = REDIS_7, *, password: str = "correct-horse", **keys: object
) -> Callable[[str], str]:
    def made(own: str) -> str:
        plan = _plan(engine, own, **keys)
        return node_conf(plan, plan.node(name), _keys(password))

    return made


def _seed(engine: Engine, **keys: object) -> Callable[[str], str]:
    def made(own: str) -> str:
        plan = _plan(engine, own, **keys)
        ids = SeedIds(
            nodes={node.name: f"{node.number:040x}" for node in plan.nodes},
            shards={shard.number: f"{shard.number + 160:040x}" for shard in plan.shards},
        )
        tables = seed_tables(plan, ids)
        return "".join(f"== {name} ==\n{table}" for name, table in tables.items())

    return made


def _connect(
    engine: Engine = REDIS_7, *, password_file: str = "/srv/golden/a file", **keys: object
) -> Callable[[str], str]:
    def made(own: str) -> str:
        lines = connect_lines(_plan(engine, own, **keys), password_file)
        shell = "".join(f"{line}\n" for line in lines.shell)
        return shell + "".join(f"{name}: {line}\n" for name, line in lines.libraries) + lines.url

    return made


def _export(
    files: Callable[..., Iterable[ExportedFile]],
    engine: Engine = CLI_7,
    names: Callable[[Plan], dict[str, tuple[str, ...]]] | None = None,
    **keys: object,
) -> Callable[[str], str]:
    """Every file of an export, one after the other."""

    def made(own: str) -> str:
        held = _keys("correct-horse", sentinel=keys.get("shape") == "sentinel")
        plan = _plan(engine, own, **keys)
        texts = (tls_texts(plan, names),) if names else ()
        found = files(plan, held, *texts)
        return "".join(
            f"== {one.path}{' (secret)' if one.secret else ''} ==\n{one.text}\n" for one in found
        )

    return made


def _hosts(number: int) -> dict[str, object]:
    return {f"h{n}": {"address": f"10.0.0.{n}", "user": "admin"} for n in range(1, number + 1)}


def _on_a_terminal() -> str:
    return "".join("".join(text for text, _ in line) + "\n" for line in report_lines(report()))


def _file(**keys: object) -> Callable[[str], str]:
    return lambda own: topology_file(_topology(templates=own, **keys))


# Golden -> what makes it, from the folder of the user's own templates ("" for none).
CASES: dict[str, Callable[[str], str]] = {
    "cluster-redis-7.0.conf": _conf("node1"),
    "cluster-redis-6.2.conf": _conf("node4", REDIS_6),
    "cluster-valkey-9.1.conf": _conf("node6", VALKEY_9, node_timeout=900, announce_port=27000),
    "replication-primary.conf": _conf("node1", shape="replication"),
    "replication-replica.conf": _conf("node3", shape="replication", host="::1"),
    "standalone-rdb.conf": _conf("node1", shape="standalone", persistence="rdb"),
    "standalone-none.conf": _conf("node1", shape="standalone", persistence="none"),
    "no-auth.conf": _conf("node1", shape="standalone", auth=False, password=""),
    "acl.conf": _conf("node2", acl=True),
    "tls.conf": _conf("node2", tls=True),
    "tls-standalone.conf": _conf("node1", shape="standalone", tls=True),
    "sentinel-redis-7.0.conf": _sentinel(myid="c" * 40),
    "sentinel-acl-valkey-9.1.conf": _sentinel(VALKEY_9, acl=True, tls=True, quorum=1, sentinels=2),
    "sentinel-no-auth.conf": _sentinel(REDIS_6, auth=False, password="", host="::1"),
    "sentinel-replica.conf": _conf("node2", shape="sentinel"),
    "users-of-sentinel.acl": _users(REDIS_7, at=True, shape="sentinel"),
    "users-with-sentinel.acl": _users(REDIS_6, shape="sentinel"),
    "users-redis-6.2.acl": _users(REDIS_6),
    "users-valkey-9.1.acl": _users(VALKEY_9),
    "users-own-rights.acl": _users(REDIS_7, application_rights="+@read +@write -keys"),
    "own-directives.conf": _conf(
        "node2",
        redis={
            "save": ["900 1", "300 10"],
            "appendfsync": "always",
            "maxmemory": "100mb",
            "notify-keyspace-events": "",
            "repl-diskless-sync-delay": 5,
            "activerehashing": False,
        },
        nodes={"node2": {"maxmemory": "200mb"}},
    ),
    "printable-password.conf": _conf("node1", shape="standalone", password=PRINTABLE),
    "seed-3x1-redis-7.0.conf": _seed(REDIS_7, formation="instant"),
    "seed-3x1-valkey-9.1.conf": _seed(VALKEY_9, formation="instant"),
    "seed-tls-valkey-9.1.conf": _seed(VALKEY_9, formation="instant", tls=True),
    "seed-1x0.conf": _seed(REDIS_7, shards=1, replicas=0),
    "topology-cluster.toml": _file(),
    "topology-replication.toml": _file(shape="replication", auth=False, persistence="rdb"),
    "topology-sentinel.toml": _file(shape="sentinel", sentinels=5, sentinel_port=7000),
    "topology-locked.toml": _file(acl=True, tls=True, application_rights="+@read"),
    "topology-own.toml": _file(
        shards=5,
        engine="valkey 9",
        formation="instant",
        redis={"maxmemory": "100mb", "save": ["900 1", "300 10"]},
    ),
    "connect-cluster.txt": _connect(CLI_7),
    "connect-cluster-tls.txt": _connect(CLI_7, tls=True),
    "connect-replication.txt": _connect(CLI_7, shape="replication", host="::1", password_file=""),
    "connect-standalone.txt": _connect(shape="standalone", auth=False, password_file=""),
    "connect-standalone-tls.txt": _connect(CLI_7, shape="standalone", tls=True),
    "connect-sentinel.txt": _connect(CLI_7, shape="sentinel", host="::1"),
    "connect-sentinel-acl-tls.txt": _connect(CLI_7, shape="sentinel", acl=True, tls=True),
    "connect-sentinel-no-auth.txt": _connect(CLI_7, shape="sentinel", auth=False, password_file=""),
    "drill.svg": lambda own: drill_svg(report(), own=own),
    "drill.html": lambda own: drill_html([report()], "Failover drills", own=own),
    "drill.xml": lambda _own: drills_junit([report()], "redistopo drill golden"),
    "demo-page.html": lambda own: page("correct-horse", own=own),
    "unit-on-host.service": lambda own: unit_on_host(
        _plan(CLI_7, own, hosts=_hosts(3)), "node1", "/srv/50%/a shop/nodes/node1"
    ),
    "export-systemd-cluster.txt": _export(
        partial(systemd_files, notifies=True), names=systemd_names, acl=True, shards=2, replicas=1
    ),
    "export-systemd-sentinel.txt": _export(
        partial(systemd_files, notifies=False), names=systemd_names, shape="sentinel", replicas=1
    ),
    "export-systemd-hosts.txt": _export(
        partial(systemd_files, notifies=False), names=systemd_names, hosts=_hosts(3), replicas=0
    ),
    "export-systemd-tls.txt": _export(
        partial(systemd_files, notifies=True), names=systemd_names, replicas=0, tls=True
    ),
    "export-ansible-cluster.txt": _export(
        partial(ansible_files, modules={}),
        names=ansible_names,
        hosts=_hosts(3),
        shards=3,
        replicas=1,
        acl=True,
    ),
    "export-ansible-tls.txt": _export(
        partial(ansible_files, modules={}),
        names=ansible_names,
        hosts=_hosts(3),
        replicas=0,
        tls=True,
    ),
    "export-ansible-sentinel.txt": _export(
        partial(ansible_files, modules={}),
        names=ansible_names,
        shape="sentinel",
        hosts={**_hosts(3), "base": "/srv/r"},
    ),
    "export-compose-cluster.txt": _export(
        compose_files, VALKEY_9, compose_names, acl=True, replicas=0
    ),
    "export-compose-sentinel.txt": _export(
        compose_files, names=compose_names, shape="sentinel", replicas=1
    ),
    "export-compose-tls.txt": _export(
        compose_files, names=compose_names, replicas=0, tls=True, announce_host="shop.example"
    ),
    "export-kubernetes-cluster.txt": _export(kubernetes_files, names=kubernetes_names, acl=True),
    "export-kubernetes-sentinel.txt": _export(
        kubernetes_files, names=kubernetes_names, shape="sentinel"
    ),
    "export-kubernetes-tls.txt": _export(
        kubernetes_files, names=kubernetes_names, replicas=0, tls=True
    ),
    "export-redisinsight.txt": _export(
        partial(redisinsight_files, tls=TlsTexts()), shape="sentinel", replicas=1
    ),
    "export-prometheus.txt": _export(prometheus_files, shape="sentinel", replicas=1),
    "drill.txt": lambda _own: _on_a_terminal(),
}


@pytest.mark.parametrize("name", CASES)
def test_a_file_is_rendered_as_its_golden(name: str) -> None:
    golden = GOLDENS / name
    text = CASES[name]("")
    if UPDATE:
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")


def test_no_golden_is_left_over() -> None:
    assert {path.name for path in GOLDENS.iterdir()} == set(CASES)
