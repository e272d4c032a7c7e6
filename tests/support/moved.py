"""What a cluster's nodes themselves report of slots and keys, by redis-py and nothing of ours."""

from collections.abc import Iterable
from typing import Any

from redis import Redis
from redis.backoff import NoBackoff
from redis.crc import key_slot
from redis.retry import Retry

from support.project import Project


def names_in(slots: Iterable[int], each: int = 3) -> dict[int, list[bytes]]:
    """So many keys of each slot; some aren't valid UTF-8."""
    wanted = set(slots)
    found: dict[int, list[bytes]] = {slot: [] for slot in wanted}
    left = set(wanted)
    number = 0
    while left:
        key = b"k\xff%d" % number if number % 3 == 0 else b"k%d" % number
        number += 1
        slot = key_slot(key)
        if slot in left:
            found[slot].append(key)
            if len(found[slot]) == each:
                left.discard(slot)
    return found


def raw(project: Project, port: int) -> "Redis[Any]":
    """A client whose keys and values are bytes."""
    return Redis(port=port, password=project.password or None, retry=Retry(NoBackoff(), 0))


def primaries(project: Project) -> dict[int, "Redis[Any]"]:
    """Port -> a client of each primary."""
    found = {port: raw(project, port) for port in project.ports}
    return {p: one for p, one in found.items() if one.info("replication")["role"] == "master"}


def owners(project: Project) -> dict[int, int]:
    """Slot -> the port of its owner, on which every node agrees, replicas too."""
    views = set()
    for port in project.ports:
        with project.client(port) as node:
            node.response_callbacks.clear()
            ranges = node.execute_command("CLUSTER SLOTS")
        views.add(frozenset((s, int(one[2][1])) for one in ranges for s in _between(one)))
    assert len(views) == 1, f"{len(views)} different tables of slots"
    found = dict(next(iter(views)))
    assert len(found) == 16384
    return found


def _between(entry: list[Any]) -> range:
    return range(int(entry[0]), int(entry[1]) + 1)


def fill(project: Project, slots: Iterable[int], each: int = 3) -> None:
    """Write keys of several types into these slots."""
    table = owners(project)
    clients = {port: raw(project, port) for port in set(table.values())}
    for slot, keys in names_in(slots, each).items():
        pipe = clients[table[slot]].pipeline(transaction=False)
        for number, key in enumerate(keys):
            if number % 3 == 0:
                pipe.set(key, b"v" + key)
            elif number % 3 == 1:
                pipe.rpush(key, *range(5))
            else:
                pipe.hset(key, mapping={"f": "x" * 50, "g": "1"})
        pipe.execute()


def data(project: Project) -> dict[bytes, Any]:
    """Every key that a primary has in a slot of its own, with its value; a key is at one node."""
    found: dict[bytes, Any] = {}
    read = {b"string": "get", b"list": "lrange", b"hash": "hgetall"}
    table = owners(project)
    for port, node in primaries(project).items():
        for key in node.scan_iter(count=1000):
            assert table[key_slot(key)] == port, f"{key!r} is at {port}, which doesn't own its slot"
            kind = node.type(key)
            extra = (0, -1) if kind == b"list" else ()
            found[key] = getattr(node, read[kind])(key, *extra)
        node.close()
    return found
