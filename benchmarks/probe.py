"""An independent probe: bare sockets in a process of its own, without redistopo and redis-py.

``python -m benchmarks.probe PASSWORD KEY PORT...`` writes the key at every node, again and again
and without waiting for any of them, until its standard input is closed. Then it prints, as JSON,
the spans between two acknowledged writes that are longer than `SPAN_SECONDS`, and how late it was
itself at most, in seconds.
"""

import json
import os
import select
import socket
import sys
import time
from contextlib import suppress

SPAN_SECONDS = 0.05
_TICK_SECONDS = 0.005
_CONNECT_SECONDS = 0.3
_REPLY_SECONDS = 0.25
"""A reply that comes later was given by a node that was paused: it served nobody until then."""


class _Node:
    """One node: its connection, and the moment of the request that has no reply yet."""

    def __init__(self, port: int, login: bytes, request: bytes) -> None:
        self.port = port
        self._login, self._request = login, request
        self.socket: socket.socket | None = None
        self._opened = 0.0
        self._asked = 0.0
        self._waiting = 0

    def ask(self, now: float) -> None:
        """Send one write, unless an earlier one has no reply yet."""
        if self.socket is None:
            if now - self._opened < 0.02:
                return
            self._open(now)
        if self._waiting and now - self._opened > _CONNECT_SECONDS and not self._asked:
            self.close()
        if self.socket is None or self._waiting:
            return
        try:
            self.socket.send(self._request)
            self._asked, self._waiting = now, 1
        except OSError:
            self.close()

    def served(self, now: float) -> bool:
        """Read the reply; return whether the write was acknowledged in time."""
        try:
            told = self.socket.recv(4096) if self.socket else b""
        except BlockingIOError:
            return False
        except OSError:
            told = b""
        if not told:
            self.close()
            return False
        self._waiting -= min(self._waiting, told.count(b"\r\n"))
        good = self._asked and told.endswith(b"+OK\r\n") and now - self._asked < _REPLY_SECONDS
        return bool(good)

    def close(self) -> None:
        if self.socket is not None:
            self.socket.close()
        self.socket, self._waiting = None, 0

    def _open(self, now: float) -> None:
        self._opened, self._asked = now, 0.0
        self.socket = socket.socket()
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with suppress(BlockingIOError):
            try:
                self.socket.connect(("127.0.0.1", self.port))
            except BlockingIOError:
                raise
            except OSError:
                self.close()
                return
        if self._login:
            try:
                self.socket.send(self._login)
                self._waiting = 1
            except OSError:
                self.close()


def _command(*words: str) -> bytes:
    parts = [f"${len(word.encode())}\r\n{word}\r\n" for word in words]
    return f"*{len(words)}\r\n{''.join(parts)}".encode()


def main() -> None:
    """Probe until the standard input ends, then print what was seen."""
    password, key, *ports = sys.argv[1:]
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, -15)  # allowed for root only
    login = _command("AUTH", password) if password else b""
    nodes = [_Node(int(port), login, _command("SET", key, "x")) for port in ports]
    last = late = 0.0
    spans: list[tuple[float, float]] = []
    due = time.monotonic()
    while True:
        now = time.monotonic()
        late = max(late, now - due)
        for node in nodes:
            node.ask(now)
        due = now + _TICK_SECONDS
        while (left := due - time.monotonic()) > 0:
            by_socket = {node.socket: node for node in nodes if node.socket is not None}
            ready, _, _ = select.select([sys.stdin, *by_socket], [], [], left)
            now = time.monotonic()
            if sys.stdin in ready:
                print(json.dumps({"spans": [*spans, (last, now)], "late": late}))
                return
            for one in ready:
                if by_socket[one].served(now):
                    if last and now - last > SPAN_SECONDS:
                        spans.append((last, now))
                    last = now


if __name__ == "__main__":
    main()
