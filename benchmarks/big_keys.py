"""Big keys: how long a client waits for its write while a hash and a sorted set of many MB move."""

import threading
import time
from contextlib import closing

from redis import Redis
from redis.exceptions import RedisError

from benchmarks.servers import VALKEY_ATOMIC, on
from benchmarks.stage import Made, Stage

_KIND = ("cluster", "--shards", "3", "--replicas", "0", "--formation", "instant")
_PAUSE = 0.0025


def longest_wait(stage: Stage) -> tuple[float, None]:
    """Seconds that a server replied to no command at most, while both keys move from it by the
    servers' atomic way; without consent, what could block for longer doesn't move at all."""
    stage = on(stage, VALKEY_ATOMIC)
    with stage.topology((*_KIND, "--persistence", "none"), 3) as made:
        stage.up(made)
        slots = _fill(made, 2_000 if stage.small else 1_000_000)
        waits: list[float] = []
        stop = threading.Event()
        thread = threading.Thread(target=_ping, args=(made, waits, stop))
        thread.start()
        try:
            where = ("--dir", str(made.folder))
            stage.ours("move-slots", slots, "--to", "node2", *where, "--allow-blocking")
        finally:
            stop.set()
            thread.join()
        return max(waits), None


def _fill(made: Made, members: int) -> str:
    """A hash of 68 bytes a field, and a sorted set, both of the first node."""
    password = made.wanted().password
    with closing(Redis(port=made.ports[0], password=password or None, socket_timeout=60)) as node:
        pipe = node.pipeline(transaction=False)
        for number in range(members):
            pipe.hset("{b}hash", f"field:{number}", "x" * 40)  # slot 3300
            pipe.zadd("{06S}set", {f"member:{number}": number})  # slot 0
            if number % 5000 == 0:
                pipe.execute()
        pipe.execute()
        slots = (node.execute_command("CLUSTER", "KEYSLOT", tag) for tag in ("b", "06S"))
        return ",".join(map(str, slots))


def _ping(made: Made, waits: list[float], stop: threading.Event) -> None:
    """One client for each of the two servers in turn."""
    password = made.wanted().password or None
    nodes = [Redis(port=port, password=password, socket_timeout=60) for port in made.ports[:2]]
    try:
        while not stop.wait(_PAUSE):
            for node in nodes:
                began = time.monotonic()
                try:
                    node.ping()
                except RedisError:
                    continue
                waits.append(time.monotonic() - began)
    finally:
        for node in nodes:
            node.close()
