"""`scale`: more and fewer shards while clients write; what it refuses, and that it asks first."""

import difflib
import json
import re
import signal
import time
from collections.abc import Callable, Iterator

import psutil
import pytest
from redis.crc import key_slot
from support.engines import ATOMIC, BUNDLED, INSTALLED, WINDOWS
from support.grown import faults, fill, key_counts, names, read, shards, slots
from support.judge import roles
from support.mortal import Nursery, nursery
from support.project import Project
from support.remedies import type_line
from support.waiting import until
from support.writers import writing

from redistopo.execute.executor import execute
from redistopo.execute.move_slots import move_slots
from redistopo.host.polling import Deadline
from redistopo.model.planning.step import Step, StepKind
from redistopo.model.protocol.slots import SlotRange
from redistopo.model.state.job import SlotMove
from redistopo.project.unfinished_changes import GO_ON
from redistopo.session.open import open_session
from redistopo.session.session import SessionRequest


@pytest.fixture
def mortal() -> Iterator[Nursery]:
    with nursery() as made:
        yield made


def test_a_shard_more_and_a_shard_less_while_clients_write(project: Project) -> None:
    project.init("cluster", "--formation", "instant", engine=ATOMIC.path)
    project.up()
    path = project.root / "redistopo.toml"
    old, data, text = project.ports, fill(project, 600), path.read_text()
    before = names(project)
    planned = project.run("scale", "--shards", "4", "--dry-run", check=0).out
    assert re.search(r"move 4096 slots from node\d, node\d, node\d to node7", planned)
    assert "Estimate: " in planned
    dry = project.run("scale", "--shards", "4", "--dry-run", "--json", check=0).json["result"]
    for one in dry["cost"]["moves"]:
        held = [
            range(int(some.split("-")[0]), int(some.split("-")[-1]) + 1) for some in one["slots"]
        ]
        keys = [key for key in data if any(key_slot(key.encode()) in some for some in held)]
        assert len(keys) == one["keys"] > 0
        assert one["bytes"] > len(keys) * len("value 1")
    assert path.read_text() == text
    new = [project.port + 6, project.port + 7]
    with writing(old, project.password, clustered=True) as writers:
        project.run("scale", "--shards", "4", check=0)
        assert faults(project, *old, *new) == []
        assert shards(project)[new[0]] == {new[1]}
        assert sum(key_counts(project, *shards(project))) >= len(data)
        assert key_counts(project, new[0])[0] > 0
        changed = [
            line
            for line in difflib.ndiff(text.splitlines(), path.read_text().splitlines())
            if line[0] in "+-"
        ]
        assert changed == ["- shards = 3", "+ shards = 4"]
        assert read(project, data) == data
        project.run("scale", "--shards", "3", check=0)
    assert writers.lost() == []
    assert faults(project, *old) == []
    assert names(project) == before
    assert read(project, data) == data
    assert path.read_text() == text
    assert not (project.root / ".redistopo" / "job.json").exists()
    assert "nothing to do" in project.run("scale", "--shards", "3", check=0).out
    for port in old:  # fewer shards than the data fits
        with project.client(port) as node:
            node.config_set("maxmemory", node.info("memory")["used_memory"] // 2)
    path.write_text(text.replace("shards = 3", "shards = 2"))
    for words in (("up",), ("up", "--dry-run")):
        assert "doesn't fit into 2" in project.run(*words, check=1).err
    path.write_text(text)
    assert faults(project, *old) == []
    assert read(project, data) == data


def test_a_node_follows_one_that_was_just_promoted(project: Project) -> None:
    """A node that joins refuses to follow a primary as long as it takes that for a replica."""
    words = ("--shards", "1", "--replicas", "2", "--set", "enable-debug-command=local")
    project.init("cluster", *words, "--formation", "instant", engine=WINDOWS.path)
    project.up()
    clients = [project.client(port) for port in project.ports]
    with clients[0] as first, clients[1] as second, clients[2] as third:
        third.execute_command("CLUSTER RESET")
        for node in (first, second):
            node.execute_command("CLUSTER", "MEET", "127.0.0.1", project.ports[2])
        until(lambda: all(len(node.cluster("NODES")) == 3 for node in (first, second, third)))
        until(lambda: all("handshake" not in str(node.cluster("NODES")) for node in clients))
        third.execute_command("DEBUG", "DROP-CLUSTER-PACKET-FILTER", "1")  # PONG, the broadcast
        with open_session(SessionRequest(root=project.root, seconds=20)) as session:
            context = session.context(session.plan())
            second.execute_command("CLUSTER", "FAILOVER", "TAKEOVER")
            joining = Step(do=StepKind.REJOIN, nodes=("node3", "node2"), cause="it was reset")
            execute(context, (joining,))
        third.execute_command("DEBUG", "DROP-CLUSTER-PACKET-FILTER", "-1")
    project.up()
    assert shards(project) == {project.ports[1]: {project.ports[0], project.ports[2]}}
    assert faults(project, *project.ports) == []
    # a node that was reset is forgotten, even if something else took all of the time
    with open_session(SessionRequest(root=project.root, seconds=20)) as session:
        context = session.context(session.plan())
        context.deadline = Deadline(0)
        execute(context, (Step(do=StepKind.REMOVE, nodes=("node3",), cause="it leaves"),))
    assert [len(node.cluster("NODES")) for node in clients] == [2, 2, 1]


@pytest.mark.parametrize(
    ("shape", "words", "told"),
    [
        ("standalone", ("--replicas", "1"), "has no shards and no replicas"),
        ("replication", ("--shards", "2"), "shape replication has one shard"),
        ("replication", ("--sentinels", "3"), "has no Sentinels"),
        ("replication", (), "nothing to scale is given"),
        ("replication", ("--shards", "0"), "--shards"),
    ],
)
def test_what_means_nothing(
    projects: Callable[[str], Project], shape: str, words: tuple[str, ...], told: str
) -> None:
    project, other = projects("project"), projects("other")
    project.init(shape, engine=BUNDLED.path)
    project.up()
    text = (project.root / "redistopo.toml").read_text()
    refused = project.run("scale", *words, check=2)
    assert told in refused.err
    assert (project.root / "redistopo.toml").read_text() == text
    if ", in another folder, " in refused.err:
        type_line(other, refused.err.partition("Next: ")[2])
        assert (other.root / "redistopo.toml").exists()


def test_only_a_healthy_topology_is_scaled(project: Project) -> None:
    """And only in one direction at a time; what is refused leaves the file as it was."""
    project.init("cluster", "--formation", "instant", engine=BUNDLED.path)
    project.up()
    text = (project.root / "redistopo.toml").read_text()
    apart = project.run("scale", "--shards", "4", "--replicas", "0", check=2)
    assert "redistopo scale --shards 4, then redistopo scale --replicas 0" in apart.err
    divided = text.replace("shards = 3", "shards = 2").replace("replicas = 1", "replicas = 2")
    (project.root / "redistopo.toml").write_text(divided)
    refused = project.run("up", check=2)
    assert "set shards = 3 and replicas = 1 in redistopo.toml again" in refused.err
    assert "then redistopo scale --shards 2, then redistopo scale --replicas 2" in refused.err
    (project.root / "redistopo.toml").write_text(text)
    paused = psutil.Process(project.pid(4))
    paused.send_signal(signal.SIGSTOP)
    asked = project.begin("scale", "--replicas", "2", "--json")
    assert asked.stderr is not None
    assert any("verify that it is healthy" in line for line in asked.stderr)
    asked.send_signal(signal.SIGINT)
    out, _err = asked.communicate(timeout=30)
    assert json.loads(out)["error"]["message"] == "interrupted: nothing was changed"
    refused = project.run("scale", "--replicas", "2")
    assert refused.code == 3
    assert "only in a healthy topology" in refused.err
    assert "node4" in refused.err
    assert (project.root / "redistopo.toml").read_text() == text
    project.up()  # the remedy that it prints
    project.run("scale", "--replicas", "0", check=0)
    first = project.ports[:3]
    assert faults(project, *first) == []
    assert set(roles(first, project.password).values()) == {"master"}


def test_an_interrupted_change_is_taken_back(project: Project, mortal: Nursery) -> None:
    """After a kill in the middle of the moves, `undo` brings back file, nodes and slots."""
    words = ("--shards", "2", "--replicas", "0", "--formation", "instant")
    project.init("cluster", *words, engine=WINDOWS.path)
    project.up()
    text = (project.root / "redistopo.toml").read_text()
    data = fill(project, 200)
    whole = mortal.run("grow", project.root, commands=["SETSLOT"]).boundaries
    mortal.run("shrink", project.root)
    before = slots(project)
    middle = [n for n, what in enumerate(whole, 1) if "SETSLOT" in what]
    if not middle:
        pytest.skip("this engine moves slots at once")
    # the new node has a lower node timeout until keys move, also if a run was killed before that
    joined = next(n for n, what in enumerate(whole, 1) if what.startswith("started: move"))
    assert mortal.run("grow", project.root, commands=["SETSLOT"], end_at=joined).code == -9
    ended = mortal.run("up", project.root, commands=["SETSLOT"], end_at=80)
    assert ended.code == -9
    assert any("SETSLOT" in what for what in ended.boundaries), ended.boundaries
    for port in shards(project):
        with project.client(port) as node:
            assert node.config_get("cluster-node-timeout") == {"cluster-node-timeout": "5000"}
    assert "redistopo undo" in project.run("scale", "--shards", "2").err
    project.run("undo", check=0)
    assert (project.root / "redistopo.toml").read_text() == text
    assert faults(project, *project.ports) == []
    assert slots(project) == before
    assert read(project, data) == data
    # the same by hand. Ctrl-C: the new node owns slots by then, so that it goes on running, and
    # clients are served
    path = project.root / "redistopo.toml"
    path.write_text(text.replace("shards = 2", "shards = 3  # one more"))
    scale = project.begin("up", "--json")
    assert scale.stderr is not None
    assert any("move " in line and '"started"' in line for line in scale.stderr)
    until(lambda: slots(project) != before)
    scale.send_signal(signal.SIGINT)
    out, _err = scale.communicate(timeout=30)
    assert scale.returncode == 130, out
    assert json.loads(out)["error"]["hint"] == GO_ON
    assert read(project, data) == data
    for port in shards(project):  # the new node had a lower one
        with project.client(port) as node:
            assert node.config_get("cluster-node-timeout") == {"cluster-node-timeout": "5000"}
    # it crashes, too: what moves back is sent by a primary that replies CLUSTERDOWN at first
    project.crash(5)
    project.run("undo", check=0)
    assert path.read_text() == text.replace("shards = 2", "shards = 2  # one more")
    assert faults(project, *project.ports) == []
    assert read(project, data) == data
    # keys take their time: what comes after them has as much as it had before
    with open_session(SessionRequest(root=project.root, seconds=20)) as session:
        context = session.context(session.plan())
        some = SlotMove(source="node1", target="node2", slots=(SlotRange(first=0, last=3999),))
        left, began = context.deadline.left, time.monotonic()
        move_slots(context, [some])
        assert left - context.deadline.left < (time.monotonic() - began) / 2
    assert read(project, data) == data


def test_mixed_versions_are_refused_and_upgraded_by_what_is_printed(project: Project) -> None:
    old, new = (next(one for one in INSTALLED.values() if one.name.startswith(name))
                for name in ("redis 6", "redis 8"))  # fmt: skip
    project.init("cluster", "--formation", "instant", engine=old.path)
    project.up()
    data = fill(project, 50)
    path = project.root / "redistopo.toml"
    path.write_text(path.read_text().replace(old.path, new.path))
    refused = project.run("scale", "--shards", "4", check=2)
    assert f"new nodes would run {new.title}, and the others run {old.title}" in refused.err
    assert "redistopo upgrade, then the same command again" in refused.err
    path.write_text(path.read_text().replace("shards = 3", "shards = 4"))
    assert (
        "set shards = 3 in redistopo.toml again, then redistopo upgrade, then redistopo scale "
        "--shards 4" in project.run("up", check=2).err
    )
    path.write_text(path.read_text().replace("shards = 4", "shards = 3"))
    project.run("restart", "node4", check=0)
    for words in (("scale", "--replicas", "2"), ("move-slots", "0-5", "--to", "node2")):
        refused = project.run(*words, check=3)
        assert "only while all nodes run one version" in refused.err
        assert "node4" in refused.err
    project.run("upgrade", check=0)  # the remedy that both print
    versions = {project.client(port).info("server")["redis_version"] for port in project.ports}
    assert versions == {str(new.version)}
    project.run("move-slots", "0-5", "--to", "node2", check=0)
    assert faults(project, *project.ports) == []
    assert read(project, data) == data
