"""`import --switch`: the source's writers wait, and redis-py finds the same keys on both sides."""

import time
from contextlib import closing
from typing import Any

import pytest
import redis
from support import judge
from support.busy_source import written_to
from support.byhand import ByHand, listening
from support.engines import BUNDLED
from support.project import Project
from support.snapshots import binary, everything, fill
from support.waiting import until

WORDS = ("--shards", "2", "--replicas", "0", "--formation", "instant")


@pytest.fixture
def port(project: Project, by_hand: ByHand) -> int:
    """A source with a password, filled, which never had a replica."""
    found = project.port + 15
    by_hand.start(found, "--requirepass", "secret")
    listening(found, "secret")
    with closing(_client(found)) as client:
        fill(client)
        client.zadd("zset:more", {"x": 1})
    return found


def _client(port: int, password: str = "secret", user: str = "") -> Any:
    made = judge.client(port, password, user=user)
    made.connection_pool.connection_kwargs["decode_responses"] = False
    return made


def _lasting(client: Any) -> dict[Any, Any]:
    """Every key but those that expire within milliseconds."""
    return {key: one for key, one in everything(client).items() if not key.startswith(b"brief")}


def _takes_writes(port: int) -> bool:
    began = time.monotonic()
    with closing(_client(port)) as client:
        client.set("text:1", "free")
    return time.monotonic() - began < 1


def test_a_switch_under_writers_loses_nothing(project: Project, port: int) -> None:
    project.init("cluster", *WORDS, engine=BUNDLED.path)
    project.up()
    source = _client(port)
    url = f"redis://:secret@127.0.0.1:{port}"
    assert source.info("replication")["repl_backlog_active"] == 0
    changed = source.info("persistence")["rdb_last_save_time"]
    with written_to(_client(port), _client(port)):
        done = project.run("import", "--from", url, "--switch", "--json", check=0)
        result = done.json["result"]
        assert result["followed"]
        assert result["passes"][1]["changed"] > 0
        wanted = _lasting(source)
        with binary(project) as target:
            assert _lasting(target) == wanted
        assert sum(not expires for *_, expires in wanted.values()) == result["switch"]["keys"]
        offset = source.info("replication")["master_repl_offset"]
        with closing(_client(port)) as writer:
            writer.connection_pool.connection_kwargs["socket_timeout"] = 0.3
            with pytest.raises(redis.TimeoutError):
                writer.set("late", "1")
        assert source.info("replication")["master_repl_offset"] == offset
        source.client_unpause()
        assert not source.exists("late")
    assert _takes_writes(port)
    assert source.info("persistence")["rdb_last_save_time"] == changed
    assert source.info("replication")["connected_slaves"] == 0
    assert project.faults() == []


def test_what_goes_wrong_leaves_the_source_as_it_was(project: Project, port: int) -> None:
    project.init("standalone", engine=BUNDLED.path)
    project.up()
    source = _client(port)
    url = f"redis://:secret@127.0.0.1:{port}"
    both = project.run("import", "--from", url, "--switch", "--until-quiet", check=2)
    assert "use one of them" in both.err
    source.acl_setuser("reader", True, passwords=["+pw"], commands=["+@all", "-psync"], keys=["*"])
    reader = f"redis://reader:pw@127.0.0.1:{port}"
    refused = project.run("import", "--from", reader, "--switch", check=2)
    assert "psync" in refused.err, refused
    assert "--until-quiet" in refused.err
    assert project.client().dbsize() == 0
    read = project.run("import", "--from", reader, "--until-quiet", check=0)
    assert "each pass reads all keys" in read.err
    source.acl_setuser("reader", True, commands=["+psync", "-client|pause"])
    unpaused = project.run("import", "--from", reader, "--switch", "--replace", check=1)
    assert "doesn't pause its writes" in unpaused.err, unpaused
    with written_to(_client(port)):
        begun = project.begin("import", "--from", url, "--until-quiet", "--replace")
        until(lambda: source.info("replication")["connected_slaves"] == 1, 30)
        source.client_kill_filter(_type="replica")
        _, err = begun.communicate(timeout=60)
    assert begun.returncode == 1
    assert "no longer sends its writes" in err
    assert "--replace" in err
    project.client().flushall()
    source.mset({f"k{n}": "x" * 100 for n in range(40_000)})
    begun = project.begin("import", "--from", url, "--switch")
    until(lambda: source.info("replication")["connected_slaves"] == 1, 30)
    project.client().set("stray", "1")
    _, err = begun.communicate(timeout=60)
    assert begun.returncode == 1, err
    assert "writes go on at the source" in err
    assert _takes_writes(port)
    project.client().flushall()
    source.flushall()
    nothing = project.run("import", "--from", url, "--switch", "--hold", "1s", "--json", check=0)
    assert nothing.json["result"]["switch"]["keys"] == 0
    until(lambda: _takes_writes(port))
