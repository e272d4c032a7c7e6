"""Stopped replicas whose primary was reset: whom a start would empty, and who says what becomes of
it."""

from dataclasses import replace
from typing import Any

import pytest

from redistopo.errors import UsageError
from redistopo.model.planning.sole_copies import SoleCopy, chosen_primaries, find_sole_copies
from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.protocol.nodes_conf import parse_nodes_conf, promoted
from redistopo.model.protocol.replies import parse_nodes
from redistopo.model.protocol.slots import SlotRange
from redistopo.model.remedies.remedy import loses
from redistopo.model.state.observed import NodeSeen, Observed, ProcessState
from redistopo.model.topology.spec import Shape

A, B, C, D, NEW = (letter * 40 for letter in "abcde")
PLACES = {name: f"127.0.0.1:{7000 + n}" for n, name in enumerate(("node1", "node2", "node3"))}
LOW, HIGH = "0-8191", "8192-16383"


def _line(
    name: str, id_: str, role: str, primary: str = "-", slots: str = "", epoch: int = 4
) -> str:
    port = PLACES[name].rpartition(":")[2]
    return f"{id_} {PLACES[name]}@1{port} {role} {primary} 0 1 {epoch} connected {slots}".rstrip()


def _table(*lines: str, epoch: int = 7) -> str:
    return "\n".join([*lines, f"vars currentEpoch {epoch} lastVoteEpoch 3", ""])


PRIMARY = _line("node1", A, "master", slots=LOW)
REPLICA = _line("node2", B, "myself,slave", A)
OTHER = _line("node3", C, "myself,master", slots=HIGH)
OF_OTHER = _table(PRIMARY, REPLICA.replace("myself,", ""), OTHER)
OF_REPLICA = _table(PRIMARY, REPLICA, OTHER.replace("myself,", ""))
RESET = _table(_line("node1", A, "myself,master"), epoch=7)
AFRESH = _table(_line("node1", NEW, "myself,master", epoch=0), epoch=0)
FORGOTTEN = _table(REPLICA.replace("myself,", ""), OTHER)
FOUND = SoleCopy(name="node2", primary="node1", slots=(SlotRange(0, 8191),))


def _node(name: str, *, up: bool, text: str = "") -> NodeSeen:
    host, _, port = PLACES[name].partition(":")
    lines = text.rpartition("vars")[0]
    return NodeSeen(
        name=name,
        endpoint=Endpoint(host, int(port)),
        process=ProcessState.RUNNING if up else ProcessState.ABSENT,
        info={"role": "master"} if up else {},
        error="" if up else "not running",
        members=parse_nodes(lines) if up else (),
    )


def _found(first: str, second: str, third: str, *, up: bool = True, **changed: Any) -> object:
    """Who is bereft by these three tables; node1 runs or not, node2 is stopped."""
    nodes = (
        _node("node1", up=up, text=first),
        replace(_node("node2", up=False), **changed),
        _node("node3", up=True, text=third),
    )
    texts = dict(zip(PLACES.values(), (first, second, third), strict=True))
    read = {at: parse_nodes_conf(text, at) for at, text in texts.items()}
    return find_sole_copies(
        Observed(shape=Shape.CLUSTER, nodes=nodes), read, {"node1", "node2", "node3"}
    )


@pytest.mark.parametrize("up", [True, False], ids=["runs", "stopped"])
@pytest.mark.parametrize(
    ("first", "third"),
    [(RESET, OF_OTHER), (AFRESH, FORGOTTEN), (AFRESH, OF_OTHER)],
    ids=["the same id", "a new id", "a new id, and the others not told"],
)
def test_a_primary_that_was_reset_would_empty_it(first: str, third: str, *, up: bool) -> None:
    assert _found(first, OF_REPLICA, third, up=up) == (FOUND,)


def test_only_what_nobody_leads_is_at_stake() -> None:
    heard = OF_OTHER.replace("currentEpoch 7", "currentEpoch 9")
    taken = heard.replace(f" {HIGH}", " 100-16383").replace(f" {LOW}", " 0-99")
    assert _found(RESET, OF_REPLICA, taken) == (replace(FOUND, slots=(SlotRange(0, 99),)),)
    taken_all = heard.replace(f" {HIGH}", " 0-16383").replace(f" {LOW}", "")
    assert _found(RESET, OF_REPLICA, taken_all) == ()


@pytest.mark.parametrize(
    "tables",
    [
        (_table(PRIMARY.replace("master", "myself,master")), OF_REPLICA, OF_OTHER),
        (RESET, _table(REPLICA.replace(f"slave {A}", "master -") + " 1-2", OTHER[:0]), OF_OTHER),
        (RESET, "", OF_OTHER),
        ("", OF_REPLICA, OF_OTHER),
    ],
    ids=["its primary leads", "it leads itself", "its table is lost", "its primary's is lost"],
)
def test_nothing_is_at_stake(tables: tuple[str, str, str]) -> None:
    assert _found(*tables, up=False) == ()
    if tables[0]:  # one that runs has told of itself
        assert _found(*tables, up=True) == ()


def test_one_that_runs_is_not_asked_about_but_one_that_stands_still() -> None:
    assert _found(RESET, OF_REPLICA, OF_OTHER, process=ProcessState.RUNNING) == ()
    paused = _found(RESET, OF_REPLICA, OF_OTHER, process=ProcessState.RUNNING, paused=True)
    assert paused == (replace(FOUND, paused=True),)


def test_one_that_runs_would_be_emptied_once_its_primary_is_started() -> None:
    runs = {"process": ProcessState.RUNNING, "info": {"role": "slave"}, "error": ""}
    found = _found(RESET, OF_REPLICA, OF_OTHER, up=False, **runs)
    assert found == (replace(FOUND, waits=True),)
    with pytest.raises(UsageError) as error:
        chosen_primaries([replace(FOUND, waits=True)], ["node2"])
    assert "to keep them: redistopo call --node node2 CLUSTER FAILOVER TAKEOVER; after OK" in (
        error.value.hint
    )


def test_what_is_in_memory_alone_is_not_killed() -> None:
    told = replace(FOUND, paused=True, unsaved=True).keep
    assert told.startswith("redistopo stop node1, then redistopo resume node2, then redistopo call")
    assert "kill" not in told


def test_an_only_copy_is_never_told_to_be_discarded() -> None:
    with pytest.raises(UsageError, match="node2 would be emptied: its primary node1") as error:
        chosen_primaries([FOUND], ["node3"])
    assert error.value.hint == "to keep them: redistopo up --primary node2"
    assert loses(error.value.hint) == "what node1 has, nothing since its reset"
    with pytest.raises(UsageError, match="node1 can't both be primary") as error:
        chosen_primaries([FOUND], ["node1", "node2"])
    assert chosen_primaries([FOUND], ["node2"]) == (FOUND,)
    assert chosen_primaries([FOUND], ["node1"]) == ()
    assert chosen_primaries([], ["node1"]) == ()


def test_one_that_stands_still_is_ended_before_it_leads() -> None:
    paused = replace(FOUND, paused=True)
    with pytest.raises(UsageError) as error:
        chosen_primaries([paused], ["node2"])
    assert "redistopo kill node2, then redistopo up --primary node2" in error.value.hint
    assert chosen_primaries([paused], ["node1"]) == ()


def test_each_shard_is_decided_on() -> None:
    other = SoleCopy(name="node5", primary="node4", slots=(SlotRange(1, 2),))
    with pytest.raises(UsageError, match="node5 would be emptied"):
        chosen_primaries([FOUND, other], ["node2"])
    assert chosen_primaries([FOUND, other], ["node2", "node4"]) == (FOUND,)


@pytest.mark.parametrize(
    ("first", "third"), [(RESET, OF_OTHER), (AFRESH, FORGOTTEN)], ids=["the same id", "a new id"]
)
def test_the_table_by_which_it_leads(first: str, third: str) -> None:
    texts = dict(zip(PLACES.values(), (first, OF_REPLICA, third), strict=True))
    text = promoted(texts, PLACES["node2"], [SlotRange(0, 8191)])
    assert text is not None
    mine, *rest = text.splitlines()
    # in an epoch above all, so that its claim counts
    assert mine == f"{B} {PLACES['node2']}@17001 myself,master - 0 0 8 connected {LOW}"
    assert rest[-1] == "vars currentEpoch 8 lastVoteEpoch 8"
    table = parse_nodes_conf(text, PLACES["node2"])
    assert table is not None
    former = table.at(PLACES["node1"])
    if former is not None:
        assert (former.flags, former.primary, former.slots) == (("slave",), B, ())
    other = table.at(PLACES["node3"])
    assert other is not None
    assert other.slots == (HIGH,)


def test_nobody_knows_who_is_to_lead() -> None:
    assert promoted({PLACES["node3"]: _table(OTHER)}, PLACES["node2"], []) is None
