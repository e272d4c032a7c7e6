"""Servers that a test starts by hand, as somebody else would."""

import subprocess
from contextlib import closing
from pathlib import Path

from redis.exceptions import RedisError

from support.engines import BUNDLED
from support.judge import client
from support.waiting import until


class ByHand:
    """Servers below one folder, each in its own; none outlives `close`."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._made: dict[int, subprocess.Popen[bytes]] = {}

    def start(self, port: int, *words: str) -> int:
        """The pid of a server on that port; it may not listen yet."""
        return self._start(port, "--port", str(port), "--bind", "127.0.0.1", "--save", "", *words)

    def start_from(self, port: int, conf: Path) -> int:
        """The pid of a server on that port with its own file, which it can write."""
        return self._start(port, str(conf))

    def sentinel(self, port: int, *primaries: tuple[str, int]) -> int:
        """The pid of a Sentinel of these primaries, by name and port, with a quorum of 1."""
        lines = [f"port {port}", "bind 127.0.0.1"]
        for name, of in primaries:
            lines.append(f"sentinel monitor {name} 127.0.0.1 {of} 1")
            lines.append(f"sentinel down-after-milliseconds {name} 60000")
        conf = self._root / f"sentinel-{port}.conf"
        conf.write_text("\n".join(lines) + "\n")
        return self._start(port, str(conf), "--sentinel")

    def _start(self, port: int, *words: str) -> int:
        folder = self._root / f"byhand-{port}"
        folder.mkdir(exist_ok=True)
        with (folder / "log").open("ab") as log:
            process = subprocess.Popen(
                [BUNDLED.path, *words],
                cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        self._made[port] = process
        return process.pid

    def cluster(self, first: int, count: int) -> None:
        """So many primaries that know each other; they get their slots last of all."""
        ports = range(first, first + count)
        for port in ports:
            self.start(port, "--cluster-enabled", "yes", "--cluster-node-timeout", "2000")
        for port in ports:
            listening(port)
        with closing(client(first)) as node:
            for port in ports[1:]:
                node.execute_command("CLUSTER", "MEET", "127.0.0.1", port)
        share = 16384 // count
        for number, port in enumerate(ports):
            last = 16383 if port == ports[-1] else (number + 1) * share - 1
            with closing(client(port)) as node:
                node.execute_command("CLUSTER", "ADDSLOTSRANGE", number * share, last)

    def end(self, port: int) -> None:
        """The server on that port got SIGKILL, and has ended."""
        self._made[port].kill()
        self._made.pop(port).wait()

    def close(self) -> None:
        for port in tuple(self._made):
            self.end(port)


def listening(port: int, password: str = "") -> None:
    """It answers now."""

    def answers() -> bool:
        with closing(client(port, password)) as node:
            try:
                return bool(node.ping())
            except RedisError:
                return False

    until(answers)
