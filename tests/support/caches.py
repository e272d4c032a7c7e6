"""What the tests of the cache-aside library share: clients as it wants them, and a database."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from redis import Redis, RedisCluster
from redis.backoff import NoBackoff
from redis.cluster import ClusterNode
from redis.retry import Retry

from redistopo.cache_aside import Served, refreshed_beside

SECONDS = 0.5
SHORT: dict[str, Any] = {"socket_timeout": SECONDS, "socket_connect_timeout": SECONDS}

BOUND = 2 * SECONDS + 0.25
"""A degraded get's time in Redis by the settings: to connect, to wait for the answer, and what
redis-py waits after CLUSTERDOWN."""

MARGIN = 4.0
"""What a busy machine may add."""


def short(port: int, password: str = "") -> Any:
    """A client of one server that never waits long."""
    return Redis(
        host="127.0.0.1",
        port=port,
        password=password or None,
        retry=Retry(NoBackoff(), 0),
        **SHORT,
    )


def short_cluster(ports: list[int], password: str, **more: Any) -> Any:
    """The same of a cluster."""
    nodes = [ClusterNode("127.0.0.1", port) for port in ports]
    return refreshed_beside(
        RedisCluster(
            startup_nodes=nodes,
            password=password or None,
            retry=Retry(NoBackoff(), 0),
            require_full_coverage=False,
            **SHORT,
            **more,
        )
    )


class Rows:
    """A database in memory that counts its reads, and that a test can hold in the midst of one."""

    def __init__(self, **rows: Any) -> None:
        self.rows: dict[str, Any] = dict(rows)
        self.loads = 0
        self.error: Exception | None = None
        self.read = threading.Event()
        """A held load has read its row."""
        self._go = threading.Event()
        self._go.set()
        self._lock = threading.Lock()

    def hold(self) -> None:
        """Loads read their row and wait, until `go`."""
        self.read.clear()
        self._go.clear()

    def go(self) -> None:
        self._go.set()

    def load(self, id: str) -> Mapping[str, Any] | None:
        with self._lock:
            self.loads += 1
            row = self.rows.get(id)
            error = self.error
        self.read.set()
        assert self._go.wait(20)
        if error:
            raise error
        return None if row is None else {"id": id, "value": row}


def at_once(count: int, work: Callable[[int], Any]) -> list[Any]:
    """What so many threads got from `work(number)`, begun at one moment; errors are results."""
    line = threading.Barrier(count)
    got: list[Any] = [None] * count

    def run(number: int) -> None:
        line.wait()
        try:
            got[number] = work(number)
        except Exception as error:  # noqa: BLE001  told to the test, whatever it is
            got[number] = error

    threads = [threading.Thread(target=run, args=(n,)) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return got


def beside(work: Callable[[], Any]) -> Callable[[], Any]:
    """Begins in a thread; what is given back waits for its result."""
    got: list[Any] = []
    thread = threading.Thread(target=lambda: got.append(work()))
    thread.start()

    def result() -> Served:
        thread.join(20)
        return got[0]

    return result


class Process:
    """Another process with a cache of its own; what it loads it tells in one line of a file."""

    def __init__(
        self, port: int, journal: Path, *, threads: int = 1, delay: float = 0.0, claim: float = 10.0
    ) -> None:
        order = json.dumps(
            {
                "port": port,
                "journal": str(journal),
                "threads": threads,
                "delay": delay,
                "claim": claim,
            }
        )
        self._process = subprocess.Popen(
            [sys.executable, __file__, order],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )  # fmt: skip
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"

    def ask(self, id: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(id + "\n")
        self._process.stdin.flush()

    def answer(self) -> list[Any]:
        """What each of its threads got: (data, source), or an error's name."""
        assert self._process.stdout is not None
        got: list[Any] = json.loads(self._process.stdout.readline())
        return got

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()


def _main() -> None:
    from redistopo.cache_aside import CacheAside, Settings

    order = json.loads(sys.argv[1])
    journal = Path(order["journal"])

    def load(id: str) -> Mapping[str, Any]:
        with journal.open("a") as file:
            file.write(f"{os.getpid()} {id}\n")
        threading.Event().wait(order["delay"])
        return {"id": id}

    cache = CacheAside(short(order["port"]), load, settings=Settings(claim_seconds=order["claim"]))
    _tell("ready")
    for line in sys.stdin:
        id = line.rstrip("\n")
        got = at_once(order["threads"], lambda _, id=id: cache.get(id))
        told = [(one.data, one.source) if isinstance(one, Served) else repr(one) for one in got]
        _tell(json.dumps(told))


def _tell(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    _main()
