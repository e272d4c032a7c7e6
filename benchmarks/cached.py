"""The cache-aside library: what a hit costs above a bare GET, and how often a stampede loads."""

import multiprocessing
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from multiprocessing.synchronize import Barrier
from statistics import median
from typing import Any

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from benchmarks.stage import Stage
from benchmarks.trial import Outcome
from redistopo.demo import CacheAside

_ROW = {
    "id": "1",
    "name": "Item 1",
    "description": "Description of item 1",
    "timestamp": "2026-01-01T12:00:00.000Z",
}
_PAIRS = 5000
_MISSES = 100
_PROCESSES = 4
_LOAD_SECONDS = 0.2
_DEADLINE = 20.0


def hits(stage: Stage) -> tuple[float, float]:
    """Seconds for a thousand hits, and for a thousand GETs of the same key by the same client.

    They are taken in turns, one and one, and their medians compared: what else the machine does
    meets both alike. Ours reads JSON as well; a bare GET gives bytes.
    """
    with _server(stage) as port, closing(_client(port)) as client:
        cache = CacheAside(client, lambda _: _ROW)
        cache.get("1")
        key = cache.key("1")
        ours: list[float] = []
        theirs: list[float] = []
        for number in range(_PAIRS):
            both = ((cache.get, "1", ours), (client.get, key, theirs))
            for command, word, took in both if number % 2 else both[::-1]:
                began = time.perf_counter()
                command(word)
                took.append(time.perf_counter() - began)
        if cache.stats.counts().hits != _PAIRS:
            raise SystemExit("a row was not in the cache: no hit was measured")
    return median(ours) * 1000, median(theirs) * 1000


def stampede(stage: Stage, runs: int) -> Outcome:
    """A hundred misses of one key at one moment, so many times: in one process, and in four."""
    rounds: list[dict[str, Any]] = []
    with _server(stage) as port, closing(_client(port)) as client:
        for number in range(runs):
            for processes in (1, _PROCESSES):
                key = f"{number}-{processes}"
                wrong = _at_once(port, key, processes)
                loads = int(client.get(f"loads:{key}") or 0)
                rounds.append({"processes": processes, "loads": loads, "wrong": wrong})
    lines = []
    for processes in (1, _PROCESSES):
        loads = [one["loads"] for one in rounds if one["processes"] == processes]
        once = sum(one == 1 for one in loads)
        lines.append(
            f"{_MISSES} misses in {processes} process{'es' * (processes > 1)}: "
            f"1 load in {once} of {runs} runs, at most {max(loads)}"
        )
    met = all(one["loads"] == 1 and not one["wrong"] for one in rounds)
    return Outcome(lines=tuple(lines), met=met, document={"rounds": rounds})


def _at_once(port: int, key: str, processes: int) -> int:
    """How many of the requests failed, or got another row."""
    start = multiprocessing.get_context("spawn")
    line = start.Barrier(processes)
    wrong = start.Queue()
    made = [
        start.Process(target=_requests, args=(port, key, _MISSES // processes, line, wrong))
        for _ in range(processes)
    ]
    for process in made:
        process.start()
    try:
        return sum(wrong.get(timeout=_DEADLINE) for _ in made)
    finally:
        for process in made:
            process.join(_DEADLINE)


def _requests(port: int, key: str, count: int, line: Barrier, wrong: Any) -> None:
    """So many requests in threads of this process, begun when all processes are ready."""
    with closing(_client(port)) as client:

        def load(asked: str) -> dict[str, str]:
            client.incr(f"loads:{asked}")
            threading.Event().wait(_LOAD_SECONDS)
            return {"id": asked}

        cache = CacheAside(client, load)
        right: list[bool] = []
        together = threading.Barrier(count)

        def request() -> None:
            together.wait()
            right.append(cache.get(key).data == {"id": key})

        threads = [threading.Thread(target=request) for _ in range(count)]
        line.wait(_DEADLINE)
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        wrong.put(count - sum(right))


def _client(port: int) -> Any:
    return Redis(port=port, socket_timeout=5, socket_connect_timeout=5, retry=Retry(NoBackoff(), 0))


@contextmanager
def _server(stage: Stage) -> Iterator[int]:
    """The port of a server that answers; it has ended afterwards."""
    (port,) = stage.ports(1)
    folder = stage.folder("cached")
    argv = [stage.server, "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    process = subprocess.Popen(argv, cwd=folder, stdout=subprocess.DEVNULL)
    try:
        with closing(_client(port)) as client:
            _until(client.ping)
        yield port
    finally:
        process.kill()
        process.wait()


def _until(answers: Callable[[], object]) -> None:
    end = time.monotonic() + _DEADLINE
    while time.monotonic() < end:
        with suppress(RedisError):
            answers()
            return
        time.sleep(0.01)
    raise SystemExit("the server doesn't answer")
