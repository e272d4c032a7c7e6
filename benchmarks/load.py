"""Heavy load on every primary: redis-benchmark where it is installed, else bare redis-py.

Each process has an end of its own, in commands and in seconds; all are ended before, or end with
this process if it is killed.
"""

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from redis import Connection
from redis.crc import key_slot

from redistopo.host.tied_program import Streams, tied_program

_COMMANDS = 50_000_000
_SECONDS = 1800
_CLIENTS = 20
_AT_ONCE = 4

Primaries = dict[int, str]
"""Port -> a hash tag whose keys live there ("" outside a cluster)."""


def program() -> str:
    """The benchmark of Redis or Valkey on this machine; "" for none."""
    found = (shutil.which(name) for name in ("redis-benchmark", "valkey-benchmark"))
    return next((path for path in found if path), "")


@dataclass(slots=True)
class Load:
    """Processes that write to primaries, one each; the last of them ends with `close`."""

    password: str
    _running: dict[int, tuple["subprocess.Popen[bytes]", ExitStack]] = field(default_factory=dict)

    def on(self, primaries: Primaries) -> None:
        """Exactly these primaries are under load now."""
        for port in self._running.keys() - primaries.keys():
            self._end(port)
        for port, tag in primaries.items():
            if port in self._running and self._running[port][0].poll() is not None:
                self._end(port)
            if port not in self._running:
                self._running[port] = _start(port, tag, self.password)

    def close(self) -> None:
        for port in tuple(self._running):
            self._end(port)

    def _end(self, port: int) -> None:
        self._running.pop(port)[1].close()


def tag_in(first: int, last: int) -> str:
    """A short tag whose slot lies in that range."""
    return next(str(n) for n in range(1_000_000) if first <= int(key_slot(str(n).encode())) <= last)


def _start(port: int, tag: str, password: str) -> tuple["subprocess.Popen[bytes]", ExitStack]:
    key = f"load:{{{tag}}}:__rand_int__" if tag else "load:__rand_int__"
    argv = [sys.executable, "-m", "benchmarks.load", str(port), password, key]
    if found := program():
        argv = [
            *(found, "-h", "127.0.0.1", "-p", str(port), "-a", password, "-q"),
            *("-c", str(_CLIENTS), "-P", str(_AT_ONCE), "-n", str(_COMMANDS), "-r", "50000"),
            *("SET", key, "x" * 64),
        ]
    ended = ExitStack()
    return ended.enter_context(tied_program(argv, Path.cwd(), Streams())), ended


def _write(port: int, password: str, key: str) -> None:
    """The same without a benchmark program: pipelines of writes on one connection."""
    connection = Connection(
        host="127.0.0.1", port=port, password=password or None, protocol=2, driver_info=None
    )
    end = time.monotonic() + _SECONDS
    for batch in _batches(key):
        connection.send_packed_command(connection.pack_commands(batch))
        for _ in batch:
            connection.read_response()
        if time.monotonic() > end:
            return


def _batches(key: str) -> Iterator[list[tuple[str, str, str]]]:
    for number in range(_COMMANDS // 100):
        names = (key.replace("__rand_int__", str((number * 100 + n) % 50_000)) for n in range(100))
        yield [("SET", name, "x" * 64) for name in names]


if __name__ == "__main__":
    _write(int(sys.argv[1]), sys.argv[2], sys.argv[3])
