"""What is kept on disk goes by the settings that servers run with, and is told as it is."""

import shutil
from contextlib import suppress

import pytest
import redis
from support.engines import BUNDLED
from support.judge import await_written
from support.project import Project
from support.remedies import type_remedy, up_by_remedies
from support.waiting import until


def _filled(project: Project, shape: str, *words: str, keys: int = 50) -> None:
    project.init(shape, *words, engine=BUNDLED.path)
    project.up()
    with project.client() as node:
        for n in range(keys):
            node.set(f"k{n}", "kept")
        if project.size > 1:
            node.execute_command("WAIT", project.size - 1, 3000)
    for port in project.ports:
        with project.client(port) as node:
            until(lambda node=node: node.dbsize() == keys, what="the keys")
            await_written(node)


def _sizes(project: Project) -> list[int]:
    found = []
    for port in project.ports:
        with project.client(port) as node:
            found.append(int(node.dbsize()))
    return found


def test_a_log_turned_off_by_hand_loses_nothing_at_down(project: Project) -> None:
    _filled(project, "replication", "--replicas", "1")
    with project.client() as node:
        node.config_set("appendonly", "no")
        node.config_rewrite()
        node.set("later", "yes")
    assert "Data is kept" in project.run("down", check=0).out
    project.up()
    with project.client() as node:
        assert node.get("later") == "yes"
        assert node.config_get("appendonly") == {"appendonly": "yes"}
    assert _sizes(project) == [51, 51]


@pytest.mark.parametrize("verb", ["restart", "stop"])
def test_a_log_turned_off_by_hand_loses_nothing_at_a_restart(project: Project, verb: str) -> None:
    _filled(project, "standalone")
    with project.client() as node:
        node.config_set("appendonly", "no")
        node.set("later", "yes")
    project.run(verb, "node1", check=0)
    project.up()
    with project.client() as node:
        assert node.get("later") == "yes"
    assert _sizes(project) == [51]


def test_snapshots_turned_off_by_hand_are_saved_at_down(project: Project) -> None:
    _filled(project, "standalone", "--persistence", "rdb")
    with project.client() as node:
        node.config_set("save", "")
        node.config_rewrite()
    project.run("down", check=0)
    project.up()
    assert _sizes(project) == [50]


@pytest.mark.parametrize("words", [("none", ()), ("rdb", ("--set", "save="))])
def test_what_is_not_kept_is_told(project: Project, words: tuple[str, tuple[str, ...]]) -> None:
    persistence, settings = words
    _filled(project, "standalone", "--persistence", persistence, *settings)
    done = project.run("down", check=0)
    assert "Data is kept" not in done.out
    assert "The keys of node1 are gone: no persistence was on" in done.out


def test_names_of_ones_own_are_guarded_as_the_default_ones(project: Project) -> None:
    _filled(project, "replication", "--persistence", "rdb", "--set", "dbfilename=data.rdb")
    project.run("down", check=0)
    (project.folder(1) / "data.rdb").unlink()
    refused = project.run("up", "--json", check=2)
    assert "node1 would be primary, but has no data; node2, node3 has" in refused.out
    type_remedy(project, refused)
    assert _sizes(project) == [50, 50, 50]


def test_a_name_changed_by_hand_is_remembered(project: Project) -> None:
    protected = "enable-protected-configs=yes"
    _filled(project, "standalone", "--persistence", "rdb", "--set", protected)
    with project.client() as node:
        node.config_set("dbfilename", "other.rdb")
    project.run("down", check=0)
    refused = project.run("up", check=2)
    assert "the data of node1 is in other.rdb" in refused.err


@pytest.mark.parametrize("shape", ["replication", "standalone"])
def test_a_lost_log_is_not_hidden_by_the_snapshot_beside_it(project: Project, shape: str) -> None:
    _filled(project, shape)
    with project.client() as node:
        node.save()
    project.run("down", check=0)
    shutil.rmtree(project.folder(1) / "appendonlydir")
    hints = up_by_remedies(project)
    assert bool(hints) is (shape == "replication")
    assert set(_sizes(project)) == {50}


def test_a_backup_is_loaded(project: Project) -> None:
    _filled(project, "standalone")
    with project.client() as node:
        node.save()
    backup = (project.folder(1) / "dump.rdb").read_bytes()
    with project.client() as node:
        node.flushall()
    project.run("down", check=0)
    shutil.rmtree(project.folder(1) / "appendonlydir")
    (project.folder(1) / "dump.rdb").write_bytes(backup)
    project.up()
    assert _sizes(project) == [50]
    project.run("down", check=0)
    project.up()
    assert _sizes(project) == [50]


def test_an_everyday_stop_of_the_primary_before_the_others(project: Project) -> None:
    _filled(project, "replication")
    project.run("stop", "node1", check=0)
    project.run("down", check=0)
    project.up()
    assert _sizes(project) == [50, 50, 50]
    project.run("kill", "node1", check=0)
    project.run("down", check=0)
    project.up()
    assert _sizes(project) == [50, 50, 50]


def test_a_busy_server_is_left_running(project: Project) -> None:
    _filled(project, "standalone", "--persistence", "rdb", "--set", "busy-reply-threshold=100")
    with project.client() as node:
        connection = node.connection_pool.get_connection()
        connection.send_command("EVAL", "while true do end", 0)
        other = redis.Redis(port=project.port, password=project.password)

        def busy() -> bool:
            with suppress(redis.exceptions.ConnectionError, redis.exceptions.TimeoutError):
                try:
                    other.ping()
                except redis.exceptions.ResponseError as error:
                    return "BUSY" in str(error)
            return False

        until(busy, what="the script is slow")
        refused = project.run("down", "--timeout", "2", "--json", check=1)
        assert "node1 is busy running a script, and was left running" in refused.out
        hint = refused.json["error"]["hint"]
        assert hint.startswith("redistopo call --node node1 SCRIPT KILL ")
        assert len(project.servers()) == 1
        project.run("call", "--node", "node1", "SCRIPT", "KILL", check=0)
        other.close()
    project.run("down", check=0)
    project.up()
    assert _sizes(project) == [50]


@pytest.mark.parametrize("lost", ["missing", "empty"])
def test_the_only_copy_gets_a_new_manifest_by_what_up_says(project: Project, lost: str) -> None:
    _filled(project, "standalone")
    project.run("down", check=0)
    (manifest,) = (project.folder(1) / "appendonlydir").glob("*.manifest")
    if lost == "missing":
        manifest.unlink()
    else:
        manifest.write_text("")
    (hint,) = up_by_remedies(project)
    assert hint.endswith("redistopo up --rebuild node1")
    assert _sizes(project) == [50]


def test_what_is_left_of_the_only_copy_is_started_by_what_up_says(project: Project) -> None:
    _filled(project, "standalone")
    project.run("down", check=0)
    (log,) = (project.folder(1) / "appendonlydir").glob("*.incr.aof")
    log.write_bytes(log.read_bytes()[: log.stat().st_size // 2])
    (hint,) = up_by_remedies(project)
    assert hint.endswith("redistopo up --primary node1")
    assert 0 < _sizes(project)[0] < 50
