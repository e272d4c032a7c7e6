"""The installed command on a terminal and in a pipe, as its screen shows it."""

import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support.engines import BUNDLED
from support.forms import spread
from support.project import COMMAND, Project
from support.terminal import Terminal
from support.waiting import until


def test_up_draws_a_line_a_step_and_the_closing_block(project: Project) -> None:
    project.init("cluster", "--formation", "instant", engine=BUNDLED.path)
    terminal = Terminal(project, "up", columns=100)
    assert terminal.end() == 0
    shown = terminal.read()
    assert "✓ start 6 nodes" in shown
    assert "is up and verified" in shown
    assert "redistopo down" in shown
    assert project.password not in terminal.raw.decode()
    assert b"\x1b[32m" in terminal.raw  # colours, on a terminal


def test_no_color_means_none(project: Project) -> None:
    project.init("standalone", engine=BUNDLED.path)
    terminal = Terminal(project, "up", NO_COLOR="1")
    assert terminal.end() == 0
    table = Terminal(project, "verify", NO_COLOR="1")
    assert table.end() == 0
    for raw in (terminal.raw, table.raw):
        assert not any(b"\x1b[%dm" % color in raw for color in (*range(30, 38), *range(90, 98)))


@pytest.mark.parametrize("command", ["verify", "status", "plan", "engines", "ps"])
def test_forty_columns_lose_nothing(project: Project, command: str) -> None:
    project.init("replication", engine=BUNDLED.path)
    project.up()
    terminal = Terminal(project, command, columns=40)
    assert terminal.end() == 0
    lines = terminal.read().splitlines()
    assert all(len(line) <= 40 for line in lines)
    assert "…" not in terminal.read()
    if command == "engines":  # what a "no" is about
        assert re.search(r"^1  server \S+ \S+  TLS (yes|no)\b", terminal.read(), re.MULTILINE)


def test_a_table_is_drawn_where_its_widest_cells_fit(project: Project) -> None:
    project.init("standalone", engine=BUNDLED.path)
    project.up()
    project.run("snapshot", "monday", check=0)
    heads = ("name", "created", "shape", "engine", "keys", "bytes", "consistency", "state")
    for columns in (120, 60):
        terminal = Terminal(project, "snapshots", columns=columns)
        assert terminal.end() == 0
        lines = terminal.read().split("\n")
        assert any(tuple(line.split()) == heads for line in lines) == (columns == 120)
        assert columns == 120 or "keys 0  bytes " in terminal.read()


def test_wipe_asks_and_no_means_no(project: Project) -> None:
    project.init("standalone", engine=BUNDLED.path)
    project.up()
    terminal = Terminal(project, "down", "--wipe")
    until(lambda: "[y/N]" in terminal.read())
    terminal.type("n\n")
    assert terminal.end() == 1
    assert len(project.servers()) == 1
    terminal = Terminal(project, "down", "--wipe")
    until(lambda: "[y/N]" in terminal.read())
    terminal.type("y\n")
    assert terminal.end() == 0
    assert not (project.root / ".redistopo").exists()


def test_wipe_without_a_terminal_wants_yes(project: Project) -> None:
    project.init("standalone", engine=BUNDLED.path)
    assert "--yes" in project.run("down", "--wipe", check=2).err


def test_attach_follows_logs_until_ctrl_c_and_leaves_the_servers(project: Project) -> None:
    project.init("replication", engine=BUNDLED.path)
    terminal = Terminal(project, "up", "--attach", columns=160)
    until(lambda: "Following 3 logs" in terminal.read())
    with project.client() as client:
        client.execute_command("BGREWRITEAOF")
    until(lambda: "node1 |" in terminal.read())
    terminal.process.send_signal(signal.SIGINT)
    assert terminal.end() == 0
    assert len(project.servers()) == 3


def test_a_reader_that_goes_away_is_no_error(project: Project) -> None:
    project.init("standalone", engine=BUNDLED.path)
    done = subprocess.run(
        ["sh", "-c", f"{COMMAND} schema | head -1"],
        capture_output=True, text=True, cwd=project.root, check=False,
    )  # fmt: skip
    assert done.stdout == "{\n"
    assert done.stderr == ""


def test_a_pipe_gets_plain_lines(project: Project) -> None:
    project.init("replication", engine=BUNDLED.path)
    done = project.run("up", check=0)
    assert "\x1b" not in done.out + done.err
    assert all(line.startswith("ok: ") for line in done.err.splitlines())


def test_json_is_one_envelope_and_progress_is_lines(project: Project) -> None:
    project.init("replication", engine=BUNDLED.path)
    done = project.run("up", "--json", check=0)
    envelope = done.json
    assert envelope["envelope"] == 1
    assert (envelope["verb"], envelope["code"], envelope["error"]) == ("up", 0, None)
    assert len(envelope["result"]["plan"]["nodes"]) == 3
    events = [json.loads(line) for line in done.err.splitlines()]
    assert {one["event"] for one in events} == {"started", "done"}
    assert project.password not in done.out + done.err


@pytest.mark.parametrize("command", spread(["plan", "verify", "status", "down"], 2))
def test_every_json_result_is_a_document(project: Project, command: str) -> None:
    project.init("cluster", "--formation", "instant", engine=BUNDLED.path)
    project.up()
    done = project.run(command, "--json", check=0)
    assert done.json["verb"] == command
    assert done.json["result"]
    assert project.password not in done.out


def test_errors_bear_the_same_envelope(project: Project) -> None:
    missing = project.run("up", "--json", check=2).json
    assert missing["error"]["hint"].startswith("create one")
    assert project.run("up", "--json", "--nonsense", check=2).json["error"]["message"]


def test_quiet_prints_nothing_but_errors(project: Project) -> None:
    project.run("init", "standalone", "--port", str(project.port), "--quiet", check=0)
    for command in ("up", "verify", "down"):
        done = project.run(command, "--quiet", check=0)
        assert (done.out, done.err) == ("", "")
    assert project.run("up", "--quiet", "--dir", "nowhere", check=2).err.startswith("Error: ")


def test_python_m_is_the_same_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "redistopo", "--version"],
        capture_output=True, text=True, check=True, cwd=Path.home(),
    )  # fmt: skip
    assert done.stdout.startswith("redistopo ")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_script_for_each_shell(project: Project, shell: str) -> None:
    project.env["_REDISTOPO_COMPLETE"] = f"{shell}_source"
    done = project.run(check=0)
    assert "redistopo" in done.out


def test_windows_is_told_to_use_wsl() -> None:
    script = "import os; from redistopo.cli.main import main; os.name = 'nt'; main()"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 4
    assert done.stderr.count("\n") == 1
    assert "WSL" in done.stderr
