"""`import`: what redis-py finds at the source is in the topology, and the source is as before."""

import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from support import judge
from support.busy_source import written_to
from support.byhand import ByHand, listening
from support.engines import BUNDLED
from support.forms import FULL
from support.project import Project
from support.snapshots import binary, everything, fill
from support.waiting import until

LIBRARY = "#!lua name=mine\nredis.register_function('one', function() return 1 end)"


def _client(port: int, password: str = "") -> Any:
    made = judge.client(port, password)
    made.connection_pool.connection_kwargs["decode_responses"] = False
    return made


def _source(by_hand: ByHand, project: Project, *words: str) -> int:
    """The port of a server of somebody else."""
    port = project.port + 15
    by_hand.start(port, *words)
    return port


def _cluster(project: Project, *words: str) -> None:
    project.init(
        "cluster", "--formation", "instant", "--replicas", "0", *words, engine=BUNDLED.path
    )
    project.up()


def test_a_server_is_copied_while_it_is_written_to(project: Project, by_hand: ByHand) -> None:
    port = _source(by_hand, project, "--requirepass", "secret")
    listening(port, "secret")
    _cluster(project)
    source = _client(port, "secret")
    fill(source)
    source.function_load(LIBRARY)
    project.env["REDISTOPO_PASSWORD"] = ""
    assert project.run("import", "--from", f"127.0.0.1:{port}").code == 1  # without the password
    itself = f"redis://:{project.password}@127.0.0.1:{project.port}"
    assert "itself" in project.run("import", "--from", itself, check=2).err
    end = threading.Event()

    def write() -> None:
        number = 0
        while not end.is_set():
            number += 1
            source.set(f"text:{number % 40}", number)
            source.delete(f"text:{(number + 20) % 40}")
            source.expire("list", 1000 + number)

    writer = threading.Thread(target=write)
    writer.start()
    timer = threading.Timer(1.5, end.set)
    timer.start()
    url = f"redis://:secret@127.0.0.1:{port}"
    done = project.run("import", "--from", url, "--until-quiet", "--verify", "--json", check=0)
    writer.join()
    result = done.json["result"]
    assert "secret" not in done.out + done.err
    assert result["quiet"]
    assert len(result["passes"]) > 1
    with binary(project) as client:
        assert everything(client) == everything(source)
        assert abs(client.pttl("list") - source.pttl("list")) < 2000
    with project.client() as client:
        assert client.function_list()
    assert project.faults() == []
    again = project.run("import", "--from", url, check=2)
    assert "keys already" in again.err
    source.set("text:1", "newest")
    project.run("import", "--from", url, "--replace", check=0)
    with binary(project) as client:
        assert client.get("text:1") == b"newest"


@pytest.mark.parametrize("log", [False, True])
def test_data_files_are_only_read(project: Project, by_hand: ByHand, log: bool) -> None:
    port = _source(by_hand, project, "--appendonly", "yes" if log else "no")
    listening(port)
    project.init("standalone", engine=BUNDLED.path)
    project.up()
    with closing(_client(port)) as source:
        fill(source)
        source.select(7)
        source.set("in 7", "seven")
        source.select(0)
        before = everything(source)
        source.save()
        judge.await_written(judge.client(port))
    folder = project.root / f"byhand-{port}"
    by_hand.close()
    path = folder / ("appendonlydir" if log else "dump.rdb")
    files = {one: one.read_bytes() for one in folder.rglob("*") if one.is_file()}
    done = project.run("import", "--from", path, "--json", check=0)
    assert done.json["result"]["digest"]["keys"] == len(before) + 1
    with binary(project) as client:
        assert everything(client) == before
        client.select(7)
        assert client.get("in 7") == b"seven"
    assert {one: one.read_bytes() for one in folder.rglob("*") if one.is_file()} == files


def test_what_can_not_be_imported_is_refused_with_the_reason(
    project: Project, by_hand: ByHand, tmp_path: Path
) -> None:
    port = _source(by_hand, project)
    listening(port)
    _cluster(project)
    with closing(_client(port)) as source:
        source.set("k", "v")
        source.select(2)
        source.mset({"a": 1, "b": 2})
    done = project.run("import", "--from", f"127.0.0.1:{port}", check=2)
    assert "2 keys in databases" in done.err
    bad = tmp_path / "bad.rdb"
    bad.write_bytes(b"REDIS0011\xfa\x09redis-ver")
    broken = project.run("import", "--from", bad, check=1)
    assert "can't be loaded" in broken.err
    assert "Next: it has to be a whole RDB or append-only file" in broken.err
    assert "no file none.rdb" in project.run("import", "--from", "none.rdb", check=2).err
    assert "no file" in project.run("import", "--from", tmp_path / "none.rdb", check=2).err
    assert "manifest" in project.run("import", "--from", tmp_path, check=2).err
    assert project.run("import", "--from", "127.0.0.1:1").code == 1
    assert project.run("import", "--from", "nonsense", check=2).err
    assert sum(project.client(one).dbsize() for one in project.ports) == 0


def test_a_source_that_is_lost_half_way_is_named_and_it_goes_on_later(
    project: Project, by_hand: ByHand
) -> None:
    port = _source(by_hand, project)
    listening(port)
    project.init("standalone", engine=BUNDLED.path)
    project.up()
    with closing(_client(port)) as source:
        source.mset({f"k{n}": "x" * 1000 for n in range(40_000)})
        begun = project.begin("import", "--from", f"127.0.0.1:{port}")
        until(lambda: project.client().dbsize() > 500)
        source.client_kill_filter(_type="normal", skipme=True)
        out, err = begun.communicate(timeout=60)
    assert begun.returncode == 1, out
    assert "was lost" in err
    assert "again" in err
    project.run("import", "--from", f"127.0.0.1:{port}", "--replace", check=0)
    assert project.client().dbsize() == 40_000
    project.run("down", check=0)
    refused = project.run("import", "--from", f"127.0.0.1:{port}", check=1).err
    assert "Error: no primary replies that keys could be copied to" in refused
    assert "Next: repair it: redistopo up" in refused


@pytest.mark.skipif(not FULL, reason="the same code reads any shape; make test-full does it")
@pytest.mark.parametrize("shape", ["cluster", "sentinel", "replication"])
def test_any_shape_is_a_source(projects: Any, shape: str) -> None:
    source, target = projects("source"), projects("target")
    source.init(shape, engine=BUNDLED.path)
    source.up()
    with binary(source) as client:
        fill(client)
        before = everything(client)
    target.init("cluster", "--formation", "instant", "--shards", "4", engine=BUNDLED.path)
    target.up()
    port = source.port + 10 if shape == "sentinel" else source.ports[-1]
    target.env["REDISTOPO_PASSWORD"] = source.password
    if shape == "sentinel":
        secret = (source.root / ".redistopo" / "password.sentinel").read_text().strip()
        target.env["REDISTOPO_SENTINEL_PASSWORD"] = secret
    began = time.monotonic()
    done = target.run("import", "--from", f"127.0.0.1:{port}", "--switch", "--json", check=0)
    assert time.monotonic() - began < 60
    assert done.json["result"]["followed"]
    with binary(target) as client:
        assert everything(client) == before
    if shape == "sentinel":
        _a_replica_is_asked_for_the_writes(source, target, port)


def _a_replica_is_asked_for_the_writes(source: Project, target: Project, port: int) -> None:
    """Sentinels would add what asks their primary for them to its replicas, for ever."""

    def followers(node: int) -> int:
        return int(source.client(node).info("replication")["connected_slaves"])

    primary, *replicas = source.ports
    words = ("--from", f"127.0.0.1:{port}", "--until-quiet", "--replace")
    with written_to(source.client(primary)):
        begun = target.begin("import", *words)
        try:
            until(lambda: any(map(followers, replicas)), 30)
            assert followers(primary) == len(replicas)
        except BaseException:
            begun.kill()
            begun.communicate()
            raise
    begun.communicate(timeout=60)
    assert begun.returncode == 0
