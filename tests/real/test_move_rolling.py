"""`move` of a running topology: one node after the other gets its new address while clients write;
judged by raw servers."""

import socket

import pytest
from support import judge
from support.engines import BUNDLED, ENGINES
from support.forms import FULL, spread
from support.project import Project
from support.writers import Watchers, writing

_OLDEST, _NEWEST = next(iter(sorted(ENGINES))), sorted(ENGINES)[-1]


def _ids(project: Project) -> list[str]:
    """The id of each cluster node, in the order of ports."""
    found = []
    for port in project.ports:
        with project.client(port) as node:
            found.append(str(node.execute_command("CLUSTER", "MYID")))
    return found


def _nobody_listens(ports: list[int]) -> bool:
    for port in ports:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return False
    return True


@pytest.mark.parametrize("name", spread([BUNDLED.name, _OLDEST, _NEWEST], 1))
def test_a_cluster_moves_under_load_and_back(project: Project, name: str) -> None:
    engine = BUNDLED if name == BUNDLED.name else ENGINES[name]
    project.init("cluster", "--formation", "instant", "--node-timeout", "1000", engine=engine.path)
    project.up()
    ids, former = _ids(project), project.ports
    overlapping = project.run("move", "--port", str(project.port + 3), check=2).err
    assert "overlap" in overlapping
    with writing(former, project.password, clustered=True) as writers:
        done = project.run("move", "--port", str(project.port + 7), "--json", check=0)
    assert [one["node"] for one in done.json["result"]["restarted"]] == [
        f"node{n}" for n in (4, 5, 6, 1, 2, 3)
    ]
    assert len(done.json["result"]["handovers"]) == 3
    project.port += 7
    assert _nobody_listens([*former, *(port + 10000 for port in former)])
    assert _ids(project) == ids
    writers.ports = project.ports
    assert writers.lost() == []
    assert max(map(writers.longest_gap, range(3))) < 1
    assert project.faults() == []
    assert project.run("up", "--json", check=0).json["result"]["steps"] == []


@pytest.mark.skipif(not FULL, reason="only in the whole form")
@pytest.mark.parametrize("shape", ["replication", "sentinel"])
def test_other_shapes_move_under_load(project: Project, shape: str) -> None:
    project.init(shape, engine=BUNDLED.path)
    project.up()
    there = project.port + 4
    data = list(range(project.port, there + project.size))
    watching, watchers = [project.port + 10 + n for n in range(project.sentinels)], None
    if watching:
        both = [*watching, *(port + 4 for port in watching)]  # as clients need them meanwhile
        watchers = Watchers("project", both, project.secret("sentinel"))
    with writing(data, project.password, clustered=False, watchers=watchers) as writers:
        project.run("move", "--port", str(there), check=0)
    former, project.port = project.ports, there
    assert _nobody_listens([*former, *watching])
    assert writers.lost() == []
    assert max(map(writers.longest_gap, range(3))) < 2
    assert project.faults(cluster=False) == []
    said = judge.roles(project.ports, project.password)
    replicas = sorted(port for port, role in said.items() if role != "master")
    for number in range(1, 1 + project.sentinels):
        with project.sentinel(number) as node:
            known = node.execute_command("SENTINEL", "REPLICAS", "project")
            others = node.execute_command("SENTINEL", "SENTINELS", "project")
        assert sorted(_ports(known)) == replicas
        assert not {*_ports(others)} & {*watching}


def _ports(listed: list[list[str]]) -> list[int]:
    """The ports in a reply of a Sentinel: for each node, names and values in turn."""
    return [int(one[one.index("port") + 1]) for one in listed]
