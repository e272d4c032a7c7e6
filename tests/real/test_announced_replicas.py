"""Addresses that replicas announce, which primaries list and Sentinels give to clients."""

from contextlib import closing

import pytest
from support.byhand import ByHand, listening
from support.engines import BUNDLED
from support.findings import found_in, only
from support.judge import client
from support.project import Project
from support.remedies import type_line
from support.waiting import until


@pytest.mark.parametrize("shape", ["replication", "sentinel"])
def test_a_replica_that_announces_an_address_that_leads_elsewhere_is_a_fault(
    project: Project, shape: str
) -> None:
    slow = ("--down-after", "60000") if shape == "sentinel" else ()
    project.init(shape, *slow, engine=BUNDLED.path)
    project.up()
    good = only(project.run("verify", "--no-write", "--json", check=0), "announce.reachable", "ok")
    assert good["evidence"] == "2 endpoints that clients are given lead to their nodes"
    first, _second, third = project.ports
    for name, value, said in (
        ("replica-announce-ip", "redis.nowhere.invalid", "the name can't be resolved"),
        ("replica-announce-ip", "127.9.8.7", "refused"),
        ("replica-announce-port", str(first), "another server replies there"),
    ):
        with project.client(third) as node:
            node.config_set(name, value)
        done = project.run("verify", "--no-write", "--timeout", "0", "--json", check=3)
        lost = only(done, "announce.reachable", "fail")
        assert (lost["subject"], lost["because_of"]) == ("node3", [])
        assert f"({name}): " in lost["evidence"]
        assert said in lost["evidence"]
        assert f"it replied at 127.0.0.1:{third}" in lost["evidence"]
        with project.client(third) as node:
            node.config_set(name, "" if name.endswith("ip") else 0)
    with project.client(third) as node:
        node.config_set("replica-announce-ip", "localhost")
    settled = project.run("verify", "--no-write", "--json")
    assert only(settled, "announce.reachable", "ok")
    with project.client(first) as node:
        assert node.info("replication")["connected_slaves"] == 2


def test_what_a_replica_announced_before_is_judged_while_primaries_and_sentinels_have_it(
    project: Project,
) -> None:
    """Findings of the Sentinels follow from the announcement; what is printed heals one by one."""
    project.init("sentinel", "--down-after", "1000", engine=BUNDLED.path)
    project.up()
    first, second, _third = project.ports
    with project.client(second) as node:
        node.config_set("replica-announce-ip", "127.9.8.7")
        node.execute_command("CLIENT", "KILL", "TYPE", "master")
    old = f"127.9.8.7:{second}"
    until(lambda: all(_down_at(project, number, old) for number in (1, 2, 3)), 25)
    done = project.run("verify", "--no-write", "--timeout", "0", "--json", check=3)
    lost = found_in(done, "sentinel.replicas", "fail")
    assert [one["because_of"] for one in lost] == [["announce.reachable node2"]] * 3
    told = only(done, "announce.reachable", "fail")["hint"]
    assert told.startswith("redistopo up restores")
    # up sets it back, and reports at once what Sentinels don't forget by themselves
    assert old in project.run("up", "--timeout", "30s", check=3).err
    with project.client(first) as node:
        assert "127.9.8.7" in str(node.info("replication"))
    done = project.run("verify", "--no-write", "--timeout", "30s", "--json", check=3)
    assert f"node1 still lists it at {old}" in only(done, "announce.reachable", "fail")["evidence"]
    type_line(project, only(done, "announce.reachable", "fail")["hint"])
    done = project.run("verify", "--no-write", "--timeout", "30s", "--json", check=3)
    assert found_in(done, "announce.reachable", "fail") == []
    hint = found_in(done, "sentinel.replicas", "fail")[0]["hint"]
    assert hint == "redistopo call --node sentinel SENTINEL RESET project"
    type_line(project, hint)
    project.run("verify", "--timeout", "20s", check=0)
    assert not any(_down_at(project, number, old) for number in (1, 2, 3))


def _down_at(project: Project, number: int, address: str) -> bool:
    with project.sentinel(number) as node:
        rows = node.execute_command("SENTINEL", "REPLICAS", "project")
    return any(row[1] == address and "s_down" in row[row.index("flags") + 1] for row in rows)


def test_a_replica_whose_settings_cannot_be_read_is_unknown(project: Project) -> None:
    (project.root / "hidden.conf").write_text('rename-command CONFIG ""\n')
    include = f"include={project.root / 'hidden.conf'}"
    project.init("replication", "--set", include, engine=BUNDLED.path)
    project.up()
    done = project.run("verify", "--no-write", "--json", check=0)
    unread = [
        one for one in done.json["result"]["findings"] if one["check"] == "announce.reachable"
    ]
    assert [(one["subject"], one["status"]) for one in unread] == [
        ("node2", "unknown"), ("node3", "unknown"),
    ]  # fmt: skip
    assert "CONFIG GET: ERR unknown command" in unread[0]["evidence"]


def test_a_replica_is_queried_where_it_replied_not_where_it_announces(
    project: Project, by_hand: ByHand
) -> None:
    first, second = project.port, project.port + 1
    by_hand.start(first, "--repl-diskless-sync-delay", "0")
    listening(first)
    announces = ("--replica-announce-ip", "127.9.8.7")
    by_hand.start(second, "--replicaof", f"127.0.0.1 {first}", *announces)
    listening(second)

    def listed() -> bool:
        with closing(client(first)) as node:
            return node.info("replication").get("slave0", {}).get("ip") == "127.9.8.7"

    until(listed)
    at = ("--connect", f"127.0.0.1:{second}", "--no-write", "--json")
    done = project.run("verify", *at, check=3)
    assert done.json["result"]["nodes"] == 2
    assert found_in(done, "node.alive", "fail") == []
    lost = only(done, "announce.reachable", "fail")
    assert lost["subject"] == f"127.0.0.1:{second}"
    assert f"announces 127.9.8.7:{second} (replica-announce-ip): " in lost["evidence"]
