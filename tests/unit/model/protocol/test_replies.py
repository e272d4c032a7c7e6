"""Replies: INFO, CLUSTER INFO and CLUSTER NODES, from real servers and made by hand."""

from collections.abc import Callable, Mapping

import pytest

from redistopo.errors import BadReply
from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.protocol.replies import (
    ClusterNodesLine,
    OpenSlot,
    at_listening_ports,
    parse_info,
    parse_nodes,
    parse_pairs,
)
from redistopo.model.protocol.slots import SlotRange, format_ranges

Sample = Callable[[str, str], Mapping[str, Mapping[str, str]]]

ID = "a" * 40
OTHER = "b" * 40
MYSELF = f"{ID} 127.0.0.1:7000@17000 myself,master - 0 0 1 connected 0-16383"


def _second(line: str) -> ClusterNodesLine:
    """The member of a line, read beside the asked node's own."""
    return parse_nodes(f"{MYSELF}\n{line}\n")[1]


def test_info_of_every_engine_has_what_is_asked_of_it(engine_name: str, sample: Sample) -> None:
    for replies in sample(engine_name, "replication").values():
        info = parse_info(replies["INFO"])
        assert info.keys() >= {"role", "process_id", "config_file", "loading", "connected_slaves"}


def test_info_of_every_engine_tells_its_version(engine_name: str, sample: Sample) -> None:
    product, _, version = engine_name.partition("-")
    info = parse_info(sample(engine_name, "cluster")["node1"]["INFO"])
    assert info[f"{product}_version"].startswith(version)


def test_cluster_info_of_every_engine_says_ok(engine_name: str, sample: Sample) -> None:
    for replies in sample(engine_name, "cluster").values():
        info = parse_info(replies["CLUSTER INFO"])
        assert (info["cluster_state"], info["cluster_slots_ok"]) == ("ok", "16384")


def test_cluster_nodes_of_every_engine_lists_every_node(engine_name: str, sample: Sample) -> None:
    nodes = sample(engine_name, "cluster")
    ports = {int(parse_info(replies["INFO"])["tcp_port"]) for replies in nodes.values()}
    for replies in nodes.values():
        members = parse_nodes(replies["CLUSTER NODES"])
        assert {member.port for member in members} == ports


def test_cluster_nodes_of_every_engine_has_slots_and_roles(
    engine_name: str, sample: Sample
) -> None:
    for replies in sample(engine_name, "cluster").values():
        members = parse_nodes(replies["CLUSTER NODES"])
        owned = sorted(format_ranges(member.slots) for member in members if member.primary)
        assert owned == ["0-5460", "10923-16383", "5461-10922"]
        primaries = {member.id for member in members if member.primary}
        assert {member.primary_id for member in members if member.replica} == primaries


def test_cluster_nodes_of_every_engine_has_links_up(engine_name: str, sample: Sample) -> None:
    for replies in sample(engine_name, "cluster").values():
        members = parse_nodes(replies["CLUSTER NODES"])
        assert all(member.linked and member.bus_port == member.port + 10000 for member in members)


def test_info_leaves_out_titles_and_blank_lines() -> None:
    assert parse_info("# Server\r\nrole:master\r\n\r\n# Keyspace: 1\r\n") == {"role": "master"}


def test_info_keeps_colons_in_values() -> None:
    assert parse_info("config_file:/a:b/redis.conf\r\n") == {"config_file": "/a:b/redis.conf"}


@pytest.mark.parametrize("text", ["", "\r\n"])
def test_empty_info_has_no_field(text: str) -> None:
    assert parse_info(text) == {}


@pytest.mark.parametrize("text", ["hello", "# only: a title\r\n"])
def test_info_without_any_field_is_a_bad_reply(text: str) -> None:
    with pytest.raises(BadReply, match="no field"):
        parse_info(text)


def test_pairs_are_read_as_a_dict() -> None:
    text = "ip=127.0.0.1,port=7001,state=online,offset=14,lag=0"
    assert parse_pairs(text) == {
        "ip": "127.0.0.1",
        "port": "7001",
        "state": "online",
        "offset": "14",
        "lag": "0",
    }


def test_a_line_is_read_in_full() -> None:
    (member,) = parse_nodes(f"{ID} ::1:7000@17000 myself,master - 5 6 7 connected 0-9 12 14-15\n")
    assert member == ClusterNodesLine(
        id=ID,
        endpoint=Endpoint("::1", 7000),
        bus_port=17000,
        flags=frozenset({"myself", "master"}),
        primary_id="",
        replied=True,
        epoch=7,
        linked=True,
        slots=(SlotRange(0, 9), SlotRange(12, 12), SlotRange(14, 15)),
        open_slots=(),
    )


def test_a_node_listens_at_the_port_that_belongs_to_its_bus_port() -> None:
    given = _second(f"{OTHER} 127.0.0.1:17001@17001 slave {ID} 5 6 7 connected")
    lost = _second(f"{OTHER} :0@0 slave,noaddr {ID} 5 6 7 disconnected")
    own = _second(f"{OTHER} 127.0.0.1:7001@17001 slave {ID} 5 6 7 connected")
    assert at_listening_ports((given, lost, own)) == (own, lost, own)


def test_lines_that_differ_only_in_times_are_one_object() -> None:
    """Snapshots of 100 nodes have 10,000 lines: what is done with each is done once."""
    line = f"{ID} ::1:7000@17000 myself,master - {{}} {{}} 7 connected 0-16383\n"
    (one,), (other,) = parse_nodes(line.format(0, 6)), parse_nodes(line.format(0, 9))
    assert one is other
    (waiting,) = parse_nodes(line.format(5, 6))
    assert (waiting, waiting.pinged, one.pinged) == (one, 5, 0)
    assert parse_nodes(line.format(5, 0)) != (one,)
    many = line.format(5, 6).rstrip() + "".join(f" {slot}" for slot in range(0, 1000, 2))
    assert parse_nodes(many) == parse_nodes(many)
    assert parse_nodes(many)[0] is not parse_nodes(many)[0], "kept, whatever its length"


@pytest.mark.parametrize(
    ("part", "said"),
    [
        (f"[93->-{OTHER}]", OpenSlot(slot=93, move="migrating to", node=OTHER)),
        (f"[77-<-{OTHER}]", OpenSlot(slot=77, move="importing from", node=OTHER)),
    ],
)
def test_a_half_migrated_slot_is_an_open_one(part: str, said: OpenSlot) -> None:
    (member,) = parse_nodes(f"{MYSELF} {part}\n")
    assert (member.open_slots, format_ranges(member.slots)) == ((said,), "0-16383")


@pytest.mark.parametrize(
    ("address", "host", "port", "bus"),
    [
        ("10.0.0.2:7001@17001", "10.0.0.2", 7001, 17001),
        ("10.0.0.2:7001@17001,redis.example.org", "10.0.0.2", 7001, 17001),
        ("10.0.0.2:7001@17001,,shard-id=" + OTHER, "10.0.0.2", 7001, 17001),
        ("fe80::1:7001@17001", "fe80::1", 7001, 17001),
        ("10.0.0.2:7001", "10.0.0.2", 7001, 0),
        (":7001@17001", "", 7001, 17001),
        (":0@0", "", 0, 0),
    ],
)
def test_an_address_has_host_port_and_bus(address: str, host: str, port: int, bus: int) -> None:
    member = _second(f"{OTHER} {address} slave {ID} 0 1 1 connected")
    assert (member.host, member.port, member.bus_port) == (host, port, bus)


@pytest.mark.parametrize(
    ("flags", "true_of_it"),
    [
        ("master", {"primary"}),
        ("slave", {"replica"}),
        ("primary", {"primary"}),
        ("replica", {"replica"}),
        ("master,fail?", {"primary", "failing"}),
        ("slave,fail", {"replica", "failing"}),
        ("handshake", {"unknown"}),
        ("master,noaddr", {"primary", "unknown"}),
        ("slave,nofailover", {"replica"}),
        ("noflags", {"unknown"}),
    ],
)
def test_flags_say_what_a_node_is(flags: str, true_of_it: set[str]) -> None:
    member = _second(f"{OTHER} 127.0.0.1:7001@17001 {flags} - 0 1 1 connected")
    asked = {"primary", "replica", "failing", "unknown", "myself"}
    assert {name for name in asked if getattr(member, name)} == true_of_it


def test_a_link_that_is_down_is_not_linked() -> None:
    assert not _second(f"{OTHER} 127.0.0.1:7001@17001 slave {ID} 0 1 1 disconnected").linked


BAD_LINES = [
    "OK",
    "ERR unknown command",
    f"{OTHER} 127.0.0.1:7001@17001 slave",
    f"{OTHER.upper()} 127.0.0.1:7001@17001 slave - 0 0 1 connected",
    f"{OTHER[:-1]} 127.0.0.1:7001@17001 slave - 0 0 1 connected",
    f"{OTHER} 127.0.0.1 slave - 0 0 1 connected",
    f"{OTHER} 127.0.0.1:7001@17001 slave - 0 now 1 connected",
    f"{OTHER} 127.0.0.1:7001@17001 slave - 0 0 one connected",
    f"{OTHER} 127.0.0.1:7001@17001 master - 0 0 1 connected 16384",
    f"{OTHER} 127.0.0.1:7001@17001 master - 0 0 1 connected 9-3",
    f"{OTHER} 127.0.0.1:7001@17001 master - 0 0 1 connected -3",
    f"{OTHER} 127.0.0.1:7001@17001 master - 0 0 1 connected a-b",
    f"{OTHER} 127.0.0.1:7001@17001 master - 0 0 1 connected [3->-there]",
]


@pytest.mark.parametrize("line", BAD_LINES)
def test_a_line_that_is_none_is_a_bad_reply(line: str) -> None:
    with pytest.raises(BadReply, match="can't be read") as caught:
        parse_nodes(f"{MYSELF}\n{line}\n")
    assert caught.value.detail == line


@pytest.mark.parametrize("text", ["", f"{MYSELF}\n{MYSELF}\n", MYSELF.replace("myself,", "")])
def test_exactly_one_node_is_the_asked_one(text: str) -> None:
    with pytest.raises(BadReply, match="exactly one node as myself"):
        parse_nodes(text)
