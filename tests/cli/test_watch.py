"""`watch` on a terminal: what it draws, how it ends, and how it leaves the terminal."""

import re
import signal
import time

import psutil
import pytest
from support.engines import BUNDLED
from support.project import Project
from support.terminal import Terminal
from support.waiting import until

_OTHER_SCREEN, _OWN_SCREEN = b"\x1b[?1049h", b"\x1b[?1049l"
_HIDDEN, _SHOWN = b"\x1b[?25l", b"\x1b[?25h"


def _row(terminal: Terminal, node: str) -> int | None:
    """The row of the table that tells of a node."""
    lines = terminal.read().splitlines()
    return next((n for n, line in enumerate(lines) if node in line.split()[:2]), None)


def _reversed(terminal: Terminal, node: str) -> bool:
    row = _row(terminal, node)
    return row is not None and terminal.screen.buffer[row][0].reverse


def _left_as_it_was(terminal: Terminal) -> bool:
    raw = terminal.raw
    return (
        terminal.left == terminal.modes
        and raw.rindex(_OWN_SCREEN) > raw.rindex(_OTHER_SCREEN)
        and raw.rindex(_SHOWN) > raw.rindex(_HIDDEN)
    )


def test_a_failover_is_highlighted_and_q_quits(project: Project) -> None:
    project.init("cluster", "--node-timeout", "1000", "--formation", "instant", engine=BUNDLED.path)
    project.up()
    terminal = Terminal(project, "watch", rows=24)
    until(lambda: "6 nodes: 6 ok" in terminal.read())
    assert not _reversed(terminal, "node4")
    psutil.Process(project.pid(1)).kill()
    until(lambda: "is primary of slots 0-5460, was node1" in terminal.read(), seconds=30)
    assert _reversed(terminal, "node4")
    assert not _reversed(terminal, "node5")
    assert "1 stopped" in terminal.read()
    terminal.type("q")
    assert terminal.end() == 0
    assert _left_as_it_was(terminal)
    assert project.password.encode() not in terminal.raw


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_whatever_ends_it_leaves_the_terminal_as_it_was(
    project: Project, number: signal.Signals
) -> None:
    project.init("standalone", engine=BUNDLED.path)
    terminal = Terminal(project, "watch", rows=24)
    until(lambda: "nothing was started" in terminal.read())
    terminal.process.send_signal(number)
    assert terminal.end() == 130
    assert _left_as_it_was(terminal)


def test_an_error_is_told_on_the_own_screen(project: Project) -> None:
    project.init("standalone", engine=BUNDLED.path)
    project.up()
    terminal = Terminal(project, "watch", "--connect", f"127.0.0.1:{project.port}", rows=24)
    assert terminal.end() == 1
    assert _left_as_it_was(terminal)
    assert b"REDISTOPO_PASSWORD" in terminal.raw[terminal.raw.rindex(_OWN_SCREEN) :]


def test_it_follows_the_size_of_the_terminal(project: Project) -> None:
    project.init("replication", engine=BUNDLED.path)
    project.up()
    # what a shell exports is soon out of date: the terminal itself knows
    wrong = {"COLUMNS": "80", "LINES": "24"}
    terminal = Terminal(project, "watch", "--interval", "60s", columns=120, rows=30, **wrong)
    until(lambda: "3 nodes: 3 ok" in terminal.read())
    assert "pid" in terminal.read()
    terminal.resize(50, 8)
    until(lambda: "node3" in terminal.read())
    until(lambda: "q quits" in terminal.read().splitlines()[-1])
    assert len(terminal.read().splitlines()) == 8
    assert "pid" not in terminal.read()
    began = time.monotonic()
    terminal.type("Q")
    assert terminal.end() == 0
    assert time.monotonic() - began < 20


def test_no_color_still_highlights_nothing_in_colour(project: Project) -> None:
    project.init("standalone", engine=BUNDLED.path)
    project.up()
    terminal = Terminal(project, "watch", NO_COLOR="1")
    until(lambda: "1 node: 1 ok" in terminal.read())
    terminal.type("q")
    assert terminal.end() == 0
    colors = (*range(30, 38), *range(90, 98))
    assert not any(b"\x1b[%dm" % color in terminal.raw for color in colors)


def test_a_terminal_that_cannot_draw_gets_lines(project: Project) -> None:
    project.init("standalone", engine=BUNDLED.path)
    project.up()
    terminal = Terminal(project, "watch", TERM="dumb")
    until(lambda: "1 node: 1 ok" in terminal.read())
    terminal.process.send_signal(signal.SIGINT)
    assert terminal.end() == 130
    assert _OTHER_SCREEN not in terminal.raw
    assert "node1  now" in terminal.read()


@pytest.mark.parametrize("shape", ["standalone", "cluster"])
def test_commands_per_second_are_those_of_clients_not_of_watch(
    project: Project, shape: str
) -> None:
    project.init(shape, engine=BUNDLED.path)
    project.up()
    # another observer than `up`, whose commands the servers report for 1.6 s
    terminal = Terminal(project, "watch", "--interval", "300ms", rows=24)

    def rate() -> int:
        found = re.search(r"ok; (\d+) ops/s", terminal.read())
        return int(found[1]) if found else -1

    # replicas of a cluster acknowledge once a second
    until(lambda: 0 <= rate() <= (0 if shape == "standalone" else 10))
    with project.client() as node:
        until(lambda: [node.ping() for _ in range(20)] and rate() > 50)
    terminal.type("q")
    assert terminal.end() == 0
