"""Verdicts on states that once were called healthy, or blamed on something else; each made on real
servers and judged by what the servers themselves reply."""

import shlex
import shutil
from contextlib import closing
from typing import Any

import pytest
from support.byhand import ByHand, listening
from support.editing import edit
from support.engines import ATOMIC, BUNDLED, INSTALLED
from support.findings import found_in, only
from support.judge import client
from support.project import Project
from support.waiting import until

SLOW = ("--down-after", "60000")
"""So that no Sentinel does anything by itself."""


def _told(project: Project, port: int, verb: str = "verify", *words: str) -> Any:
    """The result of a verb on the topology around a port, without a write."""
    extra = ("--no-write",) if verb == "verify" else ()
    at = ("--connect", f"127.0.0.1:{port}", "--timeout", "1s", "--json")
    return project.run(verb, *at, *extra, *words)


def _info(port: int, password: str = "") -> Any:
    with closing(client(port, password)) as node:
        return node.info()


def test_a_rename_of_what_sentinels_send_is_refused_in_the_file(project: Project) -> None:
    project.init("sentinel", engine=BUNDLED.path)
    edit(project, "[redis]", "[redis]\nrename-command = 'CONFIG \"\"'")
    for verb in ("plan", "up"):
        done = project.run(verb, check=2)
        assert "redis.rename-command: renames CONFIG; Sentinels send it" in done.err
    assert project.servers() == []


def test_a_rename_that_is_included_makes_no_replica_ready_and_leaves_the_settings_unknown(
    project: Project,
) -> None:
    """No Sentinel promotes a node that doesn't know CONFIG REWRITE: EXEC is discarded."""
    (project.root / "hidden.conf").write_text('rename-command CONFIG ""\n')
    include = f"include={project.root / 'hidden.conf'}"
    project.init("sentinel", *SLOW, "--set", include, engine=BUNDLED.path)
    up = project.run("up", "--keep", seconds=30)
    assert up.code == 3
    assert "failover.ready" in up.err
    done = project.run("verify", "--json", check=3)
    ready = only(done, "failover.ready", "fail")
    assert "CONFIG REWRITE: ERR unknown command" in ready["evidence"]
    assert {one["subject"] for one in found_in(done, "config.drift", "unknown")} == {
        "node1", "node2", "node3",
    }  # fmt: skip
    with closing(client(project.port, project.password)) as node:
        assert node.execute_command("COMMAND INFO", "CONFIG") in ([None], {})


def test_a_failover_is_tried_as_the_sentinels_user_and_changes_nothing(project: Project) -> None:
    project.init("sentinel", "--acl", *SLOW, engine=BUNDLED.path)
    project.up()
    admin = project.secret("admin")
    for port in project.ports[1:]:
        with closing(client(port, admin, user="admin")) as node:
            node.execute_command("ACL", "SETUSER", "sentinel", "-slaveof")
    done = project.run("verify", "--json", "--no-write", "--timeout", "1s", check=3)
    ready = only(done, "failover.ready", "fail")
    assert "SLAVEOF NO ONE: NOPERM" in ready["evidence"]
    with closing(client(project.ports[1], admin, user="admin")) as node:
        assert node.info("replication")["role"] == "slave"
        assert node.info("commandstats")["cmdstat_slaveof"]["calls"] == 0


def test_a_failed_snapshot_is_a_fault_also_where_config_is_unknown(
    project: Project, by_hand: ByHand
) -> None:
    folder = project.root / f"byhand-{project.port}" / "data"
    folder.mkdir(parents=True)
    by_hand.start(
        project.port, "--dir", str(folder), "--save", "1 1", "--rename-command", "CONFIG", ""
    )
    listening(project.port)
    shutil.rmtree(folder)
    with closing(client(project.port)) as node:
        node.set("a", "1")
    until(lambda: _info(project.port)["rdb_last_bgsave_status"] == "err")
    assert (
        "rdb_last_bgsave_status:err"
        in only(_told(project, project.port), "data.kept", "fail")["evidence"]
    )
    waited = _told(project, project.port, "wait")
    assert [one["check"] for one in waited.json["result"]["missing"]] == ["data.kept"]


def test_unknown_snapshots_are_not_called_off(project: Project, by_hand: ByHand) -> None:
    by_hand.start(project.port, "--rename-command", "CONFIG", "")
    listening(project.port)
    done = _told(project, project.port)
    assert done.code == 0
    assert "snapshots is unknown" in only(done, "data.kept", "unknown")["evidence"]


def test_a_chain_is_found_whole_and_judged_alike_from_each_of_its_nodes(
    project: Project, by_hand: ByHand
) -> None:
    first = project.port
    for port in range(first, first + 4):
        above = () if port == first else ("--replicaof", f"127.0.0.1 {port - 1}")
        by_hand.start(port, "--repl-diskless-sync-delay", "0", *above)
        listening(port)
    ports = range(first + 1, first + 4)
    until(lambda: all(_info(port)["master_link_status"] == "up" for port in ports))
    for port in (first, first + 1, first + 3):
        done = _told(project, port)
        assert (done.code, done.json["result"]["nodes"]) == (0, 4), done
        chained = found_in(done, "replication.chain", "warn")
        assert [one["subject"][-5:] for one in chained] == [str(first + 2), str(first + 3)]
        proven = project.run("verify", "--connect", str(port), "--json", check=0)
        assert only(proven, "data.proof", "ok")
        waited = _told(project, port, "wait")
        assert (waited.code, waited.json["result"]["nodes"]) == (0, 4), waited
    with closing(client(first + 3)) as node:
        assert node.dbsize() == 0


def test_replicas_that_reject_our_password_are_counted_and_not_called_missing(
    project: Project,
) -> None:
    project.init("cluster", "--formation", "instant", engine=BUNDLED.path)
    project.up()
    project.env["REDISTOPO_PASSWORD"] = password = project.password
    for port in project.ports[3:]:
        with project.client(port) as node:
            node.config_set("requirepass", "another")
    elsewhere = project.root / "elsewhere"
    elsewhere.mkdir()
    done = _told(project, project.port, "verify", "--dir", str(elsewhere))
    assert done.code == 3
    assert len(found_in(done, "node.alive", "fail")) == 3
    ready = found_in(done, "failover.ready", "unknown")
    assert [f"{port} can't be queried" in one["evidence"] for one, port in zip(
        ready, project.ports[3:], strict=True)] == [True] * 3  # fmt: skip
    assert len(found_in(done, "replication.shape", "ok")) == 3
    assert not {"secret rotate", "redistopo down", "no replica"} & {
        word for word in ("secret rotate", "redistopo down", "no replica") if word in done.out
    }
    for port in project.ports[3:]:
        assert _info(port, "another")["master_link_status"] == "up"
        with closing(client(port, "another")) as node:
            node.config_set("requirepass", password)


def test_a_hostname_that_no_client_can_resolve_is_found_without_a_write(project: Project) -> None:
    """An engine of 7.0 or later has hostnames."""
    project.init("cluster", "--formation", "instant", engine=BUNDLED.path)
    project.up()
    with project.client() as node:
        node.config_set("cluster-announce-hostname", "redis.nowhere.invalid")
        node.config_set("cluster-preferred-endpoint-type", "hostname")
        rows = node.execute_command("CLUSTER SLOTS")
    assert "redis.nowhere.invalid" in str(rows)
    done = project.run("verify", "--no-write", "--timeout", "1s", "--json", check=3)
    (lost, nameless) = found_in(done, "announce.reachable", "fail")
    assert "(cluster-announce-hostname): the name can't be resolved" in lost["evidence"]
    assert "gives clients '?' as the host of node" in nameless["evidence"]
    with project.client() as node:
        node.config_set("cluster-announce-hostname", "localhost")
        node.config_set("cluster-preferred-endpoint-type", "ip")
    assert only(project.run("verify", "--json", check=0), "announce.reachable", "ok")


def test_a_node_that_announces_another_address_is_queried_where_it_replies(
    project: Project,
) -> None:
    """As behind NAT: the node itself is known by the address that we connected to, and by its id
    from any other node."""
    project.init(
        "cluster", "--formation", "instant", "--node-timeout", "60000", engine=BUNDLED.path
    )
    project.up()
    project.env["REDISTOPO_PASSWORD"] = project.password
    second = project.ports[1]
    with project.client(second) as node:
        node.config_set("cluster-announce-ip", "127.9.8.7")
    until(lambda: all("127.9.8.7" in _nodes(project, port) for port in project.ports))
    for port in (second, project.ports[2]):
        done = _told(project, port)
        assert found_in(done, "node.alive", "fail") == []
        lost = only(done, "announce.reachable", "fail")
        assert lost["subject"] == f"127.0.0.1:{second}"
        assert f"announces 127.9.8.7:{second} (cluster-announce-ip)" in lost["evidence"]
        assert f"it replied at 127.0.0.1:{second}" in lost["evidence"]
        assert "ufw" not in done.out


def _nodes(project: Project, port: int) -> str:
    with project.client(port) as node:
        node.response_callbacks.clear()
        return str(node.execute_command("CLUSTER NODES"))


VALKEY_9 = next((one for name, one in INSTALLED.items() if name.startswith("valkey-9")), None)


@pytest.mark.skipif(VALKEY_9 is None, reason="no Valkey 9 on this machine")
def test_replicas_sync_by_two_channels_with_acl_and_a_denied_command_is_the_cause(
    project: Project,
) -> None:
    """Dual-channel replication sends SYNC, on a connection of its own."""
    assert VALKEY_9 is not None
    dual = ("--set", "dual-channel-replication-enabled=yes")
    project.init("replication", "--acl", *dual, engine=VALKEY_9.path)
    project.up()
    admin = project.secret("admin")
    with closing(client(project.port, admin, user="admin")) as node:
        stats = node.info("commandstats")
        assert stats["cmdstat_sync"]["calls"] == 2
        assert stats["cmdstat_sync"]["rejected_calls"] == 0
        node.execute_command("ACL", "SETUSER", "replication", "-sync")
    for port in project.ports[1:]:
        with closing(client(port, admin, user="admin")) as node:
            node.execute_command("REPLICAOF", "NO", "ONE")
            node.set("ahead", "1")  # of its primary, so that it has to sync in full
            node.execute_command("REPLICAOF", "127.0.0.1", project.port)
    with closing(client(project.port, admin, user="admin")) as node:
        until(lambda: node.info("commandstats")["cmdstat_sync"]["rejected_calls"] >= 2)
    done = project.run("verify", "--no-write", "--timeout", "0s", "--json", check=3)
    down = found_in(done, "replication.link", "fail")
    assert len(down) == 2
    told = [one["evidence"] for one in down]
    assert all("as user replication, which may not run SYNC" in one for one in told), told
    assert all("+sync" in one["hint"] and "nc -vz" not in one["hint"] for one in down)


@pytest.mark.skipif(VALKEY_9 is None, reason="no Valkey 9 on this machine")
def test_slots_migrate_atomically_with_acl(project: Project) -> None:
    assert VALKEY_9 is not None
    project.init("cluster", "--acl", "--formation", "instant", engine=VALKEY_9.path)
    project.up()
    admin = project.secret("admin")
    with closing(client(project.ports[1], admin, user="admin")) as node:
        target = node.execute_command("CLUSTER", "MYID")
    with closing(client(project.port, admin, user="admin")) as node:
        node.execute_command("CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", 0, 9, "NODE", target)
        until(lambda: "success" in str(node.execute_command("CLUSTER", "GETSLOTMIGRATIONS")))


def test_a_shard_without_slots_is_a_fault_at_once_and_rebalanced_by_what_is_printed(
    project: Project,
) -> None:
    stay = ("--set", "cluster-allow-replica-migration=no")
    project.init("cluster", "--formation", "instant", *stay, engine=ATOMIC.path)
    project.up()
    ports = project.ports[:2]
    with project.client(ports[1]) as target:
        node_id = target.execute_command("CLUSTER", "MYID")
        target.execute_command("CLUSTER", "BUMPEPOCH")
    for port in reversed(ports):
        with project.client(port) as node, node.pipeline(transaction=False) as batch:
            for slot in range(5461):
                batch.execute_command("CLUSTER", "SETSLOT", slot, "NODE", node_id)
            batch.execute()
    until(lambda: all(_slotless(project, port) == 1 for port in project.ports))
    done = project.run("verify", "--json", check=3)
    failed = [one for one in done.json["result"]["findings"] if one["status"] == "fail"]
    assert [(one["check"], one["subject"]) for one in failed] == [("cluster.empty-shards", "node1")]
    remedy = shlex.split(failed[0]["hint"].partition("redistopo ")[2])
    assert remedy == ["rebalance"]
    project.run(*remedy, check=0)
    assert project.run("verify", check=0)
    assert all(_slotless(project, port) == 0 for port in project.ports)


def _slotless(project: Project, port: int) -> int:
    """How many primaries have no slots, according to the node on that port."""
    lines = [line.split() for line in _nodes(project, port).splitlines()]
    return sum("master" in line[2].split(",") and len(line) == 8 for line in lines)


def test_many_open_and_scattered_slots_are_counted_not_listed(project: Project) -> None:
    project.init("cluster", "--formation", "instant", engine=BUNDLED.path)
    project.up()
    ids = []
    for port in project.ports[:2]:
        with project.client(port) as node:
            ids.append(node.execute_command("CLUSTER", "MYID"))
    for port in project.ports:
        with project.client(port) as node, node.pipeline(transaction=False) as pipe:
            for slot in range(1000, 1400, 2):  # every other slot is node2's
                pipe.execute_command("CLUSTER", "SETSLOT", slot, "NODE", ids[1])
            pipe.execute(raise_on_error=False)
    for port, way, other in zip(
        project.ports, ("MIGRATING", "IMPORTING"), reversed(ids), strict=False
    ):
        with project.client(port) as node, node.pipeline(transaction=False) as pipe:
            for slot in range(200):
                pipe.execute_command("CLUSTER", "SETSLOT", slot, way, other)
            pipe.execute()
    found = project.run("verify", "--all", "--timeout", "1s", "--json").json["result"]["findings"]
    evidence = {
        one["subject"]: one["evidence"] for one in found if one["check"] == "cluster.open-slots"
    }
    assert evidence["node1"] == "200 slots migrating to node2: 0-199"
    assert evidence["node2"] == "200 slots importing from node1: 0-199"
    for words in (("verify", "--all", "--timeout", "1s"), ("status",), ("plan",)):
        said = project.run(*words)
        assert max(map(len, said.out.splitlines())) < 250, words
    assert "and 198 more ranges" in project.run("status").out
    assert "1398" in project.run("status", "--json").out


def test_sentinels_without_a_password_are_not_advised_to_set_masterauth(project: Project) -> None:
    project.init("sentinel", "--no-auth", engine=BUNDLED.path)
    project.up()
    at = f"127.0.0.1:{project.port + 10}"
    done = project.run("verify", "--connect", at, "--timeout", "1s", "--all", "--json")
    hints = {one["subject"]: one["hint"] for one in found_in(done, "access.password", "warn")}
    of_sentinels = [hint for hint in hints.values() if "sentinel sentinel-pass" in hint]
    assert (len(hints), len(of_sentinels)) == (6, 3), hints
    assert not any("masterauth" in hint for hint in of_sentinels)
