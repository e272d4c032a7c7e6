"""Files of nodes with new addresses: each address is changed, once, and nothing else."""

from collections.abc import Callable

import pytest

from redistopo.model.planning.plan import Plan
from redistopo.model.planning.readdress import readdressed
from redistopo.model.planning.rename import rename_steps, renamed
from redistopo.model.state.disk import DiskSeen
from redistopo.model.state.observed import NodeSeen, Observed
from redistopo.model.state.record import TopologyState
from redistopo.model.topology.spec import Shape

A, B, C = ("a" * 40, "b" * 40, "c" * 40)

TABLES = {
    "6.2": (
        f"{A} 127.0.0.1:7000@17000 myself,master - 0 0 1 connected 0-9 [5->-{B}]\n"
        f"{B} 127.0.0.1:7001@17001 slave {A} 0 17 1 connected\n"
        f"{C} 10.0.0.9:7001@17001 handshake - 0 0 0 disconnected\n"
        "vars currentEpoch 6 lastVoteEpoch 0\n",
        f"{A} 127.0.0.1:7001@17001 myself,master - 0 0 1 connected 0-9 [5->-{B}]\n"
        f"{B} 127.0.0.1:7002@17002 slave {A} 0 17 1 connected\n"
        f"{C} 10.0.0.9:7001@17001 handshake - 0 0 0 disconnected\n"
        "vars currentEpoch 6 lastVoteEpoch 0\n",
    ),
    "never met, with a hostname and a shard id": (
        f"{A} :7000@17000,name,tls-port=0,shard-id={B} myself,master - 0 0 0 connected\n",
        f"{A} 127.0.0.1:7001@17001,name,tls-port=0,shard-id={B} myself,master - 0 0 0 connected\n",
    ),
    "damaged": (f"{A} 127.0.0.1:7000@17000 myse", f"{A} 127.0.0.1:7000@17000 myse"),
    "empty": ("", ""),
}

WATCHING = """port 26379
bind 127.0.0.1
sentinel announce-ip "127.0.0.1"
sentinel monitor shop 127.0.0.1 7001 2
sentinel auth-pass shop 7001
sentinel monitor other 10.0.0.9 7001 2
sentinel known-replica shop 127.0.0.1 7000
sentinel known-sentinel shop 127.0.0.1 26380 {id}
sentinel current-epoch 7000
""".replace("{id}", A)

MOVED = """port 26380
bind 127.0.0.1
sentinel announce-ip "127.0.0.1"
sentinel monitor shop 127.0.0.1 7002 2
sentinel auth-pass shop 7001
sentinel monitor other 10.0.0.9 7001 2
sentinel known-replica shop 127.0.0.1 7001
sentinel known-sentinel shop 127.0.0.1 26381 {id}
sentinel current-epoch 7000
""".replace("{id}", A)


def _moves(made: Plan, by: int = 1) -> dict[str, str | None]:
    """Each node's address is, by 1, the former one of the next node."""
    return {f"{one.host}:{one.port - by}": one.address for one in made.nodes}


@pytest.mark.parametrize("name", TABLES)
def test_each_address_in_a_nodes_conf_is_changed_once(plan: Callable[..., Plan], name: str) -> None:
    made = plan(shape="cluster", port=7001)
    before, after = TABLES[name]
    assert readdressed(before, made.node("node1"), _moves(made)) == after
    assert readdressed(after, made.node("node1"), _moves(made)) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (WATCHING, MOVED),
        (WATCHING.replace("port 26379", "port 0\ntls-port 26379"),
         MOVED.replace("port 26380", "port 0\ntls-port 26380")),
    ],
)  # fmt: skip
def test_each_address_in_a_sentinel_conf_is_changed_once(
    plan: Callable[..., Plan], before: str, after: str
) -> None:
    made = plan(shape="sentinel", port=7001, sentinel_port=26380)
    assert readdressed(before, made.node("sentinel1"), _moves(made)) == after
    assert readdressed(after, made.node("sentinel1"), _moves(made)) == after


def test_a_host_of_another_family_is_written_as_servers_do(plan: Callable[..., Plan]) -> None:
    made = plan(shape="cluster", port=7000, host="::1")
    moves: dict[str, str | None] = {f"127.0.0.1:{one.port}": one.address for one in made.nodes}
    text = f"{A} 127.0.0.1:7000@17000 myself,master - 0 0 1 connected\n"
    changed = readdressed(text, made.node("node1"), moves)
    assert changed == text.replace("127.0.0.1", "::1")
    assert readdressed(changed, made.node("node1"), moves) == changed


def test_a_table_of_a_node_that_moved_before_the_others_gets_their_addresses_too(
    plan: Callable[..., Plan],
) -> None:
    made = plan(shape="cluster", port=7100)
    moves: dict[str, str | None] = {
        f"127.0.0.1:{one.port - 100}": one.address for one in made.nodes
    }
    text = (
        f"{A} 127.0.0.1:7100@17100 myself,master - 0 0 1 connected 0-9\n"
        f"{B} 127.0.0.1:7001@17001 slave {A} 0 17 1 connected\n"
    )
    changed = readdressed(text, made.node("node1"), moves)
    assert changed == text.replace("7001@17001", "7101@17101")
    assert readdressed(changed, made.node("node1"), moves) == changed


def test_a_sentinel_that_knows_a_node_at_both_addresses_knows_it_once(
    plan: Callable[..., Plan],
) -> None:
    made = plan(shape="sentinel", port=7100, sentinel_port=26479)
    moves: dict[str, str | None] = {
        f"127.0.0.1:{one.port - 100}": one.address for one in made.nodes
    }
    lines = [f"sentinel known-replica shop 127.0.0.1 {port}" for port in (7001, 7101)]
    changed = readdressed("\n".join(["port 26479", *lines, ""]), made.node("sentinel1"), moves)
    assert changed.count("known-replica shop 127.0.0.1 7101") == 1
    assert "7001" not in changed


def test_a_primary_gets_another_name_in_a_sentinels_file() -> None:
    before = """port 26379
sentinel myid yes
sentinel monitor yes 127.0.0.1 7000 2
sentinel resolve-hostnames yes
sentinel auth-pass yes yes
sentinel known-replica yes-2 127.0.0.1 7001
"""
    after = before.replace("monitor yes", "monitor shop").replace("pass yes yes", "pass shop yes")
    assert renamed(before, "yes", "shop") == after
    assert renamed(after, "yes", "shop") == after


MONITOR = "sentinel monitor {} {} {} 2\n"


@pytest.mark.parametrize(
    ("files", "changed"),
    [
        (("was ours", "was ours", "was ours"), (1, 2, 3)),
        (("new ours", "was ours", "new ours"), (2,)),  # interrupted
        (("new ours", "was theirs", "was ours"), (3,)),
        (("new ours", "new ours", "new ours"), ()),
        (("was ours, own theirs", "was ours", "was ours"), (2, 3)),
    ],
)
def test_only_the_name_of_our_primary_is_changed(
    plan: Callable[..., Plan], files: tuple[str, ...], changed: tuple[int, ...]
) -> None:
    made = plan(shape="sentinel", name="new", auth=False)
    lead = made.data[0]
    at = {"ours": (lead.host, lead.port), "theirs": ("10.0.0.9", 6379)}
    nodes = []
    for node, text in zip(made.sentinels, files, strict=True):
        lines = (one.split() for one in text.split(", "))
        conf = "".join(MONITOR.format(name, *at[where]) for name, where in lines)
        disk = DiskSeen(config=conf, files={})
        nodes.append(NodeSeen(name=node.name, endpoint=node.endpoint, disk=disk))
    seen = Observed(shape=Shape.SENTINEL, nodes=tuple(nodes))
    record = TopologyState(id="1", name="was", shape="sentinel", created="", formed=True, nodes=())
    steps = rename_steps(made, record, seen)
    assert [name for one in steps for name in one.nodes] == [f"sentinel{n}" for n in changed]
    assert all(one.settings[name] == {"was": "new"} for one in steps for name in one.nodes)
