"""Where a benchmark plays: temporary folders, free ports, timed commands, and a clean end."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from benchmarks.judge import Judge, Wanted
from redistopo.host.all_processes import pids_of

ROOT = Path(__file__).parents[1]
_FIRST, _LAST = 16000, 17999
_BUS = 10000
_SERVERS = ("redis-server", "valkey-server", "redis-check-rdb", "valkey-check-rdb")
# Variables that change a topology, or how Python starts: PYTHONDONTWRITEBYTECODE, set in many
# containers, would have every run compile the checkout anew.
_LEFT_OUT = ("REDISTOPO_", "REDISCLI_AUTH", "VALKEYCLI_AUTH", "NO_COLOR", "PYTHON")


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A topology file of ours in a folder of its own, and what it should become."""

    folder: Path
    ports: tuple[int, ...]
    shards: int
    clustered: bool
    sentinels: tuple[int, ...] = ()

    def wanted(self) -> Wanted:
        kept = self.folder / ".redistopo" / "password"
        return Wanted(
            ports=self.ports,
            shards=self.shards,
            clustered=self.clustered,
            password=kept.read_text().strip() if kept.exists() else "",
        )


@dataclass(slots=True, kw_only=True)
class Stage:
    """The server and CLI that both sides use, and the means to run either side."""

    server: str
    cli: str
    forced: bool
    redistopo: str = ""
    shards_of_many: int = 51
    tests_of_many: int = 200
    slots_of_move: int = 4096
    keys_of_move: int = 300_000
    resets: int = 200
    workers: int = 4
    root: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="redistopo-bench-")))
    violations: list[str] = field(default_factory=list)
    _next: int = _FIRST

    @property
    def small(self) -> bool:
        """Whether rows only have to show that they run."""
        return self.shards_of_many <= 3

    @property
    def command(self) -> list[str]:
        if self.redistopo:
            return [self.redistopo]
        beside = Path(sys.executable).parent / "redistopo"
        return [str(beside)] if beside.exists() else [sys.executable, "-m", "redistopo"]

    @property
    def environment(self) -> dict[str, str]:
        """Of both sides; with a registry of its own."""
        kept = {name: text for name, text in os.environ.items() if not name.startswith(_LEFT_OUT)}
        return {**kept, "XDG_STATE_HOME": str(self.root / "state")}

    def folder(self, name: str) -> Path:
        """A fresh one."""
        return Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self.root))

    def ports(self, count: int) -> tuple[int, ...]:
        """So many free ports in a row, their bus ports too; other ones than the last time."""
        for _ in range(2 * (_LAST - _FIRST)):
            if self._next + count > _LAST:
                self._next = _FIRST
            block = range(self._next, self._next + count)
            taken = next((port for port in block if not (free(port) and free(port + _BUS))), None)
            if taken is None:
                self._next += count
                return tuple(block)
            self._next = taken + 1
        raise SystemExit(f"no {count} free ports in a row from {_FIRST} to {_LAST}")

    def timed(self, argv: list[str]) -> float:
        """Seconds of a whole process, its output to a pipe; SystemExit where it failed."""
        pipe = subprocess.PIPE
        began = time.perf_counter()
        process = subprocess.Popen(
            argv, env=self.environment, stdout=pipe, stderr=subprocess.STDOUT, text=True
        )
        try:
            said, _ = process.communicate()
            took = time.perf_counter() - began
        except BaseException:
            process.terminate()  # not kill: an `up` must end what it has started
            process.communicate()
            raise
        if process.returncode:
            raise SystemExit(f"{' '.join(argv)}\nexit code {process.returncode}\n{said}")
        return took

    def ours(self, *arguments: str) -> float:
        return self.timed([*self.command, *arguments])

    @contextmanager
    def topology(self, kind: tuple[str, ...], size: int) -> Iterator[Made]:
        """`redistopo init` was done with these arguments; nothing of it is left at the end."""
        folder = self.folder(kind[0])
        ports = self.ports(size)
        extra = ("--engine", self.server) if self.forced else ()
        sentinels = self.ports(3) if kind[0] == "sentinel" else ()
        if sentinels:
            extra += ("--sentinel-port", str(sentinels[0]))
        self.ours("init", *kind, "--port", str(ports[0]), "--dir", str(folder), *extra)
        clustered = kind[0] == "cluster"
        shards = int(kind[kind.index("--shards") + 1]) if clustered else 1
        try:
            yield Made(
                folder=folder, ports=ports, sentinels=sentinels, shards=shards, clustered=clustered
            )
        finally:
            end_servers_in(folder)
            shutil.rmtree(folder, ignore_errors=True)  # its ports are no longer reserved

    def up(self, made: Made) -> float:
        """Seconds of `redistopo up`; right after it, the independent judge must agree."""
        return self.judged(made, "up")

    def judged(self, made: Made, *words: str) -> float:
        """Seconds of that command, which says that all is well when it ends."""
        took = self.ours(*words, "--dir", str(made.folder))
        judge = Judge(wanted=made.wanted())
        try:
            self.violations += [f"up returned too early: {one}" for one in judge.faults()]
        finally:
            judge.close()
        return took

    def close(self) -> None:
        end_servers_in(self.root)
        shutil.rmtree(self.root, ignore_errors=True)


def servers_in(folder: Path) -> list[psutil.Process]:
    """Every server that works below that folder, found without any record of ours."""
    found = []
    for pid in pids_of(_SERVERS):
        with suppress(psutil.Error, OSError):
            process = psutil.Process(pid)
            where = Path(process.cwd().removesuffix(" (deleted)"))
            if where.is_relative_to(folder) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def end_servers_in(folder: Path) -> None:
    """No server works below that folder, whatever happened; each was ended by its pid."""
    while left := servers_in(folder):
        for process in left:
            with suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(left, timeout=0.05)


def free(port: int) -> bool:
    """Whether a server could bind that port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
