"""Verdicts on states that once were called healthy, or blamed on something else; each made on real
servers and judged by what the servers themselves reply."""

from contextlib import closing

from support.editing import edit
from support.engines import BUNDLED
from support.findings import found_in, only
from support.judge import client
from support.project import Project

SLOW = ("--down-after", "60000")
"""So that no Sentinel does anything by itself."""


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
