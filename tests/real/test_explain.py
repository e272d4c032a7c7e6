"""What keeps a topology from coming up, made real: the pair, the cause and the remedy are named."""

import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from support.engines import BUNDLED, INSTALLED
from support.judge import client
from support.project import Project
from support.waiting import until

from redistopo.host.tcp import probe_port
from redistopo.model.connectivity.matrix import PortState
from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.protocol.engine import Product

SECONDS = 2


def _engine(project: Project, node: int, before: str = "", options: str = "") -> str:
    """An engine that starts one node in another way than its configuration says.

    The shell runs `before`, then becomes the server, so the process is the one that
    redistopo started.
    """
    path = project.root / "engine"
    server = shlex.quote(BUNDLED.path)
    path.write_text(
        "#!/bin/sh\n"
        f'case "$1" in */node{node}/redis.conf)\n{before}\nexec {server} "$@" {options};; esac\n'
        f'exec {server} "$@"\n'
    )
    path.chmod(0o755)
    return str(path)


@contextmanager
def _silent_listener() -> Iterator[int]:
    """A port whose connections vanish, as behind a firewall: its backlog is full."""
    with socket.socket() as listener, ExitStack() as stack:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        address = listener.getsockname()
        for _connection in range(4):
            one = stack.enter_context(socket.socket())
            one.setblocking(False)
            one.connect_ex(address)
        until(lambda: probe_port(Endpoint(*address), seconds=0.1) is PortState.SILENT)
        yield address[1]


@contextmanager
def _mute_listener() -> Iterator[int]:
    """A port that takes connections, and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@dataclass(frozen=True)
class Trouble:
    """What node2 is started with, and the words that an error about it must have."""

    shape: str
    words: tuple[str, ...]
    options: str = ""
    before: str = ""
    port: Callable[..., object] | None = None


TROUBLES = {
    "bound to another address": Trouble(
        shape="cluster",
        options="--bind 127.0.0.2",
        words=(
            "redistopo can't reach node2 (127.0.0.1:{data}, data port): connection refused",
            "bind address: node2 listens on 127.0.0.2:{data}, 127.0.0.2:{bus}, but not on",
            "redistopo restart node2, if it was set at runtime; otherwise "
            "remove bind from [redis], [nodes.node2] and your own templates",
        ),
    ),
    "announces an address where nobody is": Trouble(
        shape="cluster",
        options="--cluster-announce-ip 127.0.0.9",
        words=(
            "can't reach node2 (127.0.0.9:{bus}, bus port)",
            "announced address: node2 announces 127.0.0.9:{bus}",
            "CONFIG SET cluster-announce-ip 127.0.0.1",
        ),
    ),
    "announces a bus port of a program that doesn't speak": Trouble(
        shape="cluster",
        options="--cluster-announce-bus-port {port}",
        port=_mute_listener,
        words=(
            "can't reach node2 (127.0.0.1:{port}, bus port)",
            "which is in use by {python} (pid {pid})",
            "CONFIG SET cluster-announce-bus-port {bus}",
        ),
    ),
    "a wrong masterauth": Trouble(
        shape="replication",
        options="--masterauth wrong",
        words=(
            "node2 can't reach node1 (127.0.0.1:{first}, data port): the password is rejected",
            "password: the primary 127.0.0.1:{first} rejects node2's masterauth",
            "Unable to AUTH to {leader}",  # in the words of its log
            "redistopo restart node2, if it was set at runtime",
        ),
    ),
    "another requirepass": Trouble(
        shape="replication",
        options="--requirepass other",
        words=(
            "redistopo can't reach node2 (127.0.0.1:{data}, data port): the password is rejected",
            "password: node2 rejects redistopo's password",
            "redistopo down, then up",
        ),
    ),
    "cluster mode is off": Trouble(
        shape="cluster",
        options="--cluster-enabled no",
        words=(
            "redistopo can't reach node2 (127.0.0.1:{data}, data port): it replies, but not as",
            "cluster mode: node2 runs without cluster mode",
            "cluster-enabled no",
        ),
    ),
    "stopped before it began": Trouble(
        shape="cluster",
        before="kill -STOP $$",
        words=(
            "redistopo can't reach node2 (127.0.0.1:{data}, data port): connection refused",
            "stopped process: node2's process (pid ",
            "redistopo resume node2; if it no longer runs: redistopo up",
        ),
    ),
}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_up_names_the_pair_the_cause_and_the_remedy(project: Project, trouble: str) -> None:
    made = TROUBLES[trouble]
    with ExitStack() as stack:
        port = stack.enter_context(made.port()) if made.port else 0
        engine = _engine(project, 2, made.before, made.options.format(port=port))
        size = ("--shards", "1", "--formation", "instant") if made.shape == "cluster" else ()
        project.init(made.shape, *size, "--replicas", "1", engine=engine)
        began = time.monotonic()
        failed = project.run("up", "--timeout", f"{SECONDS}s")
        took = time.monotonic() - began
    assert failed.code in (1, 3), failed
    at = {
        "first": project.port,
        "data": project.port + 1,
        "bus": project.port + 10001,
        "port": port,
        "pid": os.getpid(),
        "python": psutil.Process().name(),
        "leader": "MASTER" if BUNDLED.product is Product.REDIS else "PRIMARY",
    }
    for word in made.words:
        assert word.format(**at) in failed.err, failed.err
    assert "from       port  node1" in failed.err
    assert "for a report: redistopo bundle" in failed.err
    assert project.password not in failed.err
    # the probes and the undoing come on top; neither may wait for those that are silent
    assert took < SECONDS + 6
    assert project.servers() == []


def test_redis_cli_that_waits_is_explained_before_the_deadline(project: Project) -> None:
    """It would wait for ever for a node that freezes just as it begins."""
    engine = _engine(project, 5)
    pidfile = project.folder(5) / "redis.pid"
    cli = project.root / "redis-cli"  # beside the server, so it is the one that is used
    cli.write_text(f'#!/bin/sh\nkill -STOP $(cat {pidfile})\nexec {BUNDLED.cli} "$@"\n')
    cli.chmod(0o755)
    project.init("cluster", "--formation", "redis-cli", engine=engine)
    done = project.run("up", "--json", "--timeout", "4s", check=1)
    told = [json.loads(line) for line in done.err.splitlines()]
    form = next(n for n, one in enumerate(told) if one["text"].startswith("form"))
    assert [one["event"] for one in told[form:]][:3] == ["started", "note", "failed"], told
    pair = f"redistopo can't reach node5 (127.0.0.1:{project.port + 4}, data port)"
    waiting = told[form + 1]["text"]
    assert waiting.startswith(f"still waiting: {pair}")
    cause = waiting.partition("probable cause: ")[2]
    assert cause.startswith("stopped process: node5's process (pid ")
    error = done.json["error"]
    assert error["kind"] == "TimedOut"
    assert f"first failing link: {pair}" in error["detail"]
    assert f"probable cause: {cause}" in error["detail"]
    assert error["hint"].startswith("redistopo resume node5;")
    *table, report = error["detail"][error["detail"].index("from  ") :].splitlines()
    assert report == "for a report: redistopo bundle"
    assert len(table) == 3  # nobody has met anybody yet
    assert max(map(len, table)) <= 78
    assert project.servers() == []


def test_a_bus_port_taken_between_plan_and_start_names_who_took_it(project: Project) -> None:
    taken = project.port + 10001
    listen = (
        "import os, socket, time; kept = socket.create_server(('127.0.0.1', "
        f"{taken})); open('taken', 'w').write(str(os.getpid())); time.sleep(60)"
    )
    script = f"{sys.executable} -c {shlex.quote(listen)} >/dev/null 2>&1 &\n"
    script += "while ! test -s taken; do :; done"
    project.init("cluster", "--formation", "instant", engine=_engine(project, 2, script))
    mark = project.folder(2) / "taken"
    try:
        failed = project.run("up", check=4)
        assert f"port {taken} is in use by " in failed.err
        assert f"(pid {mark.read_text()})" in failed.err
        assert "stop the program" in failed.err
        assert project.servers() == []
    finally:
        stranger = psutil.Process(int(mark.read_text()))
        stranger.kill()
        until(lambda: not stranger.is_running() or stranger.status() == psutil.STATUS_ZOMBIE)


def test_a_node_of_another_cluster_is_told_of(projects: Callable[[str], Project]) -> None:
    """Its table is one of another cluster, whose nodes it goes on to look for."""
    mine, other = projects("mine"), projects("other")
    other.init("cluster", "--shards", "1", "--formation", "instant", engine=BUNDLED.path)
    other.up()
    other.run("down", check=0)
    table = other.folder(1) / "nodes.conf"
    engine = _engine(mine, 2, options=f"--cluster-config-file {table}")
    mine.init("cluster", "--shards", "1", "--formation", "instant", engine=engine)
    failed = mine.run("up", "--timeout", f"{SECONDS}s", check=1)
    assert (
        f"another cluster: node2 is a node of another cluster, with 127.0.0.1:{other.port + 1}"
        in (failed.err)
    )
    assert "redistopo reset node2 --hard; redistopo up" in failed.err
    assert mine.servers() == []


def _paused(project: Project) -> None:
    psutil.Process(project.pid(2)).suspend()


def _wrong_masterauth(project: Project) -> None:
    with project.client(project.port + 1) as node:
        node.config_set("masterauth", "wrong")
        node.execute_command("CLIENT KILL TYPE master")


def _wrong_announcement(project: Project) -> None:
    with project.client(project.port + 1) as node:
        node.config_set("cluster-announce-ip", "127.0.0.9")
    with project.client() as first:
        until(lambda: "127.0.0.9" in str(first.execute_command("CLUSTER NODES")))
        until(lambda: "False" in str(first.execute_command("CLUSTER NODES")))  # connected


def _stranger(project: Project) -> None:
    with project.client() as node:
        node.execute_command("CLUSTER MEET", "127.0.0.1", project.port + 12)


Fault = Callable[[Project], None]

LATER: dict[str, tuple[Fault, str, str, str]] = {
    "paused": (_paused, "node.alive", "is paused (SIGSTOP)", "redistopo resume node2"),
    "masterauth": (_wrong_masterauth, "replication.link", "node2's masterauth", "masterauth"),
    "announced": (_wrong_announcement, "cluster.links", "127.0.0.9:", "cluster-announce-ip"),
    "stranger": (_stranger, "cluster.members", "which is not a node of this", "CLUSTER FORGET"),
}


@pytest.mark.parametrize("fault", LATER)
def test_verify_tells_the_cause_with_the_check_that_fails(project: Project, fault: str) -> None:
    # a stranger that nobody answers for is known for as long as the node timeout
    size = ("--shards", "1", "--replicas", "1", "--node-timeout", "15000")
    project.init("cluster", *size, "--formation", "instant", engine=BUNDLED.path)
    project.up()
    make, check, evidence, remedy = LATER[fault]
    make(project)
    done = project.run("verify", "--json", "--timeout", "1s", check=3)
    found = [one for one in done.json["result"]["findings"] if one["check"] == check]
    failed = [one for one in found if one["status"] == "fail"]
    assert any(evidence in one["evidence"] and remedy in one["hint"] for one in failed), failed
    assert done.json["result"]["reach"]["causes"]
    assert project.password not in done.out


def test_a_healthy_topology_has_nothing_to_explain(project: Project) -> None:
    project.init("replication", engine=BUNDLED.path)
    project.up()
    done = project.run("verify", "--json", check=0)
    assert done.json["result"]["reach"] is None


@contextmanager
def _server(path: str, folder: Path, port: int, *options: str) -> Iterator[None]:
    """A server by hand, none of redistopo's."""
    folder.mkdir()
    words = [path, "--port", str(port), "--bind", "127.0.0.1", "--save", "", *options]
    process = subprocess.Popen(words, cwd=folder, stdout=subprocess.DEVNULL)
    try:
        until(lambda: probe_port(Endpoint("127.0.0.1", port)) is PortState.OK)
        yield
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


def test_a_replica_older_than_its_primary_is_told_of(project: Project) -> None:
    found = {str(one.version)[:3]: one.path for one in INSTALLED.values() if one.product == "redis"}
    if not {"6.2", "8.2"} <= set(found):
        return  # no wheels for this Python or platform; test_engines tells which must be there
    first, second = project.port, project.port + 1
    with (
        _server(found["8.2"], project.root / "new", first),
        _server(found["6.2"], project.root / "old", second, "--replicaof", "127.0.0.1", str(first)),
    ):
        with client(second) as old:
            until(lambda: old.info("replication")["master_link_status"] == "down")
        done = project.run("verify", "--connect", f"127.0.0.1:{second}", "--timeout", "1s", check=3)
    assert f"127.0.0.1:{second} runs Redis 6.2.14 and can't load the data" in done.out
    assert f"run 127.0.0.1:{second} with Redis 8.2.3 or newer" in done.out
    assert f"from       port  :{first}  :{second}\n" in done.out


def test_a_primary_behind_a_firewall_is_told_of(project: Project) -> None:
    port = project.port
    with (
        _silent_listener() as silent,
        _server(
            BUNDLED.path, project.root / "by-hand", port, "--replicaof", "127.0.0.1", str(silent)
        ),
    ):
        done = project.run("verify", "--connect", f"127.0.0.1:{port}", "--timeout", "1s", check=3)
    assert f"firewall: connections to 127.0.0.1:{silent} (the data port" in done.out
    assert f"sudo ufw allow proto tcp to 127.0.0.1 port {silent}" in done.out
