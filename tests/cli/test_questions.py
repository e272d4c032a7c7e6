"""Verbs that take service, access or data away ask on a terminal; "no" changes nothing."""

import shutil

import pytest
from support.engines import BUNDLED, TLS
from support.judge import roles
from support.project import Project
from support.terminal import Terminal
from support.waiting import until


def _declined(project: Project, *words: str, said: str) -> None:
    terminal = Terminal(project, *words, columns=140)
    until(lambda: "[y/N]" in terminal.read(), 30)
    assert said in terminal.read()
    terminal.type("n\r")
    assert terminal.end() == 1
    assert "nothing was changed" in terminal.read()


def test_set_secret_rotate_and_drill_ask_before_service_or_access_is_lost(
    project: Project,
) -> None:
    project.init("cluster", "--formation", "instant", engine=BUNDLED.path)
    project.up()
    before = {one.pid for one in project.servers()}, project.password
    _declined(project, "set", "maxmemory", "1", said="node1 refuses writes at once")
    _declined(project, "secret", "rotate", said="refused at their next login")
    _declined(project, "drill", "failover", said="node4 takes over from node1")
    _declined(project, "drill", "all", said="node6 takes over from node3")
    assert ({one.pid for one in project.servers()}, project.password) == before
    assert project.faults() == []
    with project.client() as node:
        assert node.config_get("maxmemory") == {"maxmemory": "0"}


@pytest.mark.parametrize(
    "words",
    [
        ("set", "hz", "20"),  # costs nothing
        ("set", "maxclients", "1", "--yes"),
        ("secret", "rotate", "--keep-old"),  # costs nothing
        ("drill", "failover", "--fault", "none"),  # costs nothing
    ],
)
def test_what_costs_nothing_or_is_confirmed_is_not_asked(
    project: Project, words: tuple[str, ...]
) -> None:
    project.init("standalone", engine=BUNDLED.path)
    project.up()
    terminal = Terminal(project, *words, columns=140)
    assert terminal.end() == 0
    assert "[y/N]" not in terminal.read()


def test_up_asks_before_a_chosen_primary_discards_what_others_have(project: Project) -> None:
    project.init("replication", engine=BUNDLED.path)
    project.up()
    with project.client() as node:
        node.set("kept", "1")
        node.wait(2, 2000)
    project.run("down", check=0)
    for path in project.folder(1).glob("append*"):
        shutil.rmtree(path)
    (project.folder(1) / "dump.rdb").unlink(missing_ok=True)
    _declined(project, "up", "--primary", "node2", said="node1 would be primary, but has no data")
    assert project.servers() == []
    project.up("--primary", "node2")  # in a pipe it is not asked
    assert roles(project.ports, project.password)[project.ports[1]] == "master"


def test_up_asks_before_it_rebuilds_a_damaged_nodes_conf(project: Project) -> None:
    project.init("cluster", "--formation", "instant", engine=BUNDLED.path)
    project.up()
    project.run("down", check=0)
    table = project.folder(1) / "nodes.conf"
    damaged = table.read_text()[: table.stat().st_size // 2]
    table.write_text(damaged)
    _declined(project, "up", "--rebuild", "node1", said="nodes.conf")
    assert table.read_text() == damaged
    assert project.servers() == []
    project.up("--rebuild", "node1")  # in a pipe it is not asked
    assert project.faults() == []


@pytest.mark.skipif(TLS is None, reason="no server with TLS here")
def test_certs_renew_asks_before_a_new_ca_locks_clients_out(project: Project) -> None:
    assert TLS
    project.init("standalone", "--tls", engine=TLS.path)
    project.up()
    project.run("down", check=0)
    ca = project.root / ".redistopo" / "tls" / "ca.crt"
    before = ca.read_bytes()
    shown = project.run("certs", "renew", "--new-ca", "--dry-run", check=0).out
    assert "access of clients that have only the old CA" in shown
    _declined(project, "certs", "renew", "--new-ca", said="clients that have only the old CA")
    assert ca.read_bytes() == before
    terminal = Terminal(project, "certs", "renew", columns=140)  # costs nothing
    assert terminal.end() == 0
    assert "[y/N]" not in terminal.read()
    assert ca.read_bytes() == before
    project.run("certs", "renew", "--new-ca", check=0)  # in a pipe it is not asked
    assert ca.read_bytes() != before
