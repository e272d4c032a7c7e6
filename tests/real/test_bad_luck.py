"""Bad luck while starting: one clear message, the documented exit code, nothing left running."""

import json
import os
import re
import shutil
import signal
import socket
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from support.apart import apart
from support.editing import edit
from support.engines import BUNDLED, INSTALLED
from support.forms import FULL, spread
from support.judge import client
from support.kept import keep, kept
from support.project import Project
from support.steps import reach
from support.strangers import stranger
from support.waiting import until

from redistopo.model.protocol.engine import Engine

STEPS = {
    "write": "instant",
    "seed": "instant",
    "start": "instant",
    "form": "redis-cli",
    "wait": "redis-cli",
    "verify": "instant",
}
BEGINS = {"seed": "write the initial nodes.conf"}


@pytest.mark.fault(
    "Ctrl-C or SIGTERM in any step of `up`",
    "exit 130; the servers that this run started are stopped, the next `up` finishes healthy",
)
@pytest.mark.parametrize(
    ("step", "number"),
    [
        (step, number)
        for step in STEPS
        for number in (signal.SIGINT, signal.SIGTERM)
        if FULL or number is signal.SIGINT or step == "form"
    ],
    ids=lambda one: getattr(one, "name", one),
)
def test_ctrl_c_in_each_step_undoes_it(project: Project, step: str, number: signal.Signals) -> None:
    project.init("cluster", "--formation", STEPS[step], engine=BUNDLED.path)
    up = project.begin("up", "--json")
    assert up.stderr is not None
    wanted = BEGINS.get(step, step)
    for line in up.stderr:
        told = json.loads(line)
        if told["event"] == "started" and told["text"].startswith(wanted):
            break
    else:
        pytest.fail(f"it ended before {wanted!r}: {up.communicate(timeout=60)[0]}")
    up.send_signal(number)
    out, _err = up.communicate(timeout=60)
    if up.returncode == 0:
        # the signal came after the last step; then the topology must be whole
        assert step == "verify"
        return
    assert up.returncode == 130, out
    assert json.loads(out)["error"]["kind"] == "Interrupted"
    assert project.servers() == []
    project.up()
    assert project.faults() == []


@pytest.mark.fault(
    "a data port or a bus port is in use",
    "the process is named, and the next free block of ports; nothing is started",
)
@pytest.mark.parametrize("offset", [1, 10001], ids=["data port", "bus port"])
def test_a_busy_port_names_its_holder_and_the_next_free_block(
    project: Project, offset: int
) -> None:
    project.init("cluster", engine=BUNDLED.path)
    with socket.create_server(("127.0.0.1", project.port + offset)):
        failed = project.run("up", check=4)
        assert f"port {project.port + offset} is in use by" in failed.err
        assert f"(pid {os.getpid()})" in failed.err
        assert "set port = " in failed.err
    assert project.servers() == []
    project.up()


def test_init_passes_over_a_busy_block_and_says_why(project: Project) -> None:
    chosen = project.run("init", "replication", "--json", check=0).json
    first = chosen["result"]["ports"]["first"]
    (project.root / "redistopo.toml").unlink()
    with socket.create_server(("127.0.0.1", first + 1)):
        done = project.run("init", "replication", check=0)
        said = re.search(r"since port (\d+) \(of \S+\) is busy", done.err)
    # the first block that it passed over is named: another program's, where one is below ours
    assert said is not None, done
    assert int(said[1]) <= first + 1
    written = re.search(r"^port = (\d+)$", (project.root / "redistopo.toml").read_text(), re.M)
    assert written is not None
    assert int(written[1]) > first + 1


def test_init_keeps_off_the_ports_of_a_stopped_topology(
    projects: Callable[[str], Project],
) -> None:
    mine, other = projects("mine"), projects("other")
    mine.init("standalone", engine=BUNDLED.path)
    mine.up()
    mine.run("down", check=0)
    path = other.root / "redistopo.toml"
    done = other.run("init", "standalone", "--port", str(mine.port), check=0)
    assert "reserved by your topology" in done.err
    path.unlink()


@pytest.mark.parametrize(
    ("engine", "says"),
    [
        (INSTALLED["valkey-8.1.8"], "Bad directive"),
        (INSTALLED["redis-8.2.3"], "Module Configuration detected"),
    ],
    ids=["Valkey 8.1", "Redis 8.2"],
)
def test_a_bad_directive_shows_redis_own_line(project: Project, engine: Engine, says: str) -> None:
    project.init("cluster", "--set", "maxmemory-polcy=allkeys-lru", engine=engine.path)
    failed = project.run("up", check=2)
    assert "doesn't start with the configuration of node1" in failed.err
    assert "maxmemory-polcy allkeys-lru" in failed.err
    assert says in failed.err
    assert "correct that in redistopo.toml, then: redistopo up" in failed.err
    assert project.servers() == []


@pytest.mark.fault(
    "a node is paused (SIGSTOP) during the formation of the cluster",
    "`up` fails at its deadline and names the node; the servers that it started are stopped",
)
def test_a_node_that_freezes_during_formation_is_named(project: Project) -> None:
    project.init("cluster", "--formation", "redis-cli", engine=BUNDLED.path)
    up = project.begin("up", "--timeout", "8s", "--json")
    reach(up, "form")
    frozen = next(process for process in project.servers() if Path(process.cwd()).name == "node5")
    frozen.suspend()
    out, err = up.communicate(timeout=60)
    assert up.returncode in (1, 3), (out, err)
    assert "node5" in out
    assert project.servers() == []


@pytest.mark.fault(
    "the disk is full at the first `up`",
    "one clear error (exit 4), nothing is left running",
)
@pytest.mark.parametrize("size", spread(["16k", "128k", "256k"], 2))
def test_a_full_disk_is_one_clear_error(project: Project, tmp_path: Path, size: str) -> None:
    """At 16k our own files don't fit; at 256k they do, but what Redis logs doesn't."""
    disk = tmp_path / "disk"
    disk.mkdir()
    # a mount of its own, in a namespace of its own: it is gone with the command
    script = (
        f"mount -t tmpfs -o size={size} tmpfs {disk} && cd {disk} && "
        f"{project.command} init cluster --port {project.port} --formation instant "
        f"--engine {BUNDLED.path} && {project.command} up --timeout 20s"
    )
    done = apart(project, "--mount", "sh", "-c", script)
    assert done.returncode == 4, done
    assert "No space left" in done.stderr or "disk is full" in done.stderr
    assert "Traceback" not in done.stderr
    listening = {c.laddr.port for c in psutil.net_connections() if c.status == "LISTEN"}
    assert not listening & set(range(project.port, project.port + 6))


@pytest.mark.fault(
    "the folder is not writable",
    "`init` reports why and what to do (exit 4)",
)
def test_a_folder_that_cannot_be_written(project: Project) -> None:
    """Below a file no folder can be made, not even by root."""
    (project.root / "file").write_text("")
    failed = project.run("init", "cluster", "--dir", "file/below", check=4)
    assert "can't" in failed.err
    script = (
        f"mount -t tmpfs -o ro tmpfs {project.root} && cd {project.root} && "
        f"{project.command} init cluster"
    )
    done = apart(project, "--mount", "sh", "-c", script)
    assert done.returncode == 4, done
    assert "read-only" in done.stderr


@pytest.mark.fault(
    "a recorded pid now belongs to another process",
    "that process never gets a signal; `up` starts the node again",
)
def test_a_recorded_pid_of_another_process(project: Project) -> None:
    project.init("standalone", engine=BUNDLED.path)
    project.up()
    mark = project.folder(1) / "process.json"
    told = json.loads(mark.read_text())
    with stranger() as other:
        psutil.Process(told["pid"]).kill()
        until(lambda: not project.servers())
        mark.write_text(json.dumps({**told, "pid": other.pid}))
        assert "Nothing was running" in project.run("down", check=0).out
        project.up()
        project.run("down", check=0)


@pytest.mark.fault(
    "the state, a process mark or the lock file is truncated, garbage or empty",
    "`up` and `down` work; no server and no data is lost",
)
@pytest.mark.parametrize("name", spread(["record.json", "lock", "nodes/node1/process.json"], 2))
@pytest.mark.parametrize("damage", spread(["half", "garbage", "empty"], 1))
def test_a_damaged_record_loses_nothing(project: Project, name: str, damage: str) -> None:
    project.init("replication", engine=BUNDLED.path)
    project.up()
    keep(project)
    path = project.root / ".redistopo" / name
    whole = path.read_bytes()
    path.write_bytes(
        {"half": whole[: len(whole) // 2], "garbage": b"\x00\xff{", "empty": b""}[damage]
    )
    project.up()
    assert kept(project) == "yes"
    assert len(project.servers()) == 3
    project.run("down", check=0)
    assert project.servers() == []


@pytest.mark.fault(
    "the state of a stopped cluster is damaged",
    "recreated from the files of the nodes; the data is there",
)
def test_a_damaged_record_of_a_cluster_loses_nothing(project: Project) -> None:
    project.init("cluster", "--formation", "instant", engine=BUNDLED.path)
    project.up()
    keep(project)
    project.run("down", check=0)
    (project.root / ".redistopo" / "record.json").write_text('{"id": ')
    project.up()
    assert project.faults() == []
    assert kept(project) == "yes"


def test_a_password_file_that_cannot_be_read(project: Project) -> None:
    project.init("standalone", engine=BUNDLED.path)
    edit(project, '# password_file = ""', 'password_file = "secret"')
    missing = project.run("up", check=4)
    assert "secret doesn't exist" in missing.err
    (project.root / "secret").mkdir()
    unreadable = project.run("up", check=4)
    assert "can't read" in unreadable.err
    (project.root / "secret").rmdir()
    (project.root / "secret").write_text("from the file\n")
    project.up()
    with client(project.port, "from the file") as node:
        assert node.ping()


@pytest.mark.fault(
    "the home folder is not writable",
    "a warning: `ps` in other folders will not list this topology",
)
def test_no_home_folder(project: Project) -> None:
    project.env = {
        "HOME": "/proc/nobody",
        "XDG_STATE_HOME": "/proc/nowhere",
        "TMPDIR": str(project.root),
    }
    project.init("standalone", engine=BUNDLED.path)
    done = project.up()
    assert "won't list this topology" in done.err


@pytest.mark.fault(
    "a server is paused (SIGSTOP) at `down`",
    "it is resumed, so that it saves its data and exits",
)
def test_a_server_that_ignores_shutdown_and_sigterm_is_killed(project: Project) -> None:
    """A stopped process can't save itself; it is continued first, and ends kindly."""
    project.init("replication", engine=BUNDLED.path)
    project.up()
    psutil.Process(project.pid(2)).suspend()
    done = project.run("down", "--timeout", "10s", check=0)
    assert "3 servers stopped" in done.out
    assert project.servers() == []


@pytest.mark.fault(
    "the state folder has no marker of redistopo",
    "`down --wipe` deletes nothing",
)
def test_wipe_spares_a_folder_that_is_not_ours(project: Project) -> None:
    project.init("standalone", engine=BUNDLED.path)
    project.up()
    project.run("down", check=0)
    (project.root / ".redistopo" / "MARKER").unlink()
    project.run("down", "--wipe", "--yes")
    assert (project.folder(1) / "redis.conf").exists()
    shutil.rmtree(project.root / ".redistopo")
