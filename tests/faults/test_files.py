"""Files that are damaged, lost, moved, copied, too open or too full."""

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from support.engines import BUNDLED, ENGINES
from support.judge import roles
from support.project import COMMAND, Project
from support.waiting import until

OLDEST_AND_NEWEST = [min(ENGINES), max(ENGINES)]
"""Without and with shard ids in nodes.conf (since Redis 7.2)."""

KEPT = "{06S}kept"  # slot 0, on node1


def _write(project: Project) -> None:
    with project.client() as node:
        node.set(KEPT, "yes")


def _id(project: Project) -> str:
    with project.client() as node:
        return str(node.execute_command("CLUSTER MYID"))


@pytest.mark.fault(
    "a node's `nodes.conf` is cut in half, so that the server refuses to start",
    "the node and the file are named; `up --rebuild NODE` writes it anew from another node's, "
    "with the same id, and keeps the damaged one",
)
@pytest.mark.parametrize("engine", ENGINES)
def test_a_damaged_table(project: Project, engine: str) -> None:
    project.init("cluster", "--formation", "instant", engine=ENGINES[engine].path)
    project.up()
    _write(project)
    identity = _id(project)
    project.run("down", check=0)
    table = project.folder(1) / "nodes.conf"
    half = table.read_text()[:250]
    table.write_text(half)
    refused = project.run("up", check=1)
    assert str(table) in refused.err
    assert "redistopo up --rebuild node1" in refused.err
    assert table.read_text() == half
    assert project.servers() == []
    project.up("--rebuild", "node1")
    assert project.faults() == []
    assert _id(project) == identity
    assert (project.folder(1) / "nodes.conf.damaged").read_text() == half
    with project.client() as node:
        assert node.get(KEPT) == "yes"


@pytest.mark.fault(
    "a node's `nodes.conf` is empty or gone, and a replica took over meanwhile",
    "the node isn't started, for it would come as a stranger; `--rebuild` makes it the replica "
    "of whoever leads now",
)
@pytest.mark.parametrize("engine", OLDEST_AND_NEWEST)
def test_a_lost_table_after_a_takeover(project: Project, engine: str) -> None:
    project.init(
        "cluster", "--formation", "instant", "--node-timeout", "1000", engine=ENGINES[engine].path
    )
    project.up()
    psutil.Process(project.pid(1)).kill()
    heir = project.port + 3
    until(lambda: project.client(heir).info("replication")["role"] == "master")
    until(lambda: project.client(heir).cluster("INFO")["cluster_state"] == "ok")
    with project.client(heir) as node:
        node.set(KEPT, "newer")
    (project.folder(1) / "nodes.conf").unlink()
    refused = project.run("up", check=1)
    assert "node1 would come back as a stranger" in refused.err
    assert project.run("up", "--dry-run").code == 1
    project.up("--rebuild", "node1")
    assert project.faults() == []
    assert roles(project.ports, project.password)[project.port] == "slave"
    with project.client(heir) as node:
        assert node.get(KEPT) == "newer"


@pytest.mark.fault(
    "`--rebuild` names a node whose table is sound, that runs, or that isn't there",
    "no file is touched",
)
def test_rebuild_without_a_cause(project: Project) -> None:
    project.init("cluster", "--formation", "instant", engine=BUNDLED.path)
    project.up()
    project.run("down", check=0)
    before = (project.folder(2) / "nodes.conf").read_text()
    assert project.run("up", "--rebuild", "node9", check=2).err.count("node1, node2")
    done = project.up("--rebuild", "node2")
    assert "was not refused" in done.err
    assert "was not refused" in project.up("--rebuild", "node2").err
    assert not (project.folder(2) / "nodes.conf.damaged").exists()
    assert before.split()[0] in (project.folder(2) / "nodes.conf").read_text()


def _damage_log(project: Project, number: int) -> None:
    """Twelve bytes in the middle of a node's append-only file are garbage."""
    folder = project.folder(number)
    found = [*folder.glob("appendonlydir/*.incr.aof"), *folder.glob("appendonly.aof")]
    path = max(found, key=lambda one: one.stat().st_size)
    whole = bytearray(path.read_bytes())
    middle = len(whole) // 2
    whole[middle : middle + 12] = b"\x00\xffgarbage\x00\x01\x02"
    path.write_bytes(whole)


def _fill(project: Project, port: int) -> None:
    with project.client(port) as node:
        for number in range(50):
            node.set(f"{{06S}}{number}", number)


@pytest.mark.fault(
    "the append-only file of a replication's primary is damaged in the middle",
    "the exact file, who has a copy, and the commands are told; nothing is run or cut by itself",
)
def test_a_damaged_log_of_a_replicated_primary(project: Project) -> None:
    project.init("replication", "--replicas", "1", engine=BUNDLED.path)
    project.up()
    _fill(project, project.port)
    project.run("down", check=0)
    _damage_log(project, 1)
    failed = project.run("up", check=1)
    assert "a copy of its data is in node2" in failed.err
    assert "redistopo up --primary node2" in failed.err
    assert project.servers() == []
    folder = project.folder(1) / "appendonlydir"
    folder.rename(folder.with_name("appendonlydir.damaged"))
    project.up("--primary", "node2")
    for port in project.ports:
        with project.client(port) as node:
            assert node.get("{06S}49") == "49"


@pytest.mark.fault(
    "the append-only file of a cluster's primary is damaged in the middle",
    "the commands by which its replica leads first are told in order, so that nothing is "
    "synced from an empty primary",
)
def test_a_damaged_log_of_a_cluster(project: Project) -> None:
    project.init("cluster", "--formation", "instant", engine=BUNDLED.path)
    project.up()
    _fill(project, project.port)
    project.run("down", check=0)
    _damage_log(project, 1)
    failed = project.run("up", "--json", check=1).json["error"]
    assert "a copy of its data is in node4" in failed["detail"]
    steps = failed["hint"].partition("let node4 lead: ")[2].partition(". Or ")[0].split("; ")
    assert [step.split()[0] for step in steps][:2] == ["redistopo", "then"]
    project.run("up", "--keep", check=1)
    takeover = shlex.split(steps[1].removeprefix("then "))
    environment = {**os.environ, "REDISCLI_AUTH": project.password}
    said = subprocess.run(takeover, env=environment, capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "OK"
    aside = shlex.split(steps[2].removeprefix("once that says OK, "))
    subprocess.run(aside, check=True)
    project.up()
    assert project.faults() == []
    with project.client(project.port + 3) as node:
        assert node.get("{06S}49") == "49"


@pytest.mark.fault(
    "the append-only file of a lone server is damaged in the middle",
    "the checker's command is told, with the exact path; run by the user it mends the file, "
    "and what was written before the damage is there",
)
@pytest.mark.parametrize("engine", ENGINES)
def test_a_damaged_log_without_a_copy(project: Project, engine: str) -> None:
    project.init("standalone", engine=ENGINES[engine].path)
    project.up()
    _fill(project, project.port)
    project.run("down", check=0)
    _damage_log(project, 1)
    failed = project.run("up", "--json", check=1).json["error"]
    assert "no other node has a copy" in failed["detail"]
    command = failed["hint"].partition("what follows: ")[2]
    subprocess.run(command, shell=True, input="y\n", text=True, capture_output=True, check=True)
    project.up()
    with project.client() as node:
        assert node.get("{06S}0") == "0"


@pytest.mark.fault(
    "the project's folder is moved while its servers run",
    "status, verify, up and down work in the new place; verify tells that logs still go to the "
    "old one, and up writes the configuration for the next start",
)
def test_a_moved_folder(projects: Callable[[str], Project], tmp_path: Path) -> None:
    old = projects("old")
    old.init("cluster", "--formation", "instant", engine=BUNDLED.path)
    old.up()
    _write(old)
    old.root.rename(tmp_path / "new")
    old.root.mkdir()
    new = Project(tmp_path / "new", old.port, size=6)
    assert new.run("status", "--json", check=0).json["result"]["nodes"][0]["state"] == "ok"
    done = new.run("verify", "--json", check=0)
    warned = [one for one in done.json["result"]["findings"] if one["status"] == "warn"]
    assert {one["check"] for one in warned} == {"node.alive"}
    assert str(old.root) in warned[0]["evidence"]
    pids = sorted(process.pid for process in new.servers())
    assert "moved while they ran" in new.run("up", "--dry-run", check=0).out
    new.up()
    assert "nothing to do" in new.up().out
    assert sorted(process.pid for process in new.servers()) == pids
    assert str(old.root) not in (new.folder(1) / "redis.conf").read_text()
    assert "6 servers stopped" in new.run("down", check=0).out
    new.up()
    with new.client() as node:
        assert node.get(KEPT) == "yes"
    new.run("down", "--wipe", "--yes", check=0)


@pytest.mark.fault(
    "a running project is copied (`cp -r`), and every verb is typed in the copy",
    "the original's servers are not touched, and it stays in `ps`; the copy's `up` names who "
    "holds its ports",
)
def test_a_copy_of_a_running_project(project: Project, tmp_path: Path) -> None:
    project.init("cluster", "--formation", "instant", engine=BUNDLED.path)
    project.up()
    _write(project)
    pids = sorted(process.pid for process in project.servers())
    subprocess.run(["cp", "-r", project.root, tmp_path / "copy"], check=False)
    copy = Project(tmp_path / "copy", project.port)
    assert "Nothing was running" in copy.run("down", check=0).out
    assert copy.run("verify", "--timeout", "1s").code == 3
    assert "is held by" in copy.run("up", check=4).err
    copy.run("down", "--wipe", "--yes", check=0)
    assert sorted(process.pid for process in project.servers()) == pids
    assert project.run("verify").code == 0
    listed = project.run("ps", "--json", check=0).json["result"]["topologies"]
    assert [one["root"] for one in listed] == [str(project.root)]


@pytest.mark.fault(
    "another machine's state folder is copied over that of a running project",
    "its servers are found by their working folder, and `down` ends them",
)
def test_a_folder_copied_over_another(projects: Callable[[str], Project]) -> None:
    mine, theirs = projects("mine"), projects("theirs")
    for one in (mine, theirs):
        one.init("replication", "--replicas", "1", engine=BUNDLED.path)
        one.up()
    for number in (1, 2):
        # as of a machine with another boot
        mark = theirs.folder(number) / "process.json"
        for name in ("redis.conf", "redis.pid", "process.json"):
            shutil.copy(theirs.folder(number) / name, mine.folder(number) / name)
        told = {**json.loads(mark.read_text()), "boot": "another"}
        (mine.folder(number) / "process.json").write_text(json.dumps(told))
    shutil.copy(theirs.root / ".redistopo" / "record.json", mine.root / ".redistopo")
    assert "2 servers stopped" in mine.run("down", check=0).out
    assert mine.servers() == []
    assert len(theirs.servers()) == 2


@pytest.mark.fault(
    "the umask is 000, or 077",
    "every folder of ours is 0700 and every file 0600, also those that servers write",
)
@pytest.mark.parametrize(("umask", "persistence"), [("000", "aof"), ("000", "rdb"), ("077", "aof")])
def test_modes_under_any_umask(project: Project, umask: str, persistence: str) -> None:
    project.init("cluster", "--formation", "instant", "--persistence", persistence)
    _shell(project, f"umask {umask} && {COMMAND} up -q")
    with project.client() as node:
        node.set(KEPT, "yes")
        (node.save if persistence == "rdb" else node.bgrewriteaof)()
        until(lambda: not node.info("persistence")["aof_rewrite_in_progress"])
    project.run("verify", check=0)
    _shell(project, f"umask {umask} && {COMMAND} down -q && {COMMAND} up -q")
    state = project.root / ".redistopo"
    for path in (state, *state.rglob("*")):
        wanted = 0o700 if path.is_dir() else 0o600
        assert path.stat().st_mode & 0o777 == wanted, path
    data = "dump.rdb" if persistence == "rdb" else "appendonly*"
    assert list(project.folder(1).glob(data))


def _shell(project: Project, script: str) -> None:
    subprocess.run(["sh", "-c", script], cwd=project.root, env=project.environment(), check=True)


TOPOLOGY_DAMAGE = {
    "half": lambda text: text[: len(text) // 2] + '\nport = "',
    "garbage": lambda text: "\x00\x01[[[",
    "newer": lambda text: text.replace("format = 1", "format = 99"),
    "empty": lambda text: "",
}


@pytest.mark.fault(
    "the topology file is cut, garbage, empty, or of a newer format",
    "it is refused with what is wrong (exit 2), nothing that runs is touched, `down` works",
)
def test_a_damaged_topology_file(project: Project) -> None:
    project.init("replication", "--replicas", "1", engine=BUNDLED.path)
    project.up()
    path = project.root / "redistopo.toml"
    whole = path.read_text()
    for damage in TOPOLOGY_DAMAGE.values():
        path.write_text(damage(whole))
        for verb in ("up", "status"):
            refused = project.run(verb, check=2)
            assert "redistopo.toml" in refused.err
        assert len(project.servers()) == 2
    assert "2 servers stopped" in project.run("down", check=0).out
    path.write_text(whole)
    project.up()


@pytest.mark.fault(
    "the record is of a newer redistopo; the lock holds garbage",
    "every verb that changes something says to upgrade, and touches nothing; the lock's text "
    "is of no consequence",
)
def test_a_record_of_a_newer_format(project: Project) -> None:
    project.init("standalone", engine=BUNDLED.path)
    project.up()
    record = project.root / ".redistopo" / "record.json"
    whole = record.read_text()
    record.write_text(json.dumps({**json.loads(whole), "format": 99}))
    (project.root / ".redistopo" / "lock").write_bytes(b"\x00\xff\xfe{")
    for verb in (("up",), ("down",), ("down", "--wipe", "--yes")):
        assert "newer redistopo" in project.run(*verb, check=2).err
    assert len(project.servers()) == 1
    record.write_text(whole)
    assert "nothing to do" in project.up().out


@pytest.fixture
def disk(
    project: Project, tmp_path: Path
) -> Iterator[Callable[[str], subprocess.CompletedProcess[str]]]:
    """Runs a script in a mount namespace of its own, with the project on a small tmpfs."""

    def run(script: str) -> subprocess.CompletedProcess[str]:
        words = f"mount -t tmpfs -o size=3m tmpfs {project.root} && cd {project.root} && {script}"
        return subprocess.run(
            ["unshare", "--user", "--map-root-user", "--mount", "bash", "-c", words],
            capture_output=True, text=True, timeout=90, check=False,
            env={**project.environment(), "R": COMMAND, "PORT": str(project.port),
                 "CLI": BUNDLED.cli, "PYTHON": sys.executable},
        )  # fmt: skip

    yield run
    for process in psutil.process_iter():
        try:
            words = process.cmdline()
        except psutil.Error:
            continue
        if words and f"127.0.0.1:{project.port}" in words[0]:
            process.kill()


@pytest.mark.fault(
    "the disk fills up while the server writes its append-only file",
    "`up` and `verify` say that the disk is full; once there is space, `up` ends healthy with "
    "the data that was acknowledged",
)
def test_a_disk_that_fills_up_under_a_server(
    project: Project, disk: Callable[[str], subprocess.CompletedProcess[str]]
) -> None:
    done = disk(
        f"""$R init standalone --port $PORT --engine {BUNDLED.path} -q && $R up -q || exit 50
        export REDISCLI_AUTH=$(cat .redistopo/password)
        $CLI -p $PORT set kept yes
        dd if=/dev/zero of=fill bs=1k 2>/dev/null
        for n in $(seq 400); do
            $CLI -p $PORT set big$n $(printf %04000d $n) | grep -q MISCONF && break
        done
        $R up --timeout 3s; echo "full: $?"
        rm fill
        $R up; echo "healed: $?"
        echo "kept: $($CLI -p $PORT get kept)"
        $R down -q; $R up -q; echo "again: $($CLI -p $PORT get kept)"
        $R down"""
    )
    assert "full: 4" in done.stdout, done
    assert "disk is full" in done.stderr
    for line in ("healed: 0", "kept: yes", "again: yes", "1 server stopped"):
        assert line in done.stdout, done
    assert "Traceback" not in done.stderr


@pytest.mark.fault(
    "the disk is full when redistopo writes its record",
    "one clear error (exit 4) that names the file, nothing is left running; once there is "
    "space, `up` ends healthy with the data",
)
def test_a_full_disk_under_our_record(
    project: Project, disk: Callable[[str], subprocess.CompletedProcess[str]]
) -> None:
    done = disk(
        f"""$R init replication --replicas 1 --port $PORT --engine {BUNDLED.path} -q && $R up -q
        export REDISCLI_AUTH=$(cat .redistopo/password)
        $CLI -p $PORT set kept yes; $R down -q
        dd if=/dev/zero of=fill bs=1k 2>/dev/null
        rm .redistopo/record.json; dd if=/dev/zero of=fill2 bs=1k 2>/dev/null
        $R up; echo "full: $?"; $R down
        rm fill fill2
        $R up -q; echo "healed: $?"; echo "kept: $($CLI -p $PORT get kept)"; $R down"""
    )
    assert "full: 4" in done.stdout, done
    assert "can't write" in done.stderr
    for line in ("Nothing was running", "healed: 0", "kept: yes", "2 servers stopped"):
        assert line in done.stdout, done
    assert "Traceback" not in done.stderr


@pytest.mark.fault(
    "the project's folder is read-only",
    "`up` says so (exit 4) and starts nothing; status, plan and verify still tell what is",
)
def test_a_read_only_folder(
    project: Project, disk: Callable[[str], subprocess.CompletedProcess[str]]
) -> None:
    done = disk(
        f"""$R init replication --replicas 1 --port $PORT --engine {BUNDLED.path} -q && $R up -q
        $R down -q; mount -o remount,ro . ; cd .
        for verb in up plan status; do $R $verb >/dev/null; echo "$verb: $?"; done
        $R verify --timeout 1s; echo "verify: $?"
        mount -o remount,rw .; $R up -q; echo "healed: $?"; $R down"""
    )
    wanted = ("up: 4", "plan: 0", "status: 0", "verify: 3", "healed: 0", "2 servers stopped")
    for line in wanted:
        assert line in done.stdout, done
    assert "read-only" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.fault(
    "open files are limited to too few for redistopo, or for the `maxclients` asked for",
    "refused before anything starts, with the numbers (exit 4)",
)
@pytest.mark.parametrize(
    ("limit", "extra", "told"),
    [
        (60, (), "needs 76 open files for 6 nodes, the limit is 60"),
        (90, ("--set", "maxclients=5000"), "maxclients 5000 needs 5032 open files"),
        (9000, ("--set", "maxclients=12"), "maxclients 12 is too low, its own topology takes 15"),
    ],
)
def test_too_few_open_files(
    project: Project, limit: int, extra: tuple[str, ...], told: str
) -> None:
    project.init("cluster", "--formation", "instant", *extra, engine=BUNDLED.path)
    done = _limited(project, f"--nofile={limit}")
    assert done.returncode == 4, done
    assert told in done.stderr
    assert "ulimit -n" in done.stderr or "raise maxclients" in done.stderr
    assert project.servers() == []


@pytest.mark.fault(
    "open files are limited to fewer than the server's usual `maxclients` needs",
    "a warning with the numbers before the start; then it runs with as many as it gets",
)
def test_fewer_open_files_than_usual(project: Project) -> None:
    project.init("standalone", engine=BUNDLED.path)
    done = _limited(project, "--nofile=1000")
    assert done.returncode == 0, done
    assert "maxclients 10000 needs 10032 open files, the limit is 1000" in done.stderr
    with project.client() as node:
        left = int(node.config_get("maxclients")["maxclients"])
    assert f"lower maxclients to {left}" in done.stderr


def _limited(project: Project, limit: str) -> subprocess.CompletedProcess[str]:
    """`up` under a limit that not even root may raise, as in a container."""
    return subprocess.run(
        ["unshare", "--user", "--map-root-user", "prlimit", limit, COMMAND, "up"],
        cwd=project.root, capture_output=True, text=True, timeout=60, check=False,
        env=project.environment(),
    )  # fmt: skip


@pytest.mark.fault(
    "processes and threads are limited to fewer than the servers need",
    "refused before anything starts, with the numbers (exit 4)",
)
def test_too_few_processes(project: Project) -> None:
    user = ["prlimit", "--nproc=40"]
    if os.getuid() == 0:
        # nothing limits root's processes: here a user without any, and with root's files
        caps = "--bounding-set=-sys_resource,-sys_admin"
        user = ["setpriv", "--ruid=54321", caps, *user]
    project.init("cluster", "--formation", "instant", engine=BUNDLED.path)
    done = subprocess.run(
        [*user, COMMAND, "up"],
        cwd=project.root, capture_output=True, text=True, timeout=60, check=False,
        env=project.environment(),
    )  # fmt: skip
    assert done.returncode == 4, done
    assert "need 80 processes and threads" in done.stderr
    assert project.servers() == []
