"""Verbs for single nodes on a terminal: colours, tables, and the CLI that takes it over."""

import signal

from support.engines import BUNDLED
from support.project import Project
from support.terminal import Terminal
from support.waiting import until


def test_logs_have_each_nodes_name_in_its_own_colour(project: Project) -> None:
    project.init("replication", engine=BUNDLED.path)
    project.up()
    terminal = Terminal(project, "logs", "-f", "--tail", "40", columns=160)
    until(lambda: all(f"node{n} | " in terminal.read() for n in (1, 2, 3)), 30)
    lines = terminal.raw.decode().splitlines()
    colors = {
        name: {line.partition(name)[0].rpartition("\x1b[")[2] for line in lines if name in line}
        for name in ("node1 ", "node2 ", "node3 ")
    }
    heads = {line[: line.index("|")] for line in lines if "|" in line and "node" in line}
    assert len(heads) == 3, colors
    assert {head[:5] for head in heads} == {"\x1b[36m", "\x1b[32m", "\x1b[33m"}
    with project.client() as node:
        node.execute_command("BGREWRITEAOF")
    until(lambda: "AOF rewrite" in terminal.read(), 30)
    terminal.process.send_signal(signal.SIGINT)
    assert terminal.end() == 130
    assert "Traceback" not in terminal.read()
    plain = Terminal(project, "logs", "--tail", "3", NO_COLOR="1")
    assert plain.end() == 0
    assert b"\x1b[3" not in plain.raw


def test_the_cli_has_the_terminal(project: Project) -> None:
    project.init("standalone", engine=BUNDLED.path)
    project.up()
    terminal = Terminal(project, "cli")
    until(lambda: f"127.0.0.1:{project.port}>" in terminal.read(), 30)
    terminal.type("SET greeting hello\r")
    until(lambda: "OK" in terminal.read(), 30)
    terminal.type("GET greeting\r")
    until(lambda: '"hello"' in terminal.read(), 30)
    terminal.type("exit\r")
    assert terminal.end() == 0


def test_tables_of_call_and_stop_fit(project: Project) -> None:
    project.init("replication", engine=BUNDLED.path)
    project.up()
    for words in (
        ["call", "INFO", "memory"],
        ["stop", "node2"],
        ["pause", "node3", "-y"],
        ["start"],
    ):
        terminal = Terminal(project, *words, columns=40)
        terminal.end()
        lines = terminal.read().splitlines()
        assert all(len(line) <= 40 for line in lines)
        assert "…" not in terminal.read()
    terminal = Terminal(project, "resume", columns=100)
    assert terminal.end() == 0
    assert "✓ resume node3" in terminal.read()
    assert "Now 3 of 3 nodes are ok:" in terminal.read()


def test_stop_of_all_primaries_asks_first_and_no_changes_nothing(project: Project) -> None:
    project.init("cluster", "--formation", "instant", engine=BUNDLED.path)
    project.up()
    before = {one.pid for one in project.servers()}
    terminal = Terminal(project, "stop", "primary", columns=120)
    until(lambda: "[y/N]" in terminal.read(), 30)
    asked = terminal.read()
    assert "shard 3: no replica takes over from node3" in asked
    assert "0 of 3 primaries are left to vote" in asked
    assert "Stop node1, node2, node3? [y/N]" in asked
    terminal.type("n\r")
    assert terminal.end() == 1
    assert "nothing was changed" in terminal.read()
    assert {one.pid for one in project.servers()} == before
    assert project.faults() == []


def test_yes_is_not_asked_and_what_costs_nothing_is_not_asked(project: Project) -> None:
    project.init("replication", engine=BUNDLED.path)
    project.up()
    terminal = Terminal(project, "pause", "node2", columns=100)  # node3 still follows
    assert terminal.end() == 0
    assert "[y/N]" not in terminal.read()
    terminal = Terminal(project, "kill", "--yes", "primary", columns=100)
    assert terminal.end() == 0
    assert "[y/N]" not in terminal.read()
    assert len(project.servers()) == 2


def test_down_asks_on_a_terminal(project: Project) -> None:
    project.init("standalone", "--persistence", "none", engine=BUNDLED.path)
    project.up()
    with project.client() as node:
        node.set("only", "copy")
    terminal = Terminal(project, "down", columns=100)
    until(lambda: "Stop node1? [y/N]" in terminal.read(), 30)
    assert "node1 keeps nothing on disk: its keys will be gone" in terminal.read()
    with project.client() as node:
        assert node.get("only") == "copy"
    terminal.type("y\r")
    assert terminal.end() == 0
    assert project.servers() == []


def test_a_dead_primary_is_the_one_node_that_does_not_run(project: Project) -> None:
    project.init("sentinel", engine=BUNDLED.path)
    project.up()
    said = project.run("kill", "node1", "--yes").out
    assert "Now 5 of 6 nodes run (" in said
    assert "1 stopped" in said
    assert len(project.servers()) == 5
