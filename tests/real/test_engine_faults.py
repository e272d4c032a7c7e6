"""Releases with known faults: warned of where they matter, and worked around where possible."""

from contextlib import suppress
from typing import Any

import pytest
import redis
from support.engines import FETCHED
from support.findings import only
from support.judge import client
from support.project import Project
from support.waiting import until

KEY_OF_SLOT_0 = "{06S}"
SERVER = next((str(one.path) for name, one in FETCHED.items() if name == "valkey-9.0.0"), "")

faulty = pytest.mark.skipif(not SERVER, reason="not fetched: make engines")


@faulty
def test_sentinels_of_valkey_9_0_0_fail_over_with_acl_and_their_fault_is_told(
    project: Project,
) -> None:
    """Without the right to FAILOVER every failover ends in -failover-abort-slave-timeout."""
    project.init("sentinel", "--acl", "--down-after", "60000", engine=SERVER)
    project.up()
    verified = project.run("verify", "--json", check=0)
    told = only(verified, "node.versions", "warn")
    assert "valkey#2779" in told["evidence"]
    assert "fixed in Valkey 9.0.1" in told["evidence"]
    assert (
        "valkey#2779" in only(project.run("doctor", "--json"), "machine.server", "warn")["evidence"]
    )
    with client(project.port + 10, project.secret("admin"), user="admin") as sentinel:
        sentinel.execute_command("SENTINEL FAILOVER", "project")

    def role() -> str:
        # a node that changes its role closes its connections
        with (
            suppress(redis.ConnectionError),
            client(project.port, project.secret("admin"), user="admin") as node,
        ):
            return str(node.info("replication")["role"])
        return ""

    until(lambda: role() == "slave")
    for port in project.ports:
        with client(port, project.secret("admin"), user="admin") as node:
            node.execute_command("ACL", "SETUSER", "sentinel", "-failover")
    refused = only(project.run("verify", "--json", check=3), "failover.ready", "fail")
    assert "FAILOVER ABORT: NOPERM" in refused["evidence"]


@faulty
def test_slots_with_keys_are_not_moved_by_valkey_9_0_0_with_acl_and_its_fault_is_told(
    project: Project,
) -> None:
    words = ("--replicas", "0", "--formation", "instant", "--acl")
    project.init("cluster", *words, engine=SERVER)
    project.up()
    told = only(project.run("verify", "--json", check=0), "node.versions", "warn")
    assert "valkey#2785" in told["evidence"]
    refused = project.run("move-slots", "0", "--to", "node2", check=1).err
    assert "user default lacks +cluster|syncslots" in refused
    assert "valkey#2785" in refused
    first, second = (
        client(port, project.secret("admin"), user="admin") for port in project.ports[:2]
    )
    with first, second:
        first.set(KEY_OF_SLOT_0, "kept")

        def moved() -> str:
            target = second.execute_command("CLUSTER MYID")
            first.execute_command("CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", 0, 0, "NODE", target)
            until(lambda: _state(first) in ("success", "failed"))
            return _state(first)

        assert moved() == "failed"
        first.execute_command("ACL", "SETUSER", "default", "+cluster|syncslots")
        assert moved() == "success"
        assert second.get(KEY_OF_SLOT_0) == "kept"


def _state(node: "redis.Redis[Any]") -> str:
    """How the latest migration of slots ended, or where it is."""
    told = node.execute_command("CLUSTER GETSLOTMIGRATIONS")[0]
    return str(dict(zip(told[::2], told[1::2], strict=True))["state"])


@faulty
def test_faults_of_other_shapes_are_no_warnings(project: Project) -> None:
    project.init("replication", "--replicas", "1", engine=SERVER)
    project.up()
    only(project.run("verify", "--json", check=0), "node.versions", "ok")
    only(project.run("doctor", "--json"), "machine.server", "ok")
    project.env["REDISTOPO_SERVER"] = SERVER
    listed = project.run("engines", "--json", check=0).json["result"]
    assert [one["id"] for one in listed["faults"]] == ["valkey#2779", "valkey#2785"]
    assert "fixed in Valkey 9.0.1" in project.run("engines", check=0).out
