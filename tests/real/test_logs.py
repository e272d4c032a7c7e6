"""`logs`: what the servers wrote, in order, selected, without secrets, whatever else is broken."""

import json
import signal
import subprocess
from pathlib import Path

import psutil
import pytest
from support import judge
from support.engines import BUNDLED, ENGINES, INSTALLED
from support.forked import FORKER
from support.project import Project
from support.waiting import until

from redistopo.model.protocol.engine import Product

STAMPED = {"legacy": "legacy", "logfmt": "milliseconds"}


def _nodes(out: str) -> set[str]:
    return {line.split()[0] for line in out.splitlines()}


def test_all_nodes_in_the_order_of_time(project: Project) -> None:
    project.init("replication", engine=BUNDLED.path)
    project.up()
    for port in project.ports:  # a replica still writes its log anew, and says so in this one
        with project.client(port) as node:
            judge.await_written(node)
    done = project.run("logs", check=0)
    assert _nodes(done.out) == {"node1", "node2", "node3"}
    assert "\x1b" not in done.out
    assert "redistopo starts this server" not in done.out
    told = [json.loads(line) for line in project.run("logs", "--json", check=0).out.splitlines()]
    assert {one["node"] for one in told} == {"node1", "node2", "node3"}
    assert [one["at"] for one in told] == sorted(one["at"] for one in told)
    # nothing is left out: each line of each log is there, in its own order; servers may have
    # written more since
    for number in (1, 2, 3):
        log = (project.folder(number) / "redis.log").read_text().splitlines()
        mine = [one["text"].split("\n") for one in told if one["node"] == f"node{number}"]
        lines = [line for text in mine for line in text]
        assert len(lines) > 10
        assert lines == log[1 : len(lines) + 1]
    # selected
    assert _nodes(project.run("logs", "replica", check=0).out) == {"node2", "node3"}
    assert len(project.run("logs", "node1", "--tail", "2", check=0).out.splitlines()) == 2
    found = project.run("logs", "--grep", "ready to accept|Ready to ", check=0).out.splitlines()
    assert len(found) == 3
    assert "is no regular expression" in project.run("logs", "--grep", "(", check=2).err
    assert "is not a node" in project.run("logs", "node9", "--json", check=2).out
    assert "is not a duration" in project.run("logs", "--since", "soon", check=2).err
    old = "1:M 01 Jan 2020 09:00:00.000 * long ago\n"
    log = project.folder(1) / "redis.log"
    log.write_text(old + log.read_text())
    assert "long ago" in project.run("logs", "--tail", "1000", check=0).out
    assert "long ago" not in project.run("logs", "--since", "1h", check=0).out


@pytest.mark.parametrize("log_format", STAMPED)
def test_other_formats_of_valkey(project: Project, log_format: str) -> None:
    known = [*ENGINES.values(), *INSTALLED.values()]
    valkey = max(
        (one for one in known if one.product is Product.VALKEY), key=lambda one: one.version
    )
    project.init("standalone", engine=valkey.path)
    topology = project.root / "redistopo.toml"
    stamp = STAMPED[log_format] if log_format == "logfmt" else "iso8601"
    directives = f'log-format = "{log_format}"\nlog-timestamp-format = "{stamp}"\n'
    text = topology.read_text()
    topology.write_text(text.replace("[redis]\n", f"[redis]\n{directives}"))
    assert directives in topology.read_text()
    project.up()
    told = [json.loads(line) for line in project.run("logs", "--json", check=0).out.splitlines()]
    assert all(one["at"] for one in told)
    assert len(project.run("logs", "--since", "5m", check=0).out.splitlines()) == len(told)


def test_with_servers_down_and_without_a_valid_file(project: Project) -> None:
    assert "there is no redistopo.toml" in project.run("logs", check=2).err
    project.init("replication", engine=BUNDLED.path)
    assert "nothing was started" in project.run("logs", check=1).err
    project.up()
    project.run("down", check=0)
    (project.root / "redistopo.toml").write_text("this is = no [topology")
    done = project.run("logs", "node2", "--tail", "1", check=0)
    assert "bye bye" in done.out
    assert len(project.run("logs", str(project.port), "--tail", "3").out.splitlines()) == 3


def test_a_secret_that_a_server_printed_is_left_out(project: Project) -> None:
    project.init("standalone", engine=BUNDLED.path)
    project.up()
    with (project.folder(1) / "redis.log").open("a") as log:
        log.write(f">>> 'requirepass \"{project.password}\"'\nprimaryauth other-word\n")
    for words in ([], ["--json"]):
        said = project.run("logs", *words, check=0).out
        assert project.password not in said
        assert "other-word" not in said
        assert "requirepass" in said


def _holds(pid: int, path: Path) -> bool:
    return any(one.path == str(path) for one in psutil.Process(pid).open_files())


def test_followed_across_rotation_and_nodes_that_start_later(project: Project) -> None:
    project.init("replication", engine=BUNDLED.path)
    project.up()
    project.run("stop", "node3", check=0)
    process = project.begin("logs", "-f", "--tail", "0")
    lines: list[str] = []
    log = project.folder(1) / "redis.log"

    def seen(word: str) -> None:
        assert process.stdout is not None
        while not any(word in line for line in lines):
            lines.append(process.stdout.readline())
            assert lines[-1], f"ended before {word}: {lines}"

    def wrote(text: str) -> None:
        with log.open("a") as file:
            file.write(f"{text}\n")

    until(lambda: _holds(process.pid, log), 30, "it follows")
    wrote("before the rotation")
    seen("node1 | before the rotation")
    log.rename(log.with_suffix(".1"))
    wrote("after the rotation")
    seen("node1 | after the rotation")
    log.write_text("cut\n")
    seen("node1 | cut")
    project.run("start", "node3", check=0)
    seen("node3 | ")
    process.send_signal(signal.SIGINT)
    _out, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert err == ""
    assert len(project.servers()) == 3


def test_a_reader_that_goes_away_is_no_error(project: Project) -> None:
    project.init("standalone", engine=BUNDLED.path)
    project.up()
    with (project.folder(1) / "redis.log").open("a") as log:
        log.writelines(f"a line more, {number}\n" for number in range(20000))
    done = subprocess.run(
        ["bash", "-c", f"{FORKER.put_into(project.root)} logs | head -1; echo ${{PIPESTATUS[0]}}"],
        capture_output=True, text=True, cwd=project.root, check=False,
    )  # fmt: skip
    assert done.stdout.splitlines()[-1] == "0"
    assert done.stderr == ""


def test_a_log_that_cannot_be_read_is_named_not_called_output(project: Project) -> None:
    project.init("standalone", engine=BUNDLED.path)
    project.up()
    project.run("down", check=0)
    log = project.folder(1) / "redis.log"
    log.rename(log.with_suffix(".kept"))
    log.mkdir()  # root may read any file, but no folder as one
    said = project.run("logs", check=1).err
    assert f"can't use {log}" in said
    assert "output" not in said
