"""A server that replies whatever a test wants, at the socket; it records what it was sent."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

Words = list[str]
Answer = Callable[[Words], bytes | Iterator[bytes]]
"""Returns the raw reply to a command; an iterator's parts are sent one after another."""

HANG_UP = b"\x00hang up"
"""At the end of a reply: the connection is closed after it."""


@dataclass
class Hostile:
    """A server on loopback; `seen` are the commands that it got, `answer` its replies."""

    port: int
    seen: list[Words] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def passwords(self) -> list[Words]:
        """The AUTH commands that it got, and HELLO with AUTH."""
        return [words for words in self.seen if "AUTH" in map(str.upper, words)]


@contextmanager
def hostile(answer: Answer, host: str = "127.0.0.1", port: int = 0) -> Iterator[Hostile]:
    """The server runs while the block lasts."""
    with socket.create_server((host, port)) as listener:
        made = Hostile(listener.getsockname()[1])
        thread = threading.Thread(target=_accept, args=(listener, made, answer), daemon=True)
        thread.start()
        try:
            yield made
        finally:
            made.over.set()
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def _accept(listener: socket.socket, made: Hostile, answer: Answer) -> None:
    while not made.over.is_set():
        try:
            link, _address = listener.accept()
        except OSError:
            return
        threading.Thread(target=_serve, args=(link, made, answer), daemon=True).start()


def _serve(link: socket.socket, made: Hostile, answer: Answer) -> None:
    with suppress(OSError, ValueError), link, link.makefile("rb") as lines:
        while not made.over.is_set() and (words := _command(lines)):
            made.seen.append(words)
            reply = answer(words)
            for part in [reply] if isinstance(reply, bytes) else reply:
                link.sendall(part.removesuffix(HANG_UP))
                if made.over.is_set() or part.endswith(HANG_UP):
                    return


def _command(lines: object) -> Words:
    first = lines.readline()  # type: ignore[attr-defined]
    words = []
    for _ in range(int(first[1:])):
        length = int(lines.readline()[1:])  # type: ignore[attr-defined]
        words.append(lines.read(length + 2)[:-2].decode(errors="replace"))  # type: ignore[attr-defined]
    return words


def bulk(text: str | bytes) -> bytes:
    """A bulk string."""
    raw = text if isinstance(text, bytes) else text.encode()
    return b"$%d\r\n%s\r\n" % (len(raw), raw)


def array(*parts: bytes) -> bytes:
    """An array of replies."""
    return b"*%d\r\n%s" % (len(parts), b"".join(parts))


OK = b"+OK\r\n"
ID = "a" * 40


def info(*lines: str) -> bytes:
    """The reply to INFO, with what every server has."""
    always = ("redis_version:7.4.0", "run_id:" + ID, "process_id:1", "tcp_port:1")
    return bulk("\r\n".join((*always, *lines)) + "\r\n")


def cluster(*lines: str) -> Answer:
    """A cluster node that prints these lines of CLUSTER NODES."""

    def answer(words: Words) -> bytes:
        match [word.upper() for word in words[:2]]:
            case ["INFO", *_]:
                return info("role:master", "cluster_enabled:1", "redis_mode:cluster")
            case ["CLUSTER", "NODES"]:
                return bulk("\n".join(lines) + "\n")
            case ["CLUSTER", "INFO"]:
                return bulk("cluster_state:ok\r\n")
            case ["CLUSTER", "MYID"]:
                return bulk(ID)
            case ["AUTH", *_]:
                return OK
            case ["PING"]:
                return b"+PONG\r\n"
        return b"-ERR unknown command\r\n"

    return answer


def replication(*lines: str) -> Answer:
    """A node that isn't in a cluster, with these lines in INFO."""

    def answer(words: Words) -> bytes:
        match words[0].upper():
            case "INFO":
                return info(*lines)
            case "AUTH":
                return OK
        return b"-ERR unknown command\r\n"

    return answer
