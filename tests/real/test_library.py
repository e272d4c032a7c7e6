"""`import redistopo`: ephemeral topologies, projects and servers elsewhere, as programs use them.

The programs run with warnings as errors; what they see is compared with redis-py's own view.
"""

from dataclasses import replace

import pytest
from support import judge
from support.engines import BUNDLED, TLS
from support.forms import spread
from support.programs import MADE, Programs
from support.project import Project

SHAPES = {
    "cluster": ("cluster(shards=3, replicas=1)", "RedisCluster", 6),
    "cluster without replicas": ("cluster(3, 0, acl=True)", "RedisCluster", 3),
    "replication": ("replication(replicas=1)", "Redis", 2),
    "sentinel": ("sentinel(replicas=1)", "Redis", 5),
    "standalone": ("standalone(auth=False)", "Redis", 1),
}


@pytest.mark.parametrize("name", spread(list(SHAPES), 3))
def test_a_topology_is_verified_in_the_block_and_gone_after_it(
    programs: Programs, name: str
) -> None:
    call, kind, count = SHAPES[name]
    lines = replace(programs, fresh=name == "cluster").quiet(
        f"""
with redistopo.{call} as topology:
    with topology.client(decode_responses=True) as client:
        print(type(client).__name__, client.set("a", "1"), client.get("a"))
    with redis.Redis.from_url(topology.url) as one:
        print(one.ping())
    print(len(topology.nodes), topology.verify().healthy, topology.status().faults)
    print([int(node.port) for node in topology.nodes])
    print(topology.environment["REDIS_URL"] == topology.url, len(topology.urls))
""",
    )
    assert lines[0] == f"{kind} True 1"
    assert lines[1] == "True"
    assert lines[2] == f"{count} True ()"
    assert lines[4].startswith("True ")


def test_the_servers_are_what_redis_py_sees_of_them(programs: Programs) -> None:
    (line,) = programs.quiet(
        """
with redistopo.cluster(settings={"maxmemory": "7mb", "lazyfree-lazy-expire": True}) as topology:
    roles = {"master": "primary", "slave": "replica"}
    for node in topology.nodes:
        with redis.Redis(*node.endpoint, password=topology.password) as raw:
            assert roles[raw.role()[0].decode()] == node.role
            assert raw.info("server")["process_id"] == node.pid
            assert raw.config_get("maxmemory", "appendonly", "save", "lazyfree-lazy-expire") == {
                "maxmemory": "7340032", "appendonly": "no", "save": "",
                "lazyfree-lazy-expire": "yes"}
    with redis.RedisCluster(
        startup_nodes=topology.startup_nodes, password=topology.password
    ) as client:
        assert client.set("a", "1")
    owned = sorted(one for node in topology.nodes for one in node.slots)
    assert [first for first, _ in owned] == [0, 5461, 10923] and owned[-1][1] == 16383
    print("the same")
""",
    )
    assert line == "the same"


def test_nodes_are_killed_paused_restarted_and_promoted(programs: Programs) -> None:
    programs.quiet(
        """
with redistopo.replication(replicas=2, persistence="aof") as topology:
    def role(port):
        with redis.Redis(port=port, password=topology.password) as raw:
            return raw.role()[0].decode()
    first = topology.nodes[0]
    assert first.role == "primary" and role(first.port) == "master"
    with topology.client() as client:
        client.set("kept", "1")
    assert topology.kill("node2").nodes.keys() == {"node2"}
    try:
        topology.wait("started", timeout=0.1)
        raise SystemExit("not missed")
    except redistopo.Unhealthy as error:
        assert "node2" in error.detail
    assert topology.up().changes and topology.up().changes == ()
    assert topology.wait("replicated").condition == "replicated"
    assert topology.pause("node3").nodes and topology.resume().nodes
    promoted = topology.failover("node3")
    assert (promoted.primary, promoted.changed) == ("node3", True)
    assert role(topology.environment and int(topology.environment["REDIS_PORT"])) == "master"
    assert role(first.port) == "slave"
    assert topology.set("maxmemory", "9mb").live == ("node1", "node2", "node3")
    assert topology.stop("node1").nodes and topology.start("node1").nodes
    assert topology.restart("node2").nodes == {"node2": "restarted"}
    with topology.client() as client:
        assert client.get("kept") == b"1"
        topology.reset_data()
        assert client.dbsize() == 0
    assert topology.logs("node1", tail=2)[-1].node == "node1"
    assert topology.down().nodes and topology.up().changes
""",
    )


def test_a_drill_is_run_and_judged(programs: Programs) -> None:
    programs.quiet(
        """
with redistopo.cluster(node_timeout=1000) as topology:
    found = topology.drill(fault="kill", max_downtime=20)
    assert found.passed and found.writes_down > 0.3 and found.acknowledged, found
    assert topology.verify().healthy
""",
    )


def test_nothing_is_left_of_a_topology_that_cannot_start(programs: Programs) -> None:
    lines = programs.quiet(
        """
import traceback
for made in (redistopo.standalone(settings={"maxclients": "no number"}),
             redistopo.standalone(engine="/nowhere/redis-server"), redistopo.cluster(shards=0)):
    try:
        made.__enter__()
    except redistopo.RedistopoError as error:
        print(type(error).__name__, bool(error.message), bool(error.hint or error.detail))
        error.add_note("mine")
        shown = "".join(traceback.format_exception_only(error)).splitlines()
        assert shown[1:] == [*error.detail.splitlines(), f"Next: {error.hint}", "mine"], shown
        # its folder is gone, and its topology file was nobody's
        assert not [line for line in shown if "redistopo-ephemeral" in line or "bundle" in line]
        assert "topology file" not in error.hint
try:
    redistopo.cluster(shard=3)
except TypeError as error:
    print(error)
""",
    )
    assert len(lines) == 4
    assert all(line.endswith("True True") for line in lines[:3])
    assert lines[3] == "cluster() got an unexpected keyword argument 'shard'"


def test_progress_is_reported_to_a_callback(programs: Programs) -> None:
    programs.quiet(
        """
seen = []
with redistopo.standalone(progress=seen.append) as topology:
    assert [one.text for one in seen if one.kind == "done"][-1] == "verify"
""",
    )


def test_a_topology_is_kept_if_asked(programs: Programs) -> None:
    done = programs.run(
        MADE
        + """
with redistopo.standalone(keep=True) as topology:
    print(topology.folder, topology.nodes[0].port, topology.password)
"""
    )
    assert (done.code, done.err) == (0, "")
    folder, port, password = done.out.split()
    with judge.client(int(port), password) as client:
        assert client.ping()
    assert programs.watchers() == []
    text = "redistopo.Topology.open(__import__('sys').argv[1]).down()"
    assert programs.run(MADE + text, folder).code == 0
    assert programs.servers() == []


def test_a_project_is_opened_and_stays(project: Project, programs: Programs) -> None:
    project.init("replication", engine=BUNDLED.path)
    lines = programs.quiet(
        """
import sys
topology = redistopo.Topology.open(sys.argv[1])
print(topology.status().nodes, bool(topology.up().changes))
print(topology.url)
try:
    redistopo.Topology.open(sys.argv[1] + "/nothing")
except redistopo.UsageError as error:
    print("refused")
""",
        str(project.root),
    )
    assert lines == [
        "() True",
        f"redis://default:{project.password}@127.0.0.1:{project.port}",
        "refused",
    ]
    assert project.faults(cluster=False) == []


@pytest.mark.parametrize("shape", ["cluster", "replication"])
def test_servers_that_something_else_started_are_found(
    project: Project, programs: Programs, shape: str
) -> None:
    project.init(shape, "--replicas", "1", engine=BUNDLED.path)
    project.up()
    lines = programs.quiet(
        """
import sys
found = redistopo.connect(sys.argv[1])
print(found.verify().healthy, sorted(node.port for node in found.nodes))
print({node.state for node in found.nodes})
with found.client(decode_responses=True) as client:
    print(client.set("a", "1"), client.get("a"))
try:
    redistopo.connect("http://x")
except redistopo.UsageError:
    print("refused")
""",
        project.run("url", check=0).out.strip(),
    )
    assert lines == [f"True {project.ports}", "{'ok'}", "True 1", "refused"]


@pytest.mark.skipif(TLS is None, reason="no server with TLS on this machine")
def test_tls_is_one_argument(programs: Programs) -> None:
    programs.quiet(
        f"""
with redistopo.standalone(tls=True, engine={TLS.path if TLS else ""!r}) as topology:
    assert topology.url.startswith("rediss://")
    with topology.client() as client:
        assert client.ping()
""",
    )
