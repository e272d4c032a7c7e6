"""One round on each engine of the table, from `init` to `down`; judged by redis-py alone."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from redis import Redis
from support.editing import edit
from support.engine_table import ROWS, Row
from support.engines import FETCHED, TRIED
from support.forms import spread
from support.judge import client
from support.project import Project
from support.waiting import until

NEEDED = bool(os.environ.get("TESTS_NEED_ENGINES"))
"""In the gate, which fetches them, one that is missing fails, if it can be had for years."""

ON_THIS_SYSTEM = [row for row in ROWS if row.here]
_SHORT = spread(ON_THIS_SYSTEM, 2)


@pytest.fixture(params=ON_THIS_SYSTEM, ids=lambda row: row.name)
def row(request: pytest.FixtureRequest) -> Row:
    found: Row = request.param
    if found.name not in FETCHED and not (NEEDED and found.lasting):
        pytest.skip("not fetched: make engines")
    assert found.name in FETCHED, f"{found.server} is missing: make engines"
    return found


@contextmanager
def _client(project: Project, row: Row, port: int) -> "Iterator[Redis[Any]]":
    pem = str(project.root / ".redistopo" / "tls" / "client.pem")
    ca = str(project.root / ".redistopo" / "tls" / "ca.crt")
    tls: dict[str, Any] = {"ssl_ca_certs": ca, "ssl_certfile": pem, "ssl_keyfile": pem}
    with Redis(
        port=port,
        password=project.password,
        decode_responses=True,
        ssl=row.tls,
        **(tls if row.tls else {}),
    ) as client:
        yield client


def test_it_is_the_version_of_the_table_built_as_it_says(row: Row) -> None:
    engine = FETCHED[row.name]
    assert engine.product is row.product
    assert engine.version >= row.least
    assert engine.tls is row.tls


def test_a_cluster_from_init_to_down_and_a_planned_failover_between(
    project: Project, row: Row
) -> None:
    if row not in _SHORT:
        pytest.skip("in the whole form only: make test-full")
    tls = ("--tls",) if row.tls else ()
    project.init(
        "cluster", "--replicas", "1", "--formation", "instant", "--acl", *tls,
        engine=str(row.server),
    )  # fmt: skip
    project.up()
    for port in project.ports:
        with _client(project, row, port) as node:
            told = node.execute_command("CLUSTER INFO")
            assert (told["cluster_state"], told["cluster_known_nodes"]) == ("ok", "6")
            name = f"{row.product.value}_version"
            assert node.info("server")[name] == str(FETCHED[row.name].version)
    assert project.run("verify").code == 0
    with _client(project, row, project.port) as first:
        slot_0 = "{06S}"  # CRC16 gives it slot 0, which is node1's
        assert first.execute_command("CLUSTER KEYSLOT", slot_0) == 0
        first.set(slot_0, "kept")
        replica = next(
            int(str(address).rpartition(":")[2].partition("@")[0])
            for address, one in first.execute_command("CLUSTER NODES").items()
            if one["master_id"] == first.execute_command("CLUSTER MYID")
        )
    project.run("failover", str(replica), check=0)
    with _client(project, row, replica) as promoted:
        assert promoted.info("replication")["role"] == "master"
        assert promoted.get(slot_0) == "kept"
    with _client(project, row, project.port) as first:
        until(lambda: first.info("replication")["role"] == "slave")
    assert project.run("verify").code == 0
    project.run("down", check=0)
    assert project.servers() == []


EVERY_KEY = "MEMORY USAGE of every key"


@pytest.mark.parametrize("name", ["redis-8.10", "valkey-9.1.2"])
def test_slots_are_moved_at_once_by_the_servers_themselves_with_our_users(
    project: Project, name: str
) -> None:
    """CLUSTER MIGRATION IMPORT, or MIGRATESLOTS: a node logs in to another one."""
    if name not in TRIED:
        pytest.skip("not here")
    words = ("--replicas", "0", "--formation", "instant", "--acl")
    project.init("cluster", *words, engine=TRIED[name].path)
    edit(project, "[redis]\n", "[redis]\ncluster-slot-stats-enabled = true\n")
    project.up()
    first, second = (
        client(port, project.secret("admin"), user="admin") for port in project.ports[:2]
    )
    with first, second:
        first.set("{06S}", "moved", ex=1000)
        first.xadd("{06S}stream", {"field": "1"})
        first.hset("{06S}hash", "field", "1")
        first.hexpire("{06S}hash", 1000, "field")
        looked = ("move-slots", "0", "--to", "node2", "--dry-run", "--json")
        measured = project.run(*looked, check=0).json["result"]["measured"]
        # of a slot, Valkey counts keys, time and traffic, but no bytes
        assert measured == ("CLUSTER SLOT-STATS" if name.startswith("redis") else EVERY_KEY)
        if name.startswith("redis"):
            second.execute_command("CLUSTER", "MIGRATION", "IMPORT", 0, 100)
        else:
            target = second.execute_command("CLUSTER MYID")
            first.execute_command("CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", 0, 100, "NODE", target)
        until(lambda: second.execute_command("CLUSTER COUNTKEYSINSLOT", 0) == 3)
        until(lambda: project.run("verify").code == 0)
        assert second.get("{06S}") == "moved"
