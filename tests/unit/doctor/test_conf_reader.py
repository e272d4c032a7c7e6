"""A redis.conf from a folder: what is read of it, and to whom its password is told."""

import os
import socketserver
import threading
from pathlib import Path

import pytest

from redistopo.doctor.conf_reader import read_conf_file
from redistopo.errors import UsageError


def test_what_never_ends_is_not_read(tmp_path: Path) -> None:
    pipe, large, conf = tmp_path / "pipe", tmp_path / "large", tmp_path / "redis.conf"
    os.mkfifo(pipe)
    large.write_bytes(b"#" * (4 * 1024 * 1024 + 1))
    for odd in (pipe, large, Path("/dev/zero")):
        with pytest.raises(UsageError, match="is not a configuration file"):
            read_conf_file(odd)
        conf.write_text(f"port 0\ninclude {odd}\n")
        (told,) = read_conf_file(conf).unread
        assert told.startswith(f"{odd} (it ")
        conf.write_text(f"port 0\naclfile {odd}\n")
        assert read_conf_file(conf).requires_password is None


def test_what_is_no_host_and_no_file_name_breaks_nothing(tmp_path: Path) -> None:
    conf = tmp_path / "redis.conf"
    conf.write_text('bind a..b 127.0.0.1 192.0.2.1\naclfile "a\\x00b"\n')
    found = read_conf_file(conf)
    assert [one.reply for one in found.replies] == [""]
    assert found.requires_password is None
    assert found.foreign_addresses == ("192.0.2.1",)  # of TEST-NET-1 (RFC 5737)


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ("-NOAUTH Authentication required.", True),
        ("-ERR what is that?", False),
        ("+OK", False),
        ("HTTP/1.1 400 Bad Request", False),
    ],
)
def test_only_who_asks_as_a_server_does_is_told_the_password(
    tmp_path: Path, answer: str, told: bool
) -> None:
    heard: list[bytes] = []

    class Listener(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            while some := self.request.recv(4096):
                heard.append(some)
                self.request.sendall(f"{answer}\r\n".encode())

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Listener) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        conf = tmp_path / "redis.conf"
        port = server.server_address[1]
        conf.write_text(f"bind 127.0.0.1\nport {port}\nrequirepass hush-hush\n")
        read_conf_file(conf)
        server.shutdown()
        thread.join()
    assert b"PING" in b"".join(heard)
    assert (b"hush-hush" in b"".join(heard)) is told
