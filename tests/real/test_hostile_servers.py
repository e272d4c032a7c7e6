"""`verify --connect` to a server that wants our password elsewhere, our memory or our time."""

import itertools
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from support.hostile import ID, Words, array, bulk, cluster, hostile, replication
from support.project import Project
from support.terminal import Terminal
from support.waiting import until

SECRET = "correct-horse"

NAMED = {
    "cluster": cluster(
        f"{ID} 127.0.0.1:7000@17000 myself,master - 0 0 1 connected 0-8000",
        f"{'b' * 40} 169.254.169.254:80@10080 master - 0 0 2 connected 8001-16383",
    ),
    "primary": replication("role:slave", "master_host:169.254.169.254", "master_port:80"),
    "replica": replication(
        "role:master", "slave0:ip=169.254.169.254,port=80,state=online,offset=1,lag=0"
    ),
}


def _verify(project: Project, port: int, *words: str) -> tuple[int, str, float]:
    project.env["REDISTOPO_PASSWORD"] = SECRET
    began = time.monotonic()
    done = project.run("verify", "--connect", f"127.0.0.1:{port}", "--timeout", "0", *words,
                       seconds=40)  # fmt: skip
    assert "Traceback" not in done.err, done.err
    return done.code, done.out + done.err, time.monotonic() - began


@pytest.mark.fault(
    "a server that is verified names nodes on other hosts",
    "redistopo neither connects to them nor sends them the password, unless --follow is given "
    "(exit 2)",
)
@pytest.mark.parametrize("kind", NAMED)
def test_the_password_goes_to_no_other_host_that_a_server_names(
    project: Project, kind: str
) -> None:
    with hostile(NAMED[kind]) as server:
        code, told, _ = _verify(project, server.port)
    assert code == 2
    assert "names nodes on other hosts: 169.254.169.254" in told
    assert "--follow" in told


def test_this_machines_own_addresses_are_free_and_others_only_with_follow(
    project: Project,
) -> None:
    with ExitStack() as stack:
        other = stack.enter_context(hostile(replication("role:slave"), host="127.0.0.2"))
        line = f"slave0:ip=127.0.0.2,port={other.port},state=online,offset=1,lag=0"
        first = stack.enter_context(hostile(replication("role:master", line)))
        assert _verify(project, first.port)[0] == 3
        assert other.passwords
        assert first.passwords
    with hostile(NAMED["replica"]) as server:
        code, told, _ = _verify(project, server.port, "--follow")
    assert code == 3
    assert "169.254.169.254:80" in told


def test_verify_asks_on_a_terminal_before_it_connects_to_other_hosts(project: Project) -> None:
    project.env["REDISTOPO_PASSWORD"] = SECRET
    with hostile(NAMED["replica"]) as server:
        words = ("verify", "--connect", f"127.0.0.1:{server.port}", "--timeout", "0")
        for typed, code in (("n\r", 2), ("y\r", 3)):
            terminal = Terminal(project, *words, columns=140)
            until(lambda terminal=terminal: "[y/N]" in terminal.read(), 30)  # type: ignore[misc]
            assert "169.254.169.254. Connect to them too" in terminal.read()
            terminal.type(typed)
            assert terminal.end() == code


def _endless_line(_words: Words) -> Iterator[bytes]:
    yield b"+"
    for _ in itertools.count():
        yield b"x" * 65536


def _drip(_words: Words) -> Iterator[bytes]:
    yield b"+"
    for _ in range(100):
        time.sleep(0.5)
        yield b"x"


HOSTILE = {
    "huge bulk": lambda _words: b"$2000000000\r\n" + b"x" * 1000,
    "negative": lambda _words: b"$-77\r\n",
    "no number": lambda _words: b"$many\r\n",
    "nested": lambda _words: b"*1\r\n" * 100_000,
    "endless line": _endless_line,
    "endless bulk": lambda _words: (b"$60000000\r\n" if n == 0 else b"x" * 10 for n in range(50)),
    "a byte each half second": _drip,
    "another protocol": lambda _words: b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "many elements": lambda _words: b"*2147483647\r\n" + b"$-1\r\n" * 1000,
}


@pytest.mark.fault(
    "a server sends a reply without an end, of any size or depth, or one byte each half second",
    "one error names it within seconds (exit 3); memory stays bounded",
)
def test_replies_without_bounds_are_one_error_in_time(project: Project) -> None:
    for name, answer in HOSTILE.items():
        with hostile(answer) as server:
            code, told, seconds = _verify(project, server.port)
        assert code == 3, (name, told)
        assert "doesn't reply" in told, (name, told)
        assert seconds < 15, name


def test_slots_that_no_cluster_prints_are_a_finding(project: Project) -> None:
    with ExitStack() as stack:
        line = "{} 127.0.0.1:{}@17000 myself,master - 0 0 1 connected 0-16383"
        made: list[int] = []

        def answer(words: Words) -> bytes:
            if [word.upper() for word in words[:2]] == ["CLUSTER", "SLOTS"]:
                return array(array(b":0\r\n"), bulk("odd"), array())
            return cluster(line.format(ID, made[0] if made else 1))(words)

        server = stack.enter_context(hostile(answer))
        made.append(server.port)
        code, told, _ = _verify(project, server.port)
    assert code == 3, told


def test_too_many_nodes_are_not_connected_to(project: Project) -> None:
    lines = [f"{n:040x} 127.0.0.1:{n}@{n} master - 0 0 {n} connected" for n in range(1, 30000)]
    lines.append(f"{ID} 127.0.0.1:7000@17000 myself,master - 0 0 1 connected")
    with hostile(cluster(*lines)) as server:
        code, told, seconds = _verify(project, server.port)
    assert code == 3, told
    assert seconds < 15
    assert "names 30000 nodes" in told
