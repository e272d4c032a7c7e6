"""Real servers that refuse, don't know, don't permit or don't reply to what checks read."""

from contextlib import closing

import pytest
from support.byhand import ByHand, listening
from support.editing import edit
from support.engines import BUNDLED
from support.findings import found_in, only
from support.judge import client
from support.loads import Server, frozen
from support.project import Done, Project
from support.remedies import type_line
from support.waiting import until

from redistopo.client.connection import try_ping
from redistopo.client.failover_probe import probe_failover
from redistopo.client.login_probe import probe_access
from redistopo.client.tls import answer_in_plain
from redistopo.model.protocol.credentials import Login, single_credential
from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.protocol.engine import Product, Version
from redistopo.model.protocol.replies import NO_REPLY


def _unknown(done: Done) -> set[str]:
    """The checks that could not be judged."""
    findings = done.json["result"]["findings"]
    return {one["check"] for one in findings if one["status"] == "unknown"}


def test_a_paused_server_gets_no_verdict_from_any_probe(server: Server) -> None:
    """Not a refusal, nor a permission: there is no reply, and each probe says so."""
    there, login = Endpoint("127.0.0.1", server.port), Login()
    assert probe_failover(there, single_credential(login), None) == {}
    assert probe_access(there, single_credential(login)) is None
    with frozen(server.pid()):
        assert probe_failover(there, single_credential(login), None)["PING"].startswith(NO_REPLY)
        assert answer_in_plain(there).startswith(NO_REPLY)
        assert try_ping(there, login).startswith(NO_REPLY)


@pytest.mark.parametrize(
    ("command", "unread"),
    [
        ("ACL", {"access.password"}),
        ("PING", {"access.password"}),
        ("CONFIG", {"config.drift", "config.uneven", "data.kept"}),
    ],
)
def test_what_a_rename_hides_is_unknown_and_not_ok(
    project: Project, command: str, unread: set[str]
) -> None:
    if command == "PING" and BUNDLED.product is Product.VALKEY and BUNDLED.version >= Version(9, 0):
        unread = set()  # which asks for a password first, and then looks for the command
    project.init("standalone", "--persistence", "rdb", engine=BUNDLED.path)
    edit(project, "[redis]", f"[redis]\nrename-command = '{command} \"\"'")
    project.run("up", "--keep", "--timeout", "5s")
    done = project.run("verify", "--json", "--timeout", "1s")
    assert _unknown(done) == unread, done.out
    for check in unread:
        assert found_in(done, check, "ok") == []
        found = found_in(done, check, "unknown")[0]
        assert "unknown command" in found["evidence"]


def test_a_user_without_rights_leaves_settings_and_users_unknown(
    project: Project, by_hand: ByHand
) -> None:
    by_hand.start(project.port)
    listening(project.port)
    with closing(client(project.port)) as node:
        node.execute_command("ACL SETUSER mon on >pw +info +ping ~*")
    project.env["REDISTOPO_PASSWORD"] = "pw"
    done = project.run(
        *("verify", "--connect", f"127.0.0.1:{project.port}", "--user", "mon", "--no-write"),
        *("--timeout", "1s", "--json"),
    )
    checks = {"access.bind", "config.uneven", "data.kept"}
    assert checks <= _unknown(done), done.out
    for check in checks:
        assert found_in(done, check, "ok") == []


@pytest.mark.parametrize(("shape", "command"), [("standalone", "INFO"), ("cluster", "CLUSTER")])
def test_a_rename_that_hides_every_node_is_refused_before_anything_starts(
    project: Project, shape: str, command: str
) -> None:
    project.init(shape, engine=BUNDLED.path)
    edit(project, "[redis]", f"[redis]\nrename-command = '{command} hidden'")
    assert f"redis.rename-command: renames {command};" in project.run("up", check=2).err
    assert project.servers() == []


def test_a_node_of_ours_that_hides_info_is_a_fault_at_once_and_its_remedy_heals(
    project: Project,
) -> None:
    project.init("replication", engine=BUNDLED.path)
    (project.root / "hidden.conf").write_text("")
    edit(project, "[redis]", f"[redis]\ninclude = '{project.root}/hidden.conf'")
    project.up()
    (project.root / "hidden.conf").write_text('rename-command INFO ""\n')
    refused = project.run("restart", "node3", "--json", "--timeout", "30s", check=1)
    assert "node3 doesn't know INFO" in refused.json["error"]["message"]
    done = project.run("verify", "--no-write", "--json", "--timeout", "30s", check=3)
    fault = only(done, "node.alive", "fail")
    assert (fault["subject"], "unknown command" in fault["evidence"]) == ("node3", True)
    assert "remove `rename-command INFO`" in fault["hint"]
    (project.root / "hidden.conf").write_text("")
    type_line(project, fault["hint"])
    assert project.faults(cluster=False) == []


@pytest.mark.parametrize(("command", "cluster"), [("INFO", "no"), ("CLUSTER", "yes")])
def test_an_address_that_hides_what_discovery_reads_is_not_healthy_and_names_the_rename(
    project: Project, by_hand: ByHand, command: str, cluster: str
) -> None:
    by_hand.start(project.port, "--cluster-enabled", cluster, "--rename-command", command, "")
    listening(project.port)
    at = ("--connect", f"127.0.0.1:{project.port}", "--timeout", "0")
    for verb in ("verify", "wait"):
        done = project.run(verb, *at, check=3)
        assert f"remove `rename-command {command}` from its redis.conf" in done.err + done.out


def test_a_node_that_hides_cluster_is_a_fault_from_each_other_node(
    project: Project, by_hand: ByHand
) -> None:
    by_hand.cluster(project.port, 3)
    for port in range(project.port, project.port + 3):
        with closing(client(port)) as node:
            until(lambda node=node: node.execute_command("CLUSTER INFO")["cluster_state"] == "ok")
            # a user who may not run it finds the same as one for whom it is renamed
            rights = ("-cluster",) if port == project.port + 2 else ()
            node.execute_command("ACL", "SETUSER", "mon", "on", ">pw", "+@all", "~*", *rights)
    project.env["REDISTOPO_PASSWORD"] = "pw"
    at = ("--connect", f"127.0.0.1:{project.port}", "--user", "mon", "--no-write", "--json")
    done = project.run("verify", *at, "--timeout", "30s", check=3)
    fault = only(done, "node.alive", "fail")
    assert fault["subject"] == f"127.0.0.1:{project.port + 2}"
    assert "CLUSTER INFO" in fault["evidence"]
    assert fault["hint"] == "log in as a user that may run CLUSTER"


def test_an_announced_endpoint_that_refuses_to_say_which_node_it_is_is_unknown(
    project: Project, by_hand: ByHand
) -> None:
    """Not ok, although something replies there; nor another server, although no id is known."""
    by_hand.start(
        project.port,
        *("--cluster-enabled", "yes", "--bind", "127.0.0.1 127.0.0.2"),
        *("--cluster-announce-ip", "127.0.0.2"),
    )
    listening(project.port)
    with closing(client(project.port)) as node:
        node.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
        node.execute_command("ACL SETUSER mon on >pw +@all -cluster|myid ~*")
    at = ("--connect", f"127.0.0.1:{project.port}", "--no-write", "--json", "--timeout", "2s")
    assert only(project.run("verify", *at), "announce.reachable", "ok")
    project.env["REDISTOPO_PASSWORD"] = "pw"
    done = project.run("verify", *at, "--user", "mon")
    found = only(done, "announce.reachable", "unknown")
    assert f"127.0.0.2:{project.port}" in found["evidence"]
    assert "CLUSTER MYID: NOPERM" in found["evidence"]
