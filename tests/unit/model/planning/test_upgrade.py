"""What an upgrade does in which order, and when it is refused: on snapshots of real servers."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from redistopo.errors import RedistopoError, UsageError
from redistopo.model.planning.upgrade import (
    newest_running,
    plan_upgrade,
    unlinked,
    upgrade_command,
)
from redistopo.model.protocol.engine import Engine, parse_title
from redistopo.model.state.observed import Observed

Seen = Callable[[str, str], Observed]


def _engine(title: str) -> Engine:
    found = parse_title(title)
    assert found is not None
    return found


def _running(seen: Observed, titles: dict[str, str], **more: str) -> Observed:
    """The snapshot, with these nodes on other engines; `more` is of their INFO."""
    nodes = []
    for node in seen.nodes:
        if title := titles.get(node.name) or titles.get("*"):
            product, _, version = title.partition(" ")
            told = {"redis_version": version, "valkey_version": ""}
            if product == "Valkey":
                told = {"redis_version": "7.2.4", "valkey_version": version}
            node = replace(node, info={**node.info, **told, **more})  # noqa: PLW2901
        nodes.append(node)
    return replace(seen, nodes=tuple(nodes))


OLD, NEW = "Redis 7.0.15", "Redis 8.2.3"


@pytest.mark.parametrize(
    ("shape", "running", "to", "order", "emptied"),
    [
        (
            "cluster",
            {"*": OLD},
            NEW,
            "restart node4, restart node5, restart node6, hand over node1, hand over node2, "
            "hand over node3, restart node1, restart node2, restart node3",
            "",
        ),
        # interrupted: the nodes that are left
        (
            "cluster",
            {"*": NEW, "node2": OLD, "node6": OLD},
            NEW,
            "restart node6, hand over node2, restart node2",
            "",
        ),
        ("replication", {"*": NEW}, NEW, "", ""),
        # back, while the primary runs the older one
        ("replication", {"*": OLD, "node2": NEW}, OLD, "restart node2", "node2"),
        # and while a replica does: it is promoted first
        (
            "replication",
            {"*": NEW, "node3": OLD},
            OLD,
            "hand over node1 to node3, restart node1, restart node2",
            "node1 node2",
        ),
        # its files can't be read, but it sends what can be
        (
            "replication",
            {"*": "Valkey 9.1.2"},
            "Valkey 8.1.8",
            "restart node2, restart node3, hand over node1, restart node1",
            "node1 node2 node3",
        ),
    ],
)
def test_turns(
    observed: Seen, shape: str, running: dict[str, str], to: str, order: str, emptied: str
) -> None:
    found = plan_upgrade(_running(observed("redis-7.0", shape), running), _engine(to))
    assert ", ".join(map(str, found.turns)) == order
    assert " ".join(sorted(found.emptied)) == emptied
    assert {turn.node for turn in found.turns if turn.act == "restart"} == set(found.nodes)


@pytest.mark.parametrize(
    ("shape", "running", "to", "told"),
    [
        ("cluster", {"*": NEW}, OLD, "can't read the data of shard 1"),
        ("cluster", {"*": OLD, "node2": NEW, "node5": NEW}, OLD, "of shard 2"),
        ("cluster", {"*": "Valkey 8.1.8"}, NEW, "can't be in one cluster with Valkey 8.1.8"),
    ],
)
def test_refusals(observed: Seen, shape: str, running: dict[str, str], to: str, told: str) -> None:
    with pytest.raises(RedistopoError, match=told):
        plan_upgrade(_running(observed("redis-7.0", shape), running), _engine(to))


def test_a_primary_alone_starts_on_its_own_files(observed: Seen) -> None:
    seen = observed("redis-7.0", "replication")
    alone = replace(seen, nodes=tuple(node for node in seen.nodes if node.name == "node1"))
    with pytest.raises(RedistopoError, match="can't read the data"):
        plan_upgrade(_running(alone, {"*": "Valkey 9.1.2"}), _engine("Valkey 8.1.8"))


def test_nothing_runs(observed: Seen) -> None:
    with pytest.raises(UsageError, match="no node runs"):
        plan_upgrade(replace(observed("redis-7.0", "cluster"), nodes=()), _engine(NEW))


def test_how_far_back(observed: Seen) -> None:
    seen = _running(observed("redis-7.0", "replication"), {"*": "Redis 8.0.2"})
    assert "stays open" in plan_upgrade(seen, _engine(NEW)).back
    seen = _running(seen, {"*": "Valkey 8.1.8"})
    assert "while it runs" in plan_upgrade(seen, _engine("Valkey 9.1.2")).back
    seen = _running(seen, {"*": OLD})
    assert "only by a snapshot" in plan_upgrade(seen, _engine(NEW)).back


def test_the_newest_reads_all_others_and_the_command_leads_there(observed: Seen) -> None:
    seen = _running(observed("redis-7.0", "replication"), {"*": OLD, "node2": "Valkey 8.1.8"})
    assert newest_running(seen) == "valkey 8.1.8"
    assert upgrade_command(seen, "auto") == "redistopo upgrade"
    assert upgrade_command(seen, "valkey 9") == "redistopo upgrade"
    set_back = 'redistopo upgrade --engine "valkey 8.1.8"'
    assert upgrade_command(seen, "redis 6.2") == set_back
    assert newest_running(_running(seen, {"node3": "Redis 8.2.3"})) == "redis 8.2.3"


def test_replicas_that_only_the_upgrade_links_again(observed: Seen) -> None:
    seen = _running(observed("redis-7.0", "replication"), {"*": NEW})
    cut = _running(seen, {"node2": OLD}, master_link_status="down")
    assert unlinked(cut, ["node2", "node3"]) == ("node2",)
    assert unlinked(cut, ["node3"]) == ()
    assert unlinked(_running(seen, {"node2": OLD}), ["node2"]) == ()
    assert unlinked(_running(seen, {"node2": NEW}, master_link_status="down"), ["node2"]) == ()
