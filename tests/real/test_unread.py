"""Real servers that refuse, don't know, don't permit or don't reply to what checks read."""

from contextlib import closing

import pytest
from support.byhand import ByHand, listening
from support.editing import edit
from support.engines import BUNDLED
from support.findings import found_in
from support.judge import client
from support.loads import Server, frozen
from support.project import Done, Project

from redistopo.client.connection import try_ping
from redistopo.client.failover_probe import probe_failover
from redistopo.client.login_probe import probe_access
from redistopo.client.tls import answer_in_plain
from redistopo.model.protocol.credentials import Login, single_credential
from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.protocol.replies import NO_REPLY


def _unknown(done: Done) -> set[str]:
    """The checks that could not be judged."""
    findings = done.json["result"]["findings"]
    return {one["check"] for one in findings if one["status"] == "unknown"}


def test_a_paused_server_gets_no_verdict_from_any_probe(server: Server) -> None:
    """Not a refusal, nor a permission: there is no reply, and each probe says so."""
    there, login = Endpoint("127.0.0.1", server.port), Login()
    assert probe_failover(there, single_credential(login)) == {}
    assert probe_access(there, single_credential(login)) is None
    with frozen(server.pid()):
        assert probe_failover(there, single_credential(login))["PING"].startswith(NO_REPLY)
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
