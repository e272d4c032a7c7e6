"""`doctor` on real servers: each trouble is made, named with its remedy, and mended by it."""

import fcntl
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from support.byhand import listening
from support.engines import BUNDLED, INSTALLED
from support.findings import found_in, only
from support.project import Project
from support.remedies import type_line
from support.typed_record import RECORDER
from support.waiting import until

QUICK = ("--json", "--timeout", "200ms")


def test_a_machine_alone_is_looked_at_without_a_topology(project: Project) -> None:
    done = project.run("doctor", "--json", check=0)
    result = done.json["result"]
    assert done.json["verb"] == "doctor"
    assert set(result) == {"findings", "fixes", "topology", "started", "mended"}
    assert result["started"] == "no topology file"
    assert {"check", "subject", "status", "evidence", "hint", "settles", "because_of"} == set(
        result["findings"][0]
    )
    assert only(done, "machine.server", "ok")["evidence"]
    assert "only this machine was checked" in only(done, "topology.runs", "skip")["evidence"]
    assert all(one["hint"] for one in result["findings"] if one["status"] in ("warn", "fail"))
    assert not any(Path(project.root).iterdir())  # nothing was made

    (project.root / "redistopo.toml").write_text('shape = "hexagon"\n')
    broken = project.run("doctor", "--json", check=3)
    assert "hexagon" in only(broken, "topology.runs", "fail")["evidence"]


def test_a_vulnerable_server_names_a_later_one_here_that_up_then_uses(project: Project) -> None:
    """Of these engines, Valkey 9.1.2 has no known vulnerability, and Valkey 8.1.8 has one."""
    old = INSTALLED["valkey-8.1.8"]
    project.init("standalone", engine=old.path)
    found = found_in(project.run("doctor", "--json"), "machine.vulnerable", "warn")
    told = next(one for one in found if one["evidence"].startswith(old.title))
    assert "only programs on this machine reach it, and need the password" in told["evidence"]
    engine = told["hint"].partition('engine = "')[2].partition('"')[0]
    RECORDER.types(f'engine = "{engine}"')
    path = project.root / "redistopo.toml"
    path.write_text(path.read_text().replace(old.path, engine))
    project.up()
    assert project.client().info("server")["valkey_version"].startswith("9.")


def test_who_holds_a_port_is_named(project: Project) -> None:
    project.init("cluster")
    before = project.run("doctor", "--json")
    assert f"{project.port}-{project.port + 5}" in only(before, "ports.free", "ok")["evidence"]
    (project.root / "tls.conf").write_text(f"port 0\ntls-port {project.port + 10001}\n")
    still = project.run("doctor", "--json", "--config", "tls.conf")
    assert "nothing runs at" in only(still, "config.running", "warn")["evidence"]
    with socket.create_server(("127.0.0.1", project.port + 10001)):
        done = project.run("doctor", "--json", "--config", "tls.conf", check=3)
        told = only(done, "ports.free", "fail")
        assert only(done, "config.running", "warn")["evidence"].endswith("unlike the file")
    assert re.search(rf"bus port {project.port + 10001} is in use by \S+ \(pid {os.getpid()}\)",
                     told["evidence"])  # fmt: skip
    assert str(os.getpid()) in told["hint"]


def test_replication_that_would_break_is_named_and_a_frozen_node_costs_seconds(
    project: Project,
) -> None:
    project.init("replication")
    project.up()
    assert not found_in(project.run("doctor", "--json", check=0), "replication.password", "fail")
    with project.client(project.port + 1) as replica:
        replica.config_set("masterauth", "not-the-password")
        replica.config_set("repl-timeout", 5)
    told = project.run("doctor", *QUICK, check=3)
    assert (
        "could not replicate node1, node3" in only(told, "replication.password", "fail")["evidence"]
    )
    assert "repl-timeout 5 s isn't above" in only(told, "replication.timeouts", "fail")["evidence"]
    project.env["REDISTOPO_PASSWORD"] = project.password
    elsewhere = project.run("doctor", "--connect", f"127.0.0.1:{project.port}", *QUICK, check=3)
    hint = only(elsewhere, "replication.password", "fail")["hint"]
    assert f"redis-cli -h 127.0.0.1 -p {project.port + 1} CONFIG SET masterauth" in hint
    for done in (told, elsewhere):
        assert project.password not in done.out
        assert "not-the-password" not in done.out
    del project.env["REDISTOPO_PASSWORD"]
    project.up()  # the remedy of the one, and that of the other:
    project.run(*only(told, "replication.timeouts", "fail")["hint"].split()[1:], check=0)
    assert not found_in(project.run("doctor", "--json", check=0), "replication.password", "fail")

    frozen = psutil.Process(project.pid(3))
    frozen.send_signal(signal.SIGSTOP)
    began = time.monotonic()
    held = project.run("doctor", *QUICK, check=3)
    assert time.monotonic() - began < 20
    assert [one["command"] for one in held.json["result"]["fixes"]] == ["redistopo resume node3"]
    # without a terminal nobody can be asked, so nothing is resumed
    assert project.run("doctor", "--fix", *QUICK, check=3).json["result"]["mended"] == []
    unasked = project.run("doctor", "--fix", *QUICK[1:], check=3).out
    assert "because not confirmed (--yes confirms all):\n  redistopo resume node3" in unasked
    mended = project.run("doctor", "--fix", "--yes", "--json", check=0)
    assert [one["done"] for one in mended.json["result"]["mended"]] == [True]
    assert frozen.status() != psutil.STATUS_STOPPED
    assert "redistopo resume node3" in mended.err  # told before it was done


def test_small_output_buffers_of_replicas_are_set_as_it_is_printed(project: Project) -> None:
    project.init("replication", "--replicas", "1")
    project.up()
    nodes = [project.client(port) for port in project.ports]
    for node in nodes:
        node.config_set("repl-backlog-size", "4mb")
        node.config_set("client-output-buffer-limit", "replica 1mb 1mb 60")
    told = found_in(project.run("doctor", *QUICK), "replication.buffers", "warn")
    type_line(project, told[0]["hint"])
    for node in nodes:
        words = node.config_get("client-output-buffer-limit").popitem()[1].split()
        at = words.index("slave" if "slave" in words else "replica")
        assert min(map(int, words[at + 1 : at + 3])) >= 4 << 20
        node.close()
    assert not found_in(project.run("doctor", *QUICK), "replication.buffers", "warn")


def test_what_stands_and_what_ended_by_itself_is_told_apart(project: Project) -> None:
    project.init("standalone")
    never = project.run("doctor", "--json", check=0)
    assert "not started yet" in only(never, "topology.runs", "skip")["evidence"]
    project.up()
    project.run("down", check=0)
    stopped = only(project.run("doctor", "--json", check=0), "topology.runs", "warn")
    assert stopped["hint"] == "redistopo up"
    project.up()
    project.crash()
    ended = only(project.run("doctor", "--json", check=3), "topology.runs", "fail")
    assert "redistopo did not stop them" in ended["evidence"]


def test_a_table_of_another_cluster_is_named_and_its_remedy_works(project: Project) -> None:
    project.init("cluster", "--replicas", "0")
    project.up()
    with project.client() as node:
        names = node.execute_command("CLUSTER", "NODES")
    ids = [line.split()[0] for line in str(names).splitlines()] if isinstance(names, str) else [
        one["node_id"] for one in names.values()
    ]  # fmt: skip
    project.run("down", check=0)
    table = project.folder(2) / "nodes.conf"
    strange = table.read_text()
    for number, one in enumerate(ids):
        strange = strange.replace(one, f"{number:040x}")
    table.write_text(strange)
    told = only(project.run("doctor", "--json", check=3), "cluster.tables", "fail")
    assert told["subject"] == "node2"
    move, again = told["hint"].partition("   ")[0].split("; ")
    assert move.startswith(f"mv {table} ")
    project.shell(move)
    project.run(*again.split()[1:], check=0)
    assert project.faults() == []
    assert not found_in(project.run("doctor", "--json", check=0), "cluster.tables", "fail")

    # a node that was reset by hand, and got slots and a key of its own
    with project.client(project.port + 1) as alone:
        alone.execute_command("CLUSTER", "RESET", "HARD")
        alone.execute_command("CLUSTER", "ADDSLOTS", *range(16384))
        until(lambda: alone.cluster("INFO")["cluster_state"] == "ok")
        alone.set("kept", "1")
    strayed = only(project.run("doctor", *QUICK, check=3), "cluster.reset", "fail")
    assert strayed["subject"] == "node2"
    assert "is alone" in strayed["evidence"]
    assert "a reset would remove: 1 key, 16384 slots (0-16383)" in strayed["evidence"]
    reset, again = strayed["hint"].partition("   ")[0].split("; ")
    refused = project.run(*reset.split()[1:], "--yes", check=1)  # it has the only copy of a key
    assert "--force" in refused.err
    project.run(*reset.split()[1:], "--yes", "--force", check=0)
    project.run(*again.split()[1:], check=0)
    assert project.faults() == []


def test_a_node_that_lost_its_table_or_was_reset_is_named_and_its_remedy_works(
    project: Project,
) -> None:
    project.init("cluster")
    project.up()
    table = project.folder(4) / "nodes.conf"
    whole = table.read_text()
    mine = next(line for line in whole.splitlines() if "myself" in line)
    # the second one `up` itself would see only once the server has refused it
    for damage in (whole[: whole.index(mine) + 60], whole.replace(mine, mine[:60]), None):
        project.run("kill", "node4", check=0)
        table.unlink()
        if damage is not None:
            table.write_text(damage)
        told = project.run("doctor", *QUICK, check=3)
        lost = only(told, "cluster.tables", "fail")
        assert lost["subject"] == "node4"
        assert str(table) in lost["evidence"]
        assert not found_in(told, "cluster.tables", "ok")
        project.run(*lost["hint"].partition("   ")[0].split()[1:], check=0)
        assert project.faults() == []

    project.run("reset", "node2", "--hard", "--yes", check=0)
    strayed = only(project.run("doctor", *QUICK, check=3), "cluster.reset", "fail")
    assert strayed["subject"] == "node2"
    assert strayed["evidence"] == "was reset: it is empty and alone"
    assert strayed["hint"].startswith("redistopo up ")
    project.up()
    assert project.faults() == []
    assert only(project.run("doctor", *QUICK, check=0), "cluster.reset", "ok")


def test_what_is_left_over_is_put_away_and_nothing_else(
    projects: Callable[[str], Project], own_world: Path
) -> None:
    project, gone = projects("project"), projects("gone")
    for one in (project, gone):
        one.init("standalone")
        one.up()
    with project.client() as node:
        node.set("kept", "1")
    gone.run("down", check=0)
    shutil.rmtree(gone.root / ".redistopo")
    state = project.root / ".redistopo"
    (state / "password").chmod(0o644)
    empty, data, typed = (state / "nodes" / f"node{number}" for number in (7, 8, 9))
    for folder in (empty, data, typed):
        folder.mkdir()
        (folder / "redis.conf").write_text("port 1\n")
    (data / "dump.rdb").write_text("REDIS")
    orphaned = gone.root / ".redistopo" / "nodes" / "node1"
    orphaned.mkdir(parents=True)
    server = psutil.Popen(
        [BUNDLED.path, "--port", str(gone.port), "--bind", "127.0.0.1", "--save", ""],
        cwd=orphaned, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        listening(gone.port)
        told = project.run("doctor", "--json", check=3)
        assert len(told.json["result"]["fixes"]) >= 3
        hints = [one["hint"] for one in found_in(told, "left.folders", "warn")]
        (remove,) = [one for one in hints if one.endswith(f"rm -r {typed}")]
        project.shell(remove.partition(", or: ")[2])
        assert not typed.exists()
        assert (state / "password").stat().st_mode & 0o777 == 0o644  # nothing without --fix
        unasked = project.run("doctor", "--fix", "--json", check=0)
        assert server.poll() is None  # nobody was asked
        commands = [one["fix"]["command"] for one in unasked.json["result"]["mended"]]
        assert f"chmod 600 {state / 'password'}" in commands
        assert f"rm -r {empty}" in commands
        assert (state / "password").stat().st_mode & 0o777 == 0o600
        assert not empty.exists()
        assert (data / "dump.rdb").exists()
        assert str(data) in json.dumps(found_in(unasked, "left.folders", "warn"))
        shutil.rmtree(gone.root / ".redistopo")
        assert "that are gone from the list: redistopo doctor --fix\n" in project.run("ps").out
        agreed = project.run("doctor", "--fix", "--yes", "--json", check=0).json["result"]
        # the folder may be forgotten only once nobody serves in it, and is so in the same run
        assert [one["fix"]["command"] for one in agreed["mended"] if one["done"]] == [
            f"kill -TERM {server.pid}",
            f"remove {gone.root} from the list of `redistopo ps`",
        ]
        assert agreed["fixes"] == []
        assert server.wait(timeout=10) == 0
    finally:
        with suppress(psutil.NoSuchProcess):
            server.kill()
        server.wait()
    assert "--fix: nothing can be fixed automatically" in project.run("doctor", "--fix").out
    assert str(gone.root) not in project.run("ps", "--json", check=0).out
    assert "doctor --fix" not in project.run("ps", check=0).out
    with project.client() as node:
        assert node.get("kept") == "1"  # what runs by record was let alone


def test_a_folder_that_became_a_node_meanwhile_is_kept(project: Project) -> None:
    project.init("standalone")
    project.up()
    state = project.root / ".redistopo"
    folder = state / "nodes" / "node7"
    folder.mkdir()
    (folder / "redis.conf").write_text("port 1\n")
    (folder / "redis.conf").chmod(0o600)
    with (state / "lock").open("r+") as lock:  # another command changes the topology
        fcntl.flock(lock, fcntl.LOCK_EX)
        fixing = project.begin("doctor", "--fix", "--json")
        try:
            assert fixing.stderr is not None
            waits = next(line for line in fixing.stderr if "waiting for" in line)
            assert waits
            assert folder.exists()
            record = json.loads((state / "record.json").read_text())
            record["nodes"].append(record["nodes"][0] | {"name": "node7"})
            (state / "record.json").write_text(json.dumps(record))
            fcntl.flock(lock, fcntl.LOCK_UN)
            out, _err = fixing.communicate(timeout=60)
        finally:
            fixing.kill()
            fixing.wait()
    mended = json.loads(out)["result"]["mended"]
    assert [one["done"] for one in mended] == [False]
    assert "is a node of the topology" in mended[0]["why"]
    assert (folder / "redis.conf").exists()


@pytest.mark.parametrize("words", [("--config", "nowhere.conf"), ("--connect", "nowhere:99999")])
def test_what_cannot_be_looked_at_is_told(project: Project, words: tuple[str, str]) -> None:
    done = project.run("doctor", *words, "--json")
    assert done.code in (2, 3)
    assert "Traceback" not in done.err
