"""Each kind of step on a machine in memory: its actions in order, and what a failure leaves."""

from collections.abc import Callable

import pytest
from support.bench import Bench, ctrl_c_at, fail_at

from redistopo.errors import MissingPrerequisite, TimedOut, Unreachable
from redistopo.execute.executor import execute
from redistopo.model.planning.step import Step, StepKind
from redistopo.model.protocol.slots import SlotRange

MakeBench = Callable[..., Bench]
CONF = "port 1\nappendonly yes\n"
THREE = ("node1", "node2", "node3")


def test_resume_continues_those_that_run(bench: MakeBench) -> None:
    on = bench()
    on.host.processes.put("node1", paused=True)
    on.host.processes.put("node3", paused=True)
    with pytest.raises(TimedOut, match="node1, node2, node3 not ready"):
        on.step(StepKind.RESUME, "node1", "node2", "node3")
    assert on.done[:2] == ["SIGCONT node1", "SIGCONT node3"]
    # this run did not start them, so it does not stop them
    assert on.host.processes.running == ["node1", "node3"]
    assert on.host.journal.of("SIGTERM", "forget") == []


def cleared(on: Bench) -> None:
    for name in ("node1", "node2"):
        on.host.put(name, config=CONF, started=CONF, log="log", process="{}", table="table")
        on.host.files.put(on.node(name).folder.root / "appendonlydir" / "base.rdb", "data")
        on.host.processes.put(name)


def test_clear_ends_the_server_before_its_data_goes_and_keeps_our_files(bench: MakeBench) -> None:
    on = bench()
    cleared(on)
    other = {path: text for path, text in on.host.files.texts.items() if "node2" in str(path)}
    on.step(StepKind.CLEAR, "node1")
    gone = ["remove node1/appendonlydir", "remove node1/nodes.conf"]
    assert on.done == ["SIGTERM node1", "forget node1", *gone]
    kept = ("process.json", "redis.conf", "redis.conf.started", "redis.log")
    assert on.host.files.names(on.node("node1").folder.root) == kept
    assert {path: on.host.files.texts.get(path) for path in other} == other
    assert on.host.processes.running == ["node2"]


def test_clear_touches_nothing_where_the_folder_is_not_ours(bench: MakeBench) -> None:
    on = bench()
    cleared(on)
    on.host.files.texts.pop(on.context.plan.layout.marker)
    before = dict(on.host.files.texts)
    on.step(StepKind.CLEAR, "node1")
    assert on.host.files.texts == before


def test_keep_copies_and_says_so(bench: MakeBench) -> None:
    on = bench()
    on.host.put("node1", config="rewritten")
    on.step(StepKind.KEEP, "node1")
    assert on.done == ["write node1/redis.conf.rewritten"]
    assert on.host.files.read(on.node("node1").folder.rewritten) == "rewritten"
    assert "node1: CONFIG REWRITE changed its configuration" in on.warnings[0]


def test_write_makes_the_folder_then_users_then_the_configuration(bench: MakeBench) -> None:
    on = bench(acl=True)
    on.host.put("node2", table="its own", started="before")
    on.step(StepKind.WRITE, "node1", "node2")
    assert on.done == [
        f"{verb} {name}{file}"
        for name in ("node1", "node2")
        for verb, file in (("folder", ""), ("write", "/users.acl"), ("write", "/redis.conf"))
    ]
    assert on.host.files.read(on.node("node2").folder.table) == "its own"
    assert on.host.files.read(on.node("node2").folder.started) == "before"


def test_a_full_disk_ends_the_writing_and_keeps_what_was_there(bench: MakeBench) -> None:
    on = bench()
    on.host.put("node1", config="old")
    on.host.put("node2", config="old")
    on.host.journal.ambush = fail_at("write node2/redis.conf", MissingPrerequisite("full"))
    with pytest.raises(MissingPrerequisite, match="full"):
        on.step(StepKind.WRITE, "node1", "node2", "node3")
    assert on.host.files.read(on.node("node1").folder.config) != "old"
    assert on.host.files.read(on.node("node2").folder.config) == "old"
    assert on.done[-1] == "folder node2"


def test_place_changes_the_paths_alone(bench: MakeBench) -> None:
    on = bench("replication", sentinels=3)
    on.host.put("sentinel1", config="dir /old\nsentinel myid abc\nlogfile /old/log\n")
    paths = {"sentinel1": {"dir": "/new", "logfile": "/new/log"}}
    on.step(StepKind.PLACE, "sentinel1", settings=paths)
    text = on.host.files.read(on.node("sentinel1").folder.config) or ""
    assert on.done == ["write sentinel1/sentinel.conf"]
    assert "sentinel myid abc" in text.splitlines()
    assert "/old" not in text
    assert text.count("/new") == 2


def test_start_records_the_configuration_before_the_server_runs(bench: MakeBench) -> None:
    on = bench("replication", sentinels=3)
    on.host.put("node1", config=CONF)
    on.host.put("sentinel1", config="sentinel myid abc")
    with pytest.raises(TimedOut):
        on.step(StepKind.START, "node1", "sentinel1", recorded=("node1",))
    assert on.done[:3] == ["write node1/redis.conf.started", "start node1", "start sentinel1"]
    assert on.host.files.read(on.node("node1").folder.started) == CONF
    assert on.host.processes.running == []


@pytest.mark.parametrize(("value", "line"), [("yes", "appendonly yes"), ("no", "appendonly no")])
def test_load_changes_one_line_of_the_configuration(
    bench: MakeBench, value: str, line: str
) -> None:
    on = bench()
    on.host.put("node1", config="port 1\nappendonly maybe\nsave 1 1\n")
    on.step(StepKind.LOAD, "node1", settings={"node1": {"appendonly": value}})
    text = on.host.files.read(on.node("node1").folder.config) or ""
    assert [one for one in text.splitlines() if one.startswith("appendonly")] == [line]
    assert on.done == ["write node1/redis.conf"]


def test_aside_renames_and_never_over_an_earlier_one(bench: MakeBench) -> None:
    on = bench()
    root = on.node("node1").folder.root
    on.host.files.put(root / "appendonlydir" / "base", "new")
    on.host.files.put(root / "appendonlydir.aside", "earlier")
    names: dict[str, str | None] = {"appenddirname": "appendonlydir", "appendfilename": "a.aof"}
    on.step(StepKind.ASIDE, "node1", settings={"node1": names})
    assert on.done == ["rename node1/appendonlydir to appendonlydir.aside1"]
    assert on.host.files.read(root / "appendonlydir.aside") == "earlier"
    assert on.host.files.read(root / "appendonlydir.aside1" / "base") == "new"
    assert "appendonlydir.aside1" in on.told[-2].text


@pytest.mark.parametrize("kind", [StepKind.REBUILD, StepKind.PROMOTE])
def test_a_new_table_keeps_the_old_one_beside_it(bench: MakeBench, kind: StepKind) -> None:
    on = bench()
    on.host.put("node1", table="damaged", log="log")
    on.step(kind, "node1", "node2", texts={"node1": "one", "node2": "two"})
    assert on.done == [
        "rename node1/nodes.conf to nodes.conf.damaged",
        "folder node1",
        "write node1/nodes.conf",
        "folder node2",
        "write node2/nodes.conf",
    ]
    assert on.host.files.read(on.node("node1").folder.damaged) == "damaged"
    assert on.host.files.read(on.node("node1").folder.table) == "one"
    assert ["the old one is kept" in one for one in on.warnings] == [True, False]


def test_a_new_table_that_can_not_be_written_leaves_the_old_one_beside(bench: MakeBench) -> None:
    on = bench()
    on.host.put("node1", table="damaged")
    on.host.journal.ambush = fail_at("write node1/nodes.conf", MissingPrerequisite("full"))
    with pytest.raises(MissingPrerequisite, match="full"):
        on.step(StepKind.REBUILD, "node1", texts={"node1": "one"})
    assert on.host.files.read(on.node("node1").folder.damaged) == "damaged"
    assert on.warnings == []


ASKING: list[tuple[StepKind, str, dict[str, object]]] = [
    (StepKind.LIST, "ACL LIST", {}),
    (StepKind.GRANT, "ACL SETUSER one", {"settings": {"node1": {"users.acl": "user one on"}}}),
    (StepKind.CORRECT, "CONFIG SET maxmemory 1", {"settings": {"node1": {"maxmemory": "1"}}}),
    (StepKind.SWITCH, "CONFIG SET appendonly yes", {"settings": {"node1": {"appendonly": "yes"}}}),
    (StepKind.SWITCH, "BGSAVE", {"settings": {"node1": {"appendonly": "no"}}}),
    (StepKind.LEAD, "INFO replication", {}),
    (StepKind.TAKEOVER, "INFO replication", {}),
    (StepKind.CORRECT_SENTINEL, "SENTINEL SET redis", {"settings": {"node1": {"quorum": "2"}}}),
    (StepKind.FORGET, "CLUSTER FORGET a", {"ids": {"node1": ("a",)}}),
    (StepKind.RESET, "MULTI", {}),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "words", "more"), ASKING)
def test_a_server_that_does_not_answer_ends_the_step_and_no_file_changes(
    bench: MakeBench, kind: StepKind, words: str, more: dict[str, object]
) -> None:
    on = bench()
    on.host.put("node1", config=CONF, started=CONF, users="user", listed="user")
    on.host.processes.put("node1")
    before = dict(on.host.files.texts)
    with pytest.raises(Unreachable):
        on.step(kind, "node1", **more)
    assert on.done[0].startswith(f"ask {on.node('node1').port} {words}")
    assert len(on.done) == 1
    assert on.host.files.texts == before
    assert on.host.processes.running == ["node1"]


def test_what_only_a_start_changes_is_a_warning_and_no_server_is_asked(bench: MakeBench) -> None:
    on = bench()
    removed: dict[str, str | None] = {"hz": None}
    on.step(StepKind.DEFER, "node1", "node2", settings={"node1": removed, "node2": removed})
    assert on.done == []
    assert on.warnings == [
        "hz changes at a restart (no longer in the topology file): redistopo restart --rolling"
    ]


def test_the_others_meet_a_node_that_comes_back(bench: MakeBench) -> None:
    on = bench()
    with pytest.raises(Unreachable, match=r"node2 .* doesn't reply any more"):
        on.step(StepKind.REJOIN, "node1", slots=(SlotRange(0, 5),))
    back = on.node("node1")
    asked = f"ask {on.node('node2').port} CLUSTER MEET {back.host} {back.port}"
    assert on.done == [asked]


def test_the_first_step_that_fails_is_the_last(bench: MakeBench) -> None:
    on = bench()
    steps = tuple(
        Step(do=do, nodes=("node1",), cause="", recorded=("node1",))
        for do in (StepKind.WRITE, StepKind.START, StepKind.FORM)
    )
    with pytest.raises(TimedOut, match="not ready"):
        on.run(lambda context: execute(context, steps))
    assert "write node1/redis.conf.started" in on.done
    forming = ("run", "TAKEOVER", "cluster-node-timeout")
    assert not [one for one in on.done if any(word in one for word in forming)]
    assert on.host.processes.running == []


@pytest.mark.parametrize("moment", range(12))
def test_ctrl_c_anywhere_in_a_first_start_leaves_no_process_and_no_half_file(
    bench: MakeBench, moment: int
) -> None:
    on = bench(shards=3, replicas=0, seconds=5)
    on.host.put("node9", table="another's")
    steps = tuple(
        Step(do=do, nodes=THREE, cause="", recorded=THREE)
        for do in (StepKind.WRITE, StepKind.SEED, StepKind.START)
    )
    on.host.journal.ambush = ctrl_c_at(moment)
    with pytest.raises(KeyboardInterrupt):
        on.run(lambda context: execute(context, steps))
    assert on.host.processes.running == []
    assert on.host.files.read(on.context.plan.layout.node("node9").table) == "another's"
    assert on.host.journal.of("remove", "rename") == []
    # files are written whole, so that the next run finds each as the last one left it
    assert len(on.host.journal.of("write", "folder")) == min(moment, 15)
