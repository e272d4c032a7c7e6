"""A nodes.conf written anew by the word of other nodes' files."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redistopo.model.protocol.nodes_conf import latest_nodes_conf, parse_nodes_conf, rebuilt

A, B, C, D = (letter * 40 for letter in "abcd")
S1, S2 = "1" * 40, "2" * 40


def _place(port: int, shard: str = "") -> str:
    extra = f",,tls-port=0,shard-id={shard}" if shard else ""
    return f"127.0.0.1:{port}@{port + 10000}{extra}"


def _table(*lines: str, epoch: int = 7) -> str:
    return "\n".join([*lines, f"vars currentEpoch {epoch} lastVoteEpoch 3", ""])


PRIMARY = f"{A} {_place(7000)} master - 0 1 4 connected 0-8191"
REPLICA = f"{B} {_place(7001)} slave {A} 0 1 4 connected"
OTHER = f"{C} {_place(7002)} myself,master - 0 1 5 connected 8192-16383 [9000->-{A}]"
OTHERS_REPLICA = f"{D} {_place(7003)} slave {C} 0 1 5 connected"


def test_a_primary_keeps_its_id_its_slots_and_its_epoch() -> None:
    text = rebuilt({"127.0.0.1:7002": _table(PRIMARY, REPLICA, OTHER)}, "127.0.0.1:7000")
    assert text is not None
    lines = text.splitlines()
    assert lines[0] == f"{A} {_place(7000)} myself,master - 0 0 4 connected 0-8191"
    # the other's half-migrated slot would be taken for our own
    assert f"{C} {_place(7002)} master - 0 0 5 connected 8192-16383" in lines
    # no second vote in an epoch in which it may have voted
    assert lines[-1] == "vars currentEpoch 7 lastVoteEpoch 7"


def test_a_replica_follows_whom_it_followed() -> None:
    text = rebuilt({"127.0.0.1:7002": _table(PRIMARY, REPLICA, OTHER)}, "127.0.0.1:7001")
    assert text is not None
    assert text.startswith(f"{B} {_place(7001)} myself,slave {A} 0 0 4 connected\n")


@pytest.mark.parametrize("shards", [("", ""), (S1, S2)], ids=["6.2", "shard ids"])
def test_a_primary_that_was_replaced_follows_its_heir(shards: tuple[str, str]) -> None:
    first, second = shards
    table = _table(
        f"{A} {_place(7000, first)} master,fail - 0 1 4 disconnected",
        f"{B} {_place(7001, first)} master - 0 1 8 connected 0-8191",
        f"{C} {_place(7002, second)} myself,master - 0 1 5 connected 8192-16383",
        f"{D} {_place(7003, second)} slave {C} 0 1 5 connected",
        epoch=8,
    )
    text = rebuilt({"127.0.0.1:7002": table}, "127.0.0.1:7000")
    assert text is not None
    assert text.startswith(f"{A} {_place(7000, first)} myself,slave {B} 0 0 8 connected\n")


def test_each_replica_is_in_the_shard_of_its_primary() -> None:
    """Servers save the shard that a replica left, and then refuse their own file (valkey#2171)."""
    table = _table(
        f"{A} {_place(7000, S1)} slave {C} 0 1 5 connected",
        f"{B} {_place(7001, S1)} slave {C} 0 1 5 connected",
        f"{C} {_place(7002, S2)} master - 0 1 5 connected 0-16383",
        f"{D} {_place(7003, S2)} myself,slave {C} 0 1 5 connected",
    )
    for port in (7000, 7002):
        text = rebuilt({"127.0.0.1:7003": table}, f"127.0.0.1:{port}")
        assert text is not None
        assert (text.count(S1), text.count(S2)) == (0, 4)


def test_the_latest_whole_file_counts() -> None:
    old = _table(PRIMARY, REPLICA, OTHER, epoch=5)
    new = _table(PRIMARY.replace("0-8191", "0-100"), REPLICA, OTHER, epoch=9)
    torn = new.replace("currentEpoch 9", "currentEpoch 99").replace("vars", "va")
    tables = {"127.0.0.1:7002": new, "127.0.0.1:7001": old, "127.0.0.1:7003": torn}
    text = rebuilt(tables, "127.0.0.1:7000")
    assert text is not None
    assert "0-100" in text.splitlines()[0]


def test_of_tables_with_the_same_epoch_the_one_that_knows_its_owner_counts() -> None:
    taken = PRIMARY.replace("0-8191", "").strip()
    heir = REPLICA.replace(f"slave {A} 0 1 4", "master - 0 1 9") + " 0-8191"
    heard = _table(PRIMARY, REPLICA, OTHER, epoch=9)
    knows = _table(taken, heir, OTHER, epoch=9)
    for texts in ([heard, knows], [knows, heard]):
        table = latest_nodes_conf(parse_nodes_conf(text, "127.0.0.1:7002") for text in texts)
        assert table is not None
        assert table.shard_peers("127.0.0.1:7000") == ()
        assert not (table.at("127.0.0.1:7000") or table.entries[0]).slots


def test_a_node_that_was_never_met_is_told_its_own_host() -> None:
    lone = OTHER.replace("127.0.0.1:7002@", ":7002@")
    text = rebuilt({"127.0.0.1:7002": _table(PRIMARY, lone)}, "127.0.0.1:7000")
    assert text is not None
    assert f"{C} {_place(7002)} master" in text


def test_strangers_and_handshakes_are_left_out() -> None:
    passing = f"{D} {_place(7009)} handshake - 0 1 0 connected"
    text = rebuilt({"127.0.0.1:7002": _table(PRIMARY, OTHER, passing)}, "127.0.0.1:7000")
    assert text is not None
    assert D not in text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\0\0",
        "garbage\n",
        _table(PRIMARY),
        _table(PRIMARY, OTHER).rpartition("vars")[0],
        _table(PRIMARY, OTHER).replace("currentEpoch ", "currentEpoch ²"),
    ],
    ids=["empty", "zeros", "garbage", "without itself", "without its end", "no decimal digit"],
)
def test_a_damaged_file_is_no_witness(text: str) -> None:
    assert parse_nodes_conf(text, "127.0.0.1:7002") is None
    assert rebuilt({"127.0.0.1:7002": text}, "127.0.0.1:7000") is None


def test_nobody_knows_the_node() -> None:
    assert rebuilt({"127.0.0.1:7002": _table(PRIMARY, OTHER)}, "127.0.0.1:7777") is None
    assert rebuilt({}, "127.0.0.1:7000") is None
    assert latest_nodes_conf([]) is None


def test_kin_are_who_has_the_same_data() -> None:
    table = parse_nodes_conf(_table(PRIMARY, REPLICA, OTHER, OTHERS_REPLICA), "127.0.0.1:7002")
    assert table is not None
    assert table.shard_peers("127.0.0.1:7000") == ("127.0.0.1:7001",)
    assert table.shard_peers("127.0.0.1:7001") == ("127.0.0.1:7000",)
    assert table.shard_peers("127.0.0.1:1") == ()


@given(st.integers(0, 2000), st.text(max_size=5))
def test_no_damage_makes_it_stumble_or_lie(at: int, noise: str) -> None:
    """Whatever is read is a whole table, or none; what is made of one is read again."""
    whole = _table(PRIMARY, REPLICA, OTHER, OTHERS_REPLICA)
    text = rebuilt({"127.0.0.1:7002": whole[:at] + noise + whole[at + 3 :]}, "127.0.0.1:7000")
    if text is not None:
        made = parse_nodes_conf(text, "127.0.0.1:7000")
        assert made is not None
        assert sum("myself" in one.flags for one in made.entries) == 1
