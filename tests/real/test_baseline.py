"""Each test starts from the same state: what a test can do to any topology, judged by redis-py."""

import re
import signal
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
import redis
from support.baselines import Break, Tried, healed_after, tried
from support.engines import ENGINES
from support.waiting import until

import redistopo
from redistopo.api.baseline import Baseline


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tried]:
    folder = tmp_path_factory.mktemp("replication")
    words = ("--replicas", "1", "--persistence", "none")
    with tried(folder, "replication", *words) as made:
        yield made


@pytest.fixture
def one(shared: Tried) -> Iterator[Tried]:
    yield shared
    shared.end_test()


def _scripts_and_functions(made: Tried) -> None:
    made.ask(1, "SCRIPT", "LOAD", "return 1")
    made.ask(2, "SCRIPT", "LOAD", "return 2")
    library = "#!lua name=lib\nredis.register_function('f', function() return 1 end)"
    made.ask(1, "FUNCTION", "LOAD", library)


def _exhaust_memory(made: Tried) -> None:
    with made.client() as client:
        client.config_set("maxmemory", client.info("memory")["used_memory"])
        client.config_set("maxmemory-policy", "noeviction")
        with pytest.raises(redis.OutOfMemoryError):
            client.set("large", "x" * 100000)


def _subscribe(made: Tried) -> None:
    with_it = made.client().pubsub()
    with_it.subscribe("news")
    made.kept.append(with_it)


def _leaves(*words: str) -> Break:
    """A connection on which a command was replied to is left open."""

    def leave(made: Tried) -> None:
        raw = made.client().connection_pool.get_connection()
        raw.send_command(*words)
        assert raw.read_response() == "OK"
        made.kept.append(_Closing(raw))

    return leave


def _leave_blocked(made: Tried) -> None:
    raw = made.client().connection_pool.get_connection()
    raw.send_command("BLPOP", "never", 0)
    until(lambda: made.ask(1, "INFO", "clients").count("blocked_clients:1"))
    made.kept.append(_Closing(raw))


class _Closing:
    """A connection that is closed as clients are."""

    def __init__(self, raw: "redis.Connection") -> None:
        self.close = raw.disconnect


def _leave_script_running(made: Tried) -> None:
    made.ask(1, "CONFIG", "SET", "busy-reply-threshold", 10)

    def run() -> None:
        with suppress(redis.RedisError):
            made.ask(1, "EVAL", "while true do end", 0)

    threading.Thread(target=run, daemon=True).start()
    until(lambda: _busy(made))


def _busy(made: Tried) -> bool:
    try:
        made.ask(1, "GET", "a")
    except redis.ResponseError as error:
        return "BUSY" in str(error)
    except redis.RedisError:
        return False
    return False


def _change_users(made: Tried) -> None:
    made.ask(1, "ACL", "SETUSER", "mallory", "on", ">secret", "~*", "+@all")
    made.ask(2, "ACL", "SETUSER", "default", "-flushall", "skip-sanitize-payload")


def _take_our_rights(made: Tried) -> None:
    made.ask(1, "ACL", "SETUSER", "default", "-@all", "+ping")


def _lock_us_out(made: Tried) -> None:
    """Another password, and a connection that would know the old one is closed."""
    made.ask(1, "CONFIG", "SET", "requirepass", "another")
    with redis.Redis(port=made.project.port, password="another") as client:
        client.execute_command("CLIENT", "KILL", "TYPE", "normal")


def _shut_down(made: Tried) -> None:
    with made.client() as client:
        client.shutdown(nosave=True)


def _two_primaries(made: Tried) -> None:
    made.ask(2, "REPLICAOF", "NO", "ONE")
    made.ask(2, "SET", "own", "1")


DAMAGE: dict[str, tuple[Break, str]] = {
    "data": (lambda made: made.ask(1, "SET", "a", "1"), r"^$"),
    "scripts and functions": (_scripts_and_functions, r"^$"),
    "settings": (
        lambda made: (
            made.ask(1, "CONFIG", "SET", "maxmemory", "9mb"),
            made.ask(2, "CONFIG", "SET", "replica-priority", "7"),
            made.ask(1, "CONFIG", "SET", "save", "900 1"),
        ),
        r'node1: CONFIG maxmemory was "9437184": set back to "0"',
    ),
    "memory": (_exhaust_memory, "CONFIG maxmemory was"),
    "no writes": (
        lambda made: made.ask(1, "CONFIG", "SET", "min-replicas-to-write", "5"),
        "min-replicas-to-write",
    ),
    "a writable replica": (
        lambda made: (
            made.ask(2, "CONFIG", "SET", "replica-read-only", "no"),
            made.ask(2, "SET", "own", "1"),
        ),
        "replica-read-only",
    ),
    "a password": (
        lambda made: made.ask(1, "CONFIG", "SET", "requirepass", "another"),
        r"node1: CONFIG requirepass was changed",
    ),
    "a password, our connections closed": (_lock_us_out, "node1 could not be used .*: killed"),
    "users": (_change_users, "(?s)user mallory was added: deleted.*user default was changed"),
    "our rights": (_take_our_rights, "node1 could not be used .*: killed"),
    "a subscription": (_subscribe, "node1: a connection of .* was left subscribed: closed"),
    "MULTI": (_leaves("MULTI"), "was left in MULTI: closed"),
    "a blocked client": (_leave_blocked, "was left blocked: closed"),
    "MONITOR": (_leaves("MONITOR"), "was left in MONITOR: closed"),
    "client-side caching": (
        _leaves("CLIENT", "TRACKING", "ON"),
        "was left tracking keys: closed",
    ),
    "a script that runs": (_leave_script_running, "busy-reply-threshold|lua-time-limit|killed"),
    "CLIENT PAUSE": (lambda made: made.ask(1, "CLIENT", "PAUSE", 60000, "WRITE"), r"^$"),
    "closed connections": (
        lambda made: made.ask(1, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "no"),
        r"^$",
    ),
    "a killed primary": (lambda made: made.topology.kill("node1"), "node1 didn't run"),
    "a killed replica": (lambda made: made.topology.kill("node2"), "node2 didn't run"),
    "all killed": (lambda made: made.topology.kill("node1", "node2"), "node1, node2 didn't run"),
    "all stopped": (lambda made: made.topology.down(), "node1, node2 didn't run"),
    "SHUTDOWN": (_shut_down, "node1 didn't run"),
    "a restart": (lambda made: made.topology.restart("node2"), r"^$"),
    "a paused primary": (lambda made: made.topology.pause("node1"), "node1 was paused: resumed"),
    "a paused replica": (lambda made: made.topology.pause("node2"), "node2 was paused: resumed"),
    "a failover": (lambda made: made.topology.failover("node2"), "node1.* is primary again"),
    "two primaries": (_two_primaries, "node2: it replicated no node: replicates .* again"),
    "no primary": (
        lambda made: made.ask(1, "REPLICAOF", "127.0.0.1", 1),
        "node1: it replicated 127.0.0.1 1",
    ),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_the_next_test_starts_as_the_first_one_did(one: Tried, name: str) -> None:
    damage, expected = DAMAGE[name]
    assert re.search(expected, healed_after(one, damage))


def test_scripts_and_functions_are_gone(one: Tried) -> None:
    _scripts_and_functions(one)
    assert one.baseline.restore().healed == ()
    assert one.ask(1, "FUNCTION", "LIST") == one.ask(2, "FUNCTION", "LIST") == []
    for node, text in ((1, "return 1"), (2, "return 2")):
        with one.client(node) as client:
            (known,) = client.script_exists(client.register_script(text).sha)
            assert not known


def test_a_secret_is_in_no_line(one: Tried) -> None:
    one.ask(1, "CONFIG", "SET", "masterauth", "hidden-value")
    one.ask(1, "ACL", "SETUSER", "default", ">hidden-value")
    healed = one.baseline.restore().healed
    assert len(healed) == 2, healed
    assert "hidden-value" not in "".join(healed)


def test_a_client_that_a_suite_keeps_goes_on(one: Tried) -> None:
    """Only connections that are left in a state of their own are closed."""
    with one.client() as client:
        number = client.client_id()
        one.baseline.restore()
        assert client.client_id() == number


def test_what_cannot_be_repaired_fails_this_test_not_the_next_one(one: Tried) -> None:
    name = one.project.folder(2)
    one.topology.kill("node2")
    moved = name.rename(name.with_name("elsewhere"))
    name.write_text("in the way")
    try:
        with pytest.raises(redistopo.RedistopoError, match="isn't what it was") as failed:
            one.baseline.restore()
        assert "node2" in failed.value.detail
    finally:
        name.unlink()
        moved.rename(name)
    assert "node2 didn't run" in "\n".join(one.baseline.restore().healed)


def test_a_restore_that_is_interrupted_leaves_no_reply_to_the_next_one(one: Tried) -> None:
    one.topology.pause("node1")
    previous = signal.signal(signal.SIGALRM, _interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.1)
    try:
        with pytest.raises(KeyboardInterrupt):
            one.baseline.restore()
    finally:
        signal.signal(signal.SIGALRM, previous)
    assert one.topology.resume("node1").nodes
    one.ask(2, "CONFIG", "SET", "maxmemory", "9mb")
    (line,) = one.restore()
    assert line.startswith("node2: CONFIG maxmemory was")


def _interrupt(*_signal: object) -> None:
    raise KeyboardInterrupt


def test_a_baseline_needs_every_node(one: Tried) -> None:
    one.topology.pause("node2")
    with pytest.raises(redistopo.RedistopoError, match="doesn't reply") as failed:
        Baseline.take(one.topology)
    assert "paused" in failed.value.detail
    assert one.baseline.restore().healed == ("node2 was paused: resumed",)


SECURED = {
    name: ("--acl",) if not engine.tls else ("--acl", "--tls") for name, engine in ENGINES.items()
}


@pytest.mark.parametrize("name", SECURED)
def test_every_engine_with_users_and_certificates(
    tmp_path_factory: pytest.TempPathFactory, name: str
) -> None:
    engine = ENGINES[name]
    words = (*SECURED[name], "--persistence", "none")
    with tried(tmp_path_factory.mktemp("one"), "standalone", *words, engine=engine.path) as made:
        client = _secured(made)
        before = client.execute_command("CONFIG GET", "*"), client.acl_list()
        client.set("a", "1")
        client.execute_command("ACL", "SETUSER", "default", "on", "nopass", "~*", "+@all")
        client.config_set("maxmemory", "9mb")
        assert len(made.baseline.restore().healed) == 2
        assert client.dbsize() == 0
        made.topology.kill("node1")
        assert len(made.baseline.restore().healed) == 1
        config, users = before
        assert client.execute_command("CONFIG GET", "*") == config
        assert [sorted(one.split()) for one in client.acl_list()] == [
            sorted(one.split()) for one in users
        ]
        client.close()


def _secured(made: Tried) -> Any:
    tls = made.project.root / ".redistopo" / "tls"
    pem = str(tls / "client.pem")
    options = {
        "ssl": True,
        "ssl_ca_certs": str(tls / "ca.crt"),
        "ssl_certfile": pem,
        "ssl_keyfile": pem,
    }
    return redis.Redis(
        port=made.project.port,
        username="admin",
        password=made.project.secret("admin"),
        decode_responses=True,
        **(options if tls.exists() else {}),
    )
