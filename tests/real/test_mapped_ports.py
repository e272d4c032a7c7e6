"""Clients that reach a cluster through mapped ports, as those of a container: `announce_port`."""

import asyncio
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager, suppress
from functools import partial

import pytest
import redis
from support.engines import ATOMIC, BUNDLED, INSTALLED
from support.project import Project
from support.waiting import until

MAPPED = 10
"""A mapped port is this much higher than the one at which the node listens."""

pytestmark = pytest.mark.skipif(
    not ATOMIC.announces_client_ports, reason="the engine has one port for clients and nodes"
)


def _cluster(project: Project) -> None:
    shape = ("--shards", "1", "--replicas", "1", "--formation", "instant")
    project.init("cluster", *shape, engine=ATOMIC.path)
    _announce(project, project.port + MAPPED)


def _announce(project: Project, port: int) -> None:
    path = project.root / "redistopo.toml"
    text, count = re.subn(
        r"(?m)^#? ?announce_port = .*$", f"announce_port = {port}", path.read_text()
    )
    assert count == 1
    path.write_text(text)


def _given(project: Project) -> set[int]:
    """The ports that the first node gives to clients."""
    with project.client() as node:
        rows = node.execute_command("CLUSTER SHARDS")
    return {int(port) for port in re.findall(r"'port', (\d+)", str(rows))}


def _slots(project: Project) -> dict[int, str]:
    """The ports of all nodes that own or copy slots, as clients are given them."""
    with project.client() as node:
        rows = node.execute_command("CLUSTER", "SLOTS", NEVER_DECODE=True)
    return {int(one[1]): one[0].decode() for row in rows for one in row[2:]}


@contextmanager
def _relayed(ports: Mapping[int, int]) -> Iterator[None]:
    """Each connection to a port leads to another one, while this lasts."""
    ended, listening = threading.Event(), threading.Event()

    async def serve() -> None:
        async with AsyncExitStack() as servers:
            for port, to in ports.items():
                handle = partial(_relay, to)
                opened = await asyncio.start_server(handle, "127.0.0.1", port)
                await servers.enter_async_context(opened)
            listening.set()
            await asyncio.to_thread(ended.wait)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    try:
        assert listening.wait(10)
        yield
    finally:
        ended.set()
        thread.join()


async def _relay(to: int, source: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
    with suppress(asyncio.CancelledError):  # which the loop would log
        answers, there = await asyncio.open_connection("127.0.0.1", to)
        try:
            await asyncio.gather(_copy(source, there), _copy(answers, back))
        finally:
            for one in (there, back):
                one.transport.abort()


async def _copy(source: asyncio.StreamReader, to: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await source.read(65536):
            to.write(data)
            await to.drain()
    to.close()


def _reached(project: Project, *words: str) -> tuple[str, str]:
    found = project.run("verify", *words, "--json", check=0).json["result"]["findings"]
    (one,) = [one for one in found if one["check"] == "announce.reachable"]
    return one["status"], one["evidence"]


def test_clients_are_given_mapped_ports_and_nodes_use_their_own(project: Project) -> None:
    _cluster(project)
    first, second = project.port, project.port + 1
    project.up()
    assert _given(project) == {first + MAPPED, second + MAPPED}
    with project.client(second) as replica:
        assert replica.info("replication")["master_port"] == first
    status, evidence = _reached(project)
    assert (status, f"127.0.0.1:{first + MAPPED}" in evidence) == ("warn", True)
    assert "(announce_port), which could not be reached from here: connection ref" in evidence
    project.run("failover", "node2", check=0)
    project.run("kill", "node2", check=0)
    project.up()
    with project.client(second) as node:
        assert node.role()[0] in (b"master", "master")
        assert node.config_get("cluster-announce-client-port") == {
            "cluster-announce-client-port": str(second + MAPPED)
        }


def test_a_client_that_knows_the_mapped_ports_alone_is_served(project: Project) -> None:
    _cluster(project)
    project.up()
    mapped = {port + MAPPED: port for port in project.ports}
    with _relayed(mapped):
        assert _reached(project)[0] == "ok"
        entry = project.port + MAPPED
        # a replica is given to clients once its offset is known
        until(lambda: _slots(project).keys() == {*mapped})
        with redis.RedisCluster("127.0.0.1", entry, password=project.password) as client:
            assert {one.port for one in client.get_nodes()} == {*mapped}
            assert client.set("a", "b")
        project.env["REDISTOPO_PASSWORD"] = project.password
        assert _reached(project, "--connect", f"127.0.0.1:{entry}")[0] == "ok"
    del project.env["REDISTOPO_PASSWORD"]
    _announce(project, project.port + 2 * MAPPED - 5)
    project.up()
    assert _given(project) == {port + 2 * MAPPED - 5 for port in project.ports}


def test_an_engine_with_one_port_for_clients_and_nodes_is_refused(project: Project) -> None:
    old = next((one for one in INSTALLED.values() if not one.announces_client_ports), BUNDLED)
    project.init("cluster", "--formation", "instant", engine=old.path)
    _announce(project, project.port + MAPPED)
    done = project.run("up", check=2)
    assert f"{old.title} can't announce other ports to clients (announce_port)" in done.err
    assert project.servers() == []
