"""Releases with known faults: warned of where they matter, and worked around where possible."""

import pytest
from support.engines import FETCHED
from support.findings import only
from support.judge import client
from support.project import Project
from support.waiting import until

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

    def primary() -> str:
        with client(project.port, project.secret("admin"), user="admin") as node:
            return str(node.info("replication")["role"])

    until(lambda: primary() == "slave")
    for port in project.ports:
        with client(port, project.secret("admin"), user="admin") as node:
            node.execute_command("ACL", "SETUSER", "sentinel", "-failover")
    refused = only(project.run("verify", "--json", check=3), "failover.ready", "fail")
    assert "FAILOVER ABORT: NOPERM" in refused["evidence"]


@faulty
def test_the_fault_of_sentinels_is_no_warning_in_a_cluster(project: Project) -> None:
    project.init("cluster", "--replicas", "0", "--formation", "instant", engine=SERVER)
    project.up()
    only(project.run("verify", "--json", check=0), "node.versions", "ok")
    only(project.run("doctor", "--json"), "machine.server", "ok")
    project.env["REDISTOPO_SERVER"] = SERVER
    listed = project.run("engines", "--json", check=0).json["result"]
    assert [one["id"] for one in listed["faults"]] == ["valkey#2779"]
    assert "fixed in Valkey 9.0.1" in project.run("engines", check=0).out
