"""`redistopo demo` as a user starts it, asked by http.client alone."""

import http.client
import json
import re
import selectors
import signal
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import quote

import pytest

from support.ports import leased
from support.project import Project
from support.telling import Telling
from support.waiting import until


@dataclass
class Reply:
    """What was answered."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def error(self) -> str:
        """The message of an error as every route tells it."""
        told = self.json["error"]
        assert self.headers["Content-Type"] == "application/json"
        assert told["message"]
        assert isinstance(told["hint"], str)
        return str(told["message"])


class Listener:
    """An open event stream; `told` is what came so far, as (event, data)."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self._connection.request("GET", "/events")
        self._sock = self._connection.sock  # which the reply takes over
        self._reply = self._connection.getresponse()
        self.status = self._reply.status
        self.told: list[tuple[str, Any]] = []
        self.ended = False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def of(self, event: str) -> list[Any]:
        """The data of each such event so far."""
        return [data for name, data in list(self.told) if name == event]

    @property
    def state(self) -> Any:
        return self.of("state")[-1]

    def stories(self) -> str:
        return "\n".join(one["text"] for one in self.of("story"))

    def close(self) -> None:
        """Hangs up, as a closed window does."""
        with suppress(OSError):  # the demo may have ended before
            self._sock.shutdown(socket.SHUT_RDWR)
        self._reader.join(10)
        self._reply.close()
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read(self) -> None:
        event = ""
        try:
            for raw in self._reply:
                name, _, value = raw.decode().rstrip("\n").partition(": ")
                if name == "event":
                    event = value
                elif name == "data":
                    self.told.append((event, json.loads(value)))
        except (OSError, http.client.HTTPException, ValueError):
            pass
        self.ended = True


class Crowd:
    """Many open event streams, read by one thread that understands little of them."""

    def __init__(self, port: int, count: int) -> None:
        self._left = selectors.DefaultSelector()
        self._sockets = [socket.create_connection(("127.0.0.1", port)) for _ in range(count)]
        self.heard = {one.fileno(): set[bytes]() for one in self._sockets}
        for one in self._sockets:
            one.sendall(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
            self._left.register(one, selectors.EVENT_READ)
        self._ended = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def count(self, words: bytes) -> int:
        """How many streams said that."""
        return sum(words in heard for heard in list(self.heard.values()))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._reader.join(10)
        for one in self._sockets:
            one.close()

    def _read(self) -> None:
        while not self._ended.is_set():
            for key, _events in self._left.select(0.1):
                assert isinstance(key.fileobj, socket.socket)
                text = key.fileobj.recv(65536)
                if not text:
                    self._left.unregister(key.fileobj)
                self.heard[key.fd].update(re.findall(rb"HTTP/1.1 \d+|event: \w+", text))


class Demo:
    """The demo of a project, serving; its own process ends with the block."""

    def __init__(self, project: Project, port: int, *words: str) -> None:
        self.port = port
        self.telling = Telling(project, "demo", "--port", str(port), *words)
        try:
            until(lambda: self.telling.lines or self.telling.process.poll() is not None, 30)
            assert self.telling.lines == [f"Serving on http://127.0.0.1:{port} (Ctrl-C ends)"]
        except BaseException:  # no block has begun that would end it
            self.telling.process.kill()
            self.telling.process.wait()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self, number: signal.Signals = signal.SIGINT) -> int:
        return self.telling.end(number)

    def ask(self, method: str, path: str, body: object = None, **headers: str) -> Reply:
        """One request; `body` goes as JSON unless it is bytes, underscores in headers as dashes."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        data = body if isinstance(body, bytes) else None
        if body is not None and data is None:
            data = json.dumps(body).encode()
            sent.setdefault("Content-Type", "application/json")
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, data, sent)
            reply = connection.getresponse()
            return Reply(reply.status, dict(reply.headers), reply.read().decode())
        finally:
            connection.close()

    def get(self, item: str) -> Reply:
        return self.ask("GET", f"/data/{quote(item, safe='')}")

    def press(self, path: str, body: object) -> Reply:
        """What only the page may ask for, with its token."""
        return self.ask("POST", path, body, X_Redistopo_Token=self.token)

    @property
    def token(self) -> str:
        found = re.search(r'name="redistopo-token" content="([^"]+)"', self.ask("GET", "/").text)
        assert found is not None
        return found[1]

    def metric(self, name: str) -> float:
        """The value of a metric without labels."""
        found = re.search(rf"^{name} (\S+)$", self.ask("GET", "/metrics").text, re.MULTILINE)
        assert found is not None, self.ask("GET", "/metrics")
        return float(found[1])

    def listen(self) -> Listener:
        return Listener(self.port)


@contextmanager
def one_project(factory: pytest.TempPathFactory, *words: str, engine: str) -> Iterator[Project]:
    """A project that is up, for all tests of a file; nothing of it is left."""
    with ExitStack() as stack:
        project = Project(factory.mktemp("project"), stack.enter_context(leased()))
        project.env["XDG_STATE_HOME"] = str(factory.mktemp("state"))
        stack.callback(project.cleanup)
        project.init(*words, engine=engine)
        project.up()
        yield project
