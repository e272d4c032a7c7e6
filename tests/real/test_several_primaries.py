"""Sentinels that monitor several primaries, and data nodes of Sentinels that are not known."""

from contextlib import closing
from typing import Any

import pytest
from support.byhand import ByHand, listening
from support.engines import BUNDLED
from support.findings import found_in, only
from support.judge import client
from support.project import Project
from support.telling import Telling
from support.waiting import until


@pytest.fixture
def shop(project: Project, by_hand: ByHand) -> Project:
    """Two primaries, each with a replica (ports 0 to 3), of which two Sentinels monitor both."""
    first = project.port
    for port in (first, first + 2):
        by_hand.start(port, "--repl-diskless-sync-delay", "0")
        listening(port)
        by_hand.start(
            port + 1, "--replicaof", f"127.0.0.1 {port}", "--repl-diskless-sync-delay", "0"
        )
        listening(port + 1)
    for port in (first + 10, first + 11):
        by_hand.sentinel(port, ("shop", first), ("stock", first + 2))
        listening(port)
    until(lambda: all(_known(first + at, name) for at in (10, 11) for name in ("shop", "stock")))
    return project


def _raw(port: int, *words: object) -> Any:
    with closing(client(port)) as node:
        node.response_callbacks.clear()
        return node.execute_command(*words)


def _known(port: int, name: str) -> bool:
    """Whether a Sentinel knows the primary's replica and the other Sentinel, and has heard it."""
    replicas = _raw(port, "SENTINEL", "REPLICAS", name)
    return len(replicas) == len(_raw(port, "SENTINEL", "SENTINELS", name)) == 1 and (
        "master_link_status:up" in _raw(int(replicas[0][5]), "INFO")
    )


def _verify(project: Project, at: int, *words: str, code: int) -> Any:
    address = f"127.0.0.1:{project.port + at}"
    return project.run(
        "verify", "--connect", address, "--timeout", "1s", "--json", *words, check=code
    )


def test_every_primary_of_a_sentinel_is_verified_and_findings_begin_with_its_name(
    shop: Project,
) -> None:
    done = _verify(shop, 10, code=0)
    assert done.json["result"]["nodes"] == 6
    first = shop.port
    named = found_in(done, "sentinel.primary", "ok")
    assert [one["subject"] for one in named] == ["shop topology", "stock topology"]
    assert f"2 of 2 Sentinels name 127.0.0.1:{first + 2}" in named[1]["evidence"]
    proven = found_in(done, "data.proof", "ok")
    assert [one["subject"] for one in proven] == ["shop shard 1", "stock shard 1"]
    assert all("read back from its replica" in one["evidence"] for one in proven)
    assert [_raw(first + at, "DBSIZE") for at in (0, 2)] == [0, 0]
    at = ("--connect", f"127.0.0.1:{first + 11}", "--json")
    assert shop.run("wait", *at, check=0).json["result"]["nodes"] == 6
    shop.run("doctor", *at, "--no-write")


def test_a_fault_of_one_primary_is_not_one_of_the_other(shop: Project) -> None:
    _raw(shop.port + 3, "CONFIG", "SET", "replica-priority", "0")
    _raw(shop.port + 3, "CONFIG", "SET", "replica-read-only", "no")
    done = _verify(shop, 10, "--no-write", code=3)
    replica = f"127.0.0.1:{shop.port + 3}"
    assert only(done, "replication.read-only", "fail")["subject"] == f"stock {replica}"
    _verify(shop, 10, "--master", "stock", code=3)
    healthy = _verify(shop, 10, "--master", "shop", code=0)
    assert healthy.json["result"]["nodes"] == 4
    assert only(healthy, "sentinel.primary", "ok")["subject"] == "topology"
    at = ("--connect", f"127.0.0.1:{shop.port + 10}", "--timeout", "0", "--json")
    (missing,) = shop.run("wait", *at, check=3).json["result"]["missing"]
    assert missing["subject"] == f"stock {replica}"
    shop.run("wait", *at, "--master", "shop", check=0)


def test_a_sentinel_that_lost_one_of_its_primaries_is_found(shop: Project) -> None:
    _raw(shop.port + 11, "SENTINEL", "REMOVE", "stock")
    done = _verify(shop, 10, "--no-write", code=3)
    lost = only(done, "sentinel.primary", "fail")
    assert lost["subject"] == f"stock 127.0.0.1:{shop.port + 11}"


def test_events_report_a_failover_of_one_primary_with_its_name_and_the_node_it_replaces(
    shop: Project,
) -> None:
    first = shop.port
    old, new = (f"127.0.0.1:{first + at}" for at in (2, 3))
    with Telling(shop, "events", "--connect", f"127.0.0.1:{first + 10}", "--json") as stream:
        until(lambda: len(stream.told) == 6)
        seen = {one["node"]: one["words"] for one in stream.told}
        assert f"names 127.0.0.1:{first} (shop), {old} (stock)" in seen[f"127.0.0.1:{first + 11}"]
        _raw(first + 11, "SENTINEL", "FAILOVER", "stock")
        leads = stream.await_told(kind="primary", node=new)
        assert (leads["was"], leads["words"].startswith(f"is primary, was {old}")) == (old, True)
        named = stream.await_told(kind="named", node=new)
        assert named["words"].startswith("stock: named by the Sentinels in epoch 1, was ")
        assert [one for one in stream.told if one["kind"] == "named"] == [named]
        _raw(first + 11, "SENTINEL", "SET", "shop", "quorum", "3")
        _raw(first + 10, "SENTINEL", "SET", "shop", "quorum", "3")
        lost = stream.await_told(kind="quorum-lost")
        assert lost["words"].startswith("shop: 2 of 2 Sentinels available: no failover possible")


def test_a_name_that_no_sentinel_knows_is_refused_with_those_it_knows(shop: Project) -> None:
    at = ("--connect", f"127.0.0.1:{shop.port + 10}", "--master", "shoe")
    for verb in ("verify", "wait", "events"):
        done = shop.run(verb, *at, check=2)
        assert "monitors no primary by the name shoe, but shop, stock" in done.err
    node = ("--connect", f"127.0.0.1:{shop.port}", "--master", "shop")
    assert "is not a Sentinel" in shop.run("verify", *node, check=2).err
    assert "options of --connect" in shop.run("verify", "--master", "shop", check=2).err


def test_a_data_node_of_unknown_sentinels_is_not_said_to_be_without_failover(
    shop: Project,
) -> None:
    done = _verify(shop, 0, "--no-write", code=0)
    ready = only(done, "failover.ready", "unknown")
    assert "2 clients subscribe to __sentinel__:hello as Sentinels do" in ready["evidence"]
    assert "--connect HOST:PORT" in ready["hint"]
    assert _raw(shop.port, "PUBSUB", "NUMSUB", "__sentinel__:hello")[1] == 2


def test_replication_without_sentinels_has_no_automatic_failover(
    project: Project, by_hand: ByHand
) -> None:
    by_hand.start(project.port)
    listening(project.port)
    _raw(project.port, "CONFIG", "SET", "repl-diskless-sync-delay", "0")
    above = ("--replicaof", f"127.0.0.1 {project.port}")
    by_hand.start(project.port + 1, *above, "--repl-diskless-sync-delay", "0")
    listening(project.port + 1)
    until(lambda: "master_link_status:up" in _raw(project.port + 1, "INFO"))
    done = _verify(project, 0, "--no-write", code=0)
    assert "no automatic failover" in only(done, "failover.ready", "skip")["evidence"]


def test_a_second_primary_of_our_own_sentinels_is_not_part_of_the_topology(
    project: Project, by_hand: ByHand
) -> None:
    project.init("sentinel", "--down-after", "60000", engine=BUNDLED.path)
    project.up()
    by_hand.start(project.port + 20)
    listening(project.port + 20)
    for number in (1, 2, 3):
        with project.sentinel(number) as node:
            node.execute_command("SENTINEL", "MONITOR", "a", "127.0.0.1", project.port + 20, 2)
            node.execute_command("SENTINEL", "SET", "a", "down-after-milliseconds", 60000)
    for verb in (("verify", "--no-write"), ("wait",)):
        done = project.run(*verb, "--json", check=0)
        assert done.json["result"]["nodes"] == 6
    rows = project.run("status", "--json", check=0).json["result"]["nodes"]
    assert {one["watches"] for one in rows if one["role"] == "sentinel"} == {
        f"127.0.0.1:{project.port}"
    }


def test_a_sentinel_that_does_not_know_another_one_that_replies_is_a_fault(
    project: Project, by_hand: ByHand
) -> None:
    """The other one may not publish its hello, neither through the primary nor to the first one
    directly (Sentinels that know each other do both), so that it is known to itself alone."""
    first, one, other = project.port, project.port + 10, project.port + 11
    by_hand.start(first)
    listening(first)
    _raw(first, "ACL", "SETUSER", "mute", "on", ">pw", "+@all", "-publish", "~*", "&*")
    for port in (one, other):
        by_hand.sentinel(port, ("shop", first))
        listening(port)
    # it published before it had this user: what the first one knows of it is forgotten
    for name, value in (("auth-user", "mute"), ("auth-pass", "pw")):
        _raw(other, "SENTINEL", "SET", "shop", name, value)
    _raw(first, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    until(lambda: len(_raw(other, "SENTINEL", "SENTINELS", "shop")) == 1)
    _raw(one, "ACL", "SETUSER", "default", "-publish")
    _raw(one, "SENTINEL", "RESET", "shop")
    done = _verify(project, 11, "--no-write", "--timeout", "0", code=3)
    unknown = only(done, "sentinel.peers", "fail")
    assert (unknown["subject"], unknown["evidence"]) == (
        f"127.0.0.1:{one}", "knows 0 of 1 that reply"
    )  # fmt: skip
