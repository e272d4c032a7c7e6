"""Ephemeral servers end with their owner, whatever ends it; judged by the process table and ports.

The gate kills the owner a few times, `TESTS_FULL=1` fifty times.
"""

import os
import signal
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from support.programs import Programs
from support.project import processes_below
from support.waiting import until

from redistopo.host.all_processes import all_processes

ROUNDS = 50 if os.environ.get("TESTS_FULL") else 5
SECONDS = 2.0
"""How long a server may outlive its owner."""

LONGEST = 3.0
"""The start of a topology and its use are killed at moments up to this."""

USE = """
import redistopo, sys, time
with redistopo.cluster(3, 1, node_timeout=1000) as topology:
    print(topology.nodes[0].port, flush=True)
    while True:
        topology.kill("node4")
        topology.up()
        topology.restart("node5")
"""

IDLE = """
import os, redistopo, signal, sys, time
with redistopo.replication(1) as topology:
    print(*(node.port for node in topology.nodes), flush=True)
    {body}
"""

ENDS = {
    "an exception": "raise KeyError('of the body')",
    "sys.exit": "sys.exit(3)",
    "os._exit": "os._exit(4)",
    "SIGTERM": "os.kill(os.getpid(), signal.SIGTERM); time.sleep(60)",
    "SIGKILL": "os.kill(os.getpid(), signal.SIGKILL)",
    "a crash": "os.abort()",
    "SIGKILL while a forked process lives on": (
        "os.fork() or (os.close(1), os.close(2), time.sleep(30), os._exit(0))\n"
        "    os.kill(os.getpid(), signal.SIGKILL)"
    ),
    "SIGKILL with a paused server": "topology.pause('node2'); os.kill(os.getpid(), signal.SIGKILL)",
}


@pytest.fixture
def programs(tmp_path_factory: pytest.TempPathFactory) -> Programs:
    return Programs(tmp_path_factory.mktemp("owner"))


def _listening(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.5):
        return True
    return False


def _gone(programs: Programs, ended: float) -> None:
    """Nothing of its topologies runs 2 s after the owner's end, and no folder is left a moment
    later."""
    last = ended
    while programs.servers() and last - ended < 30:
        last = time.monotonic()
    assert last - ended < SECONDS, "a server outlived its owner"
    until(lambda: not programs.folders and not programs.watchers(), 20)
    assert programs.servers() == []


def _end_forks(programs: Programs, owner: int) -> None:
    for process in all_processes():
        with suppress(psutil.Error):
            if process.cwd() == str(programs.root) and process.pid != owner:
                process.kill()


@pytest.mark.parametrize("how", ENDS)
def test_servers_end_with_their_owner(programs: Programs, how: str) -> None:
    with programs.begin(IDLE.format(body=ENDS[how])) as owner:
        try:
            ports = [int(text) for text in owner.stdout.readline().split()] if owner.stdout else []
            assert len(ports) == 2
            owner.wait(60)
            _gone(programs, time.monotonic())
            assert not any(map(_listening, ports))
        finally:
            _end_forks(programs, owner.pid)


@pytest.mark.parametrize("number", range(ROUNDS))
@pytest.mark.fault(
    "the program that owns an ephemeral topology gets SIGKILL, at any moment of start and use",
    "its watcher ends the servers within 2 seconds and removes the folder",
)
def test_no_server_outlives_an_owner_that_is_killed_at_any_moment(
    programs: Programs, number: int
) -> None:
    moment = LONGEST * (number + 0.5) / ROUNDS
    with programs.begin(USE) as owner:
        with suppress(subprocess.TimeoutExpired):
            owner.wait(moment)
        assert owner.poll() is None, owner.communicate()
        owner.send_signal(signal.SIGKILL)
        owner.wait(30)
        _gone(programs, time.monotonic())


def test_a_watcher_is_small_and_out_of_reach_of_ctrl_c(programs: Programs) -> None:
    with programs.begin(IDLE.format(body="time.sleep(60)")) as owner:
        assert owner.stdout
        assert owner.stdout.readline()
        (watcher,) = programs.watchers()
        assert watcher.memory_info().rss < 12 * 2**20
        assert os.getsid(watcher.pid) == watcher.pid
        assert watcher.environ() == {}
        for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
            watcher.send_signal(number)
        owner.send_signal(signal.SIGINT)
        owner.wait(30)
        _gone(programs, time.monotonic())


def test_what_a_power_cut_leaves_is_swept_by_the_next_use(programs: Programs) -> None:
    with programs.begin(IDLE.format(body="time.sleep(60)")) as owner:
        assert owner.stdout
        assert owner.stdout.readline()
        for one in programs.watchers():
            one.kill()
        until(lambda: not programs.watchers())
        owner.kill()
        owner.wait(30)
    assert len(programs.servers()) == 2  # nothing watched
    assert len(programs.folders) == 1
    done = programs.run("import redistopo\nwith redistopo.standalone(): pass")
    assert (done.code, done.err) == (0, "")
    assert programs.servers() == []
    assert programs.folders == []


def test_what_belongs_to_others_is_not_swept(programs: Programs, tmp_path: Path) -> None:
    """A link, a folder without our marker, that of a living owner, and a server beside it."""
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "kept").write_text("1")
    with programs.begin(IDLE.format(body="time.sleep(60)")) as owner:
        assert owner.stdout
        assert owner.stdout.readline()
        (folder,) = programs.folders
        (folder.parent / "link").symlink_to(victim)
        (folder.parent / "foreign").mkdir()
        (folder.parent / "foreign" / "kept").write_text("1")
        (folder / ".redistopo" / "nodes" / "node9").symlink_to(victim)
        (folder / "outside").symlink_to(victim)
        with subprocess.Popen(
            ["sleep", "60"], cwd=folder / ".redistopo" / "nodes" / "node1"
        ) as own:
            done = programs.run("import redistopo\nwith redistopo.standalone(): pass")
            assert (done.code, done.err) == (0, "")
            assert len(processes_below(folder)) == 2
            owner.kill()
            owner.wait(30)
            until(lambda: not processes_below(folder), 20)
            assert own.poll() is None  # it only stands in a node's folder
            own.kill()
    until(lambda: not folder.exists(), 20)
    assert (victim / "kept").read_text() == "1"
    assert {path.name for path in folder.parent.iterdir()} == {"link", "foreign"}
    assert (folder.parent / "foreign" / "kept").read_text() == "1"
