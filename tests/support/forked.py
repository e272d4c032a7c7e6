"""The command without its imports: forked from a process that has them all already.

Importing is most of what a short command costs, and the suite runs some thousand of them.
So each pytest worker has one `Forker`: a process with everything loaded that forks for each
command, and for programs of Python's: ``python [-W error] -c TEXT`` or ``-m MODULE``. A fork is
a process as any other, with a pid, signals, descriptors, an environment and an exit code of its
own, and it does what the installed script does, or Python.
"""

import io
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from support import forking
from support.forking import PLACE

COMMAND = str(Path(sys.executable).parent / "redistopo")

_READ_AT_START = ("PYTHON", "LC_", "LANG", "TZ", "LD_", "DYLD_", "OPENSSL_")
"""How the variables begin that a process reads once, before any of our code."""

_ON_PATH = """#!{python} -IS
import _signal, _socket, json, os, sys

argv, env = [{command!r}, *sys.argv[1:]], dict(os.environ)
if {{name: text for name, text in env.items() if name.startswith({begins!r})}} != {started_with!r}:
    os.execv(argv[0], argv)
umask = os.umask(0o077)
os.umask(umask)
order = {{"argv": argv, "cwd": os.getcwd(), "env": env, "umask": umask}}
asked = _socket.socket(_socket.AF_UNIX)
asked.connect({place!r})
for number in (_signal.SIGINT, _signal.SIGTERM, _signal.SIGHUP):
    _signal.signal(number, lambda number, _: asked.send(bytes([number])))
given = b"".join(number.to_bytes(4, sys.byteorder) for number in (0, 1, 2))
asked.sendmsg([b"!"], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, given)])
asked.sendall(json.dumps(order).encode() + b"\\n")
code = int(asked.recv(64) or b"1")
if code < 0:
    _signal.signal(-code, _signal.SIG_DFL) if -code != _signal.SIGKILL else None
    os.kill(os.getpid(), -code)
os._exit(code)
"""


def _read_at_start(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: text for name, text in environment.items() if name.startswith(_READ_AT_START)}


class Running:
    """A forked command at work, with the manners of subprocess.Popen; its pid is its own.

    It is killed where nothing has waited for it and this object goes.
    """

    def __init__(self, argv: list[str], pid: int, asked: socket.socket) -> None:
        self.args, self.pid = argv, pid
        self.returncode: int | None = None
        self.stdout: io.TextIOBase | None = None
        self.stderr: io.TextIOBase | None = None
        self._asked = asked
        self._said: dict[str, str] = {}
        self._readers: list[threading.Thread] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for stream in (self.stdout, self.stderr):
            if stream and not stream.closed:
                stream.close()
        self.wait()

    def poll(self) -> int | None:
        """Its exit code, -9 after SIGKILL; None while it works."""
        return self._awaited(0)

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code, once it has ended; raises subprocess.TimeoutExpired."""
        code = self._awaited(timeout)
        if code is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        return code

    def _awaited(self, seconds: float | None) -> int | None:
        if self.returncode is None:
            self._asked.settimeout(seconds)
            with suppress(TimeoutError, BlockingIOError):
                told = self._asked.recv(64)
                assert told, "the process that forks has ended"
                self.returncode = int(told)
                self._asked.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """What is left to read of stdout and stderr, after its end; it can be called again after
        subprocess.TimeoutExpired."""
        end = None if timeout is None else time.monotonic() + timeout
        if not self._readers:
            streams = {"out": self.stdout, "err": self.stderr}
            self._readers = [
                threading.Thread(target=self._read, args=(name, one), daemon=True)
                for name, one in streams.items()
                if one and not one.closed
            ]
            for reader in self._readers:
                reader.start()
        for reader in self._readers:
            reader.join(None if end is None else max(0.0, end - time.monotonic()))
            if reader.is_alive():
                raise subprocess.TimeoutExpired(self.args, timeout or 0)
        self.wait(None if end is None else max(0.001, end - time.monotonic()))
        return self._said.get("out", ""), self._said.get("err", "")

    def _read(self, name: str, stream: io.TextIOBase) -> None:
        with stream:
            self._said[name] = stream.read()


@dataclass
class Forker:
    """The process that forks, as its worker sees it; the first command starts it."""

    _process: "subprocess.Popen[bytes] | None" = None
    _door: socket.socket | None = None
    _started_with: dict[str, str] = field(default_factory=lambda: _read_at_start(os.environ))

    def can(self, environment: Mapping[str, str]) -> bool:
        """Whether a fork would be as a new process with that environment is."""
        return _read_at_start(environment) == self._started_with

    def run(
        self, argv: list[str], cwd: Path, environment: Mapping[str, str], seconds: float
    ) -> "subprocess.CompletedProcess[str]":
        """The command ran as by subprocess.run: no stdin, output captured as text.

        Raises subprocess.TimeoutExpired, with the command killed.
        """
        with self.begin(argv, cwd, environment) as running:
            try:
                out, err = running.communicate(seconds)
            except subprocess.TimeoutExpired:
                running.kill()
                running.communicate()
                raise
        assert running.returncode is not None
        return subprocess.CompletedProcess(argv, running.returncode, out, err)

    def begin(
        self,
        argv: list[str],
        cwd: Path,
        environment: Mapping[str, str],
        *,
        merged: bool = False,
    ) -> "Running":
        """The command, or a program of Python's, runs in the background: no stdin, and pipes of
        text, or one for stdout and stderr."""
        out = os.pipe()
        err = (None, os.dup(out[1])) if merged else os.pipe()
        null = os.open(os.devnull, os.O_RDONLY)
        running = self.begin_between([null, out[1], err[1]], argv, cwd, environment)
        running.stdout = os.fdopen(out[0])
        running.stderr = None if err[0] is None else os.fdopen(err[0])
        return running

    def begin_between(
        self, ends: list[int], argv: list[str], cwd: Path, environment: Mapping[str, str]
    ) -> "Running":
        """The same, with these as its stdin, stdout and stderr; they are closed here."""
        return self._ordered(argv, cwd, environment, ends)

    def begin_on(
        self, terminal: int, argv: list[str], cwd: Path, environment: Mapping[str, str]
    ) -> "Running":
        """The command runs in the background, in a session of its own and on that terminal."""
        ends = [os.dup(terminal) for _ in range(3)]
        return self._ordered(argv, cwd, environment, ends, new_session=True)

    def _ordered(
        self,
        argv: list[str],
        cwd: Path,
        environment: Mapping[str, str],
        ends: list[int],
        *,
        new_session: bool = False,
    ) -> "Running":
        """The command, just forked, has these descriptors now; they are closed here."""
        umask = os.umask(0o077)
        os.umask(umask)
        order = {
            "argv": argv, "cwd": str(cwd), "env": dict(environment), "umask": umask,
            "tell_pid": True, "new_session": new_session,
        }  # fmt: skip
        ours, theirs = socket.socketpair()
        given = [theirs.detach(), *ends]
        try:
            socket.send_fds(self._opened(), [b"!"], given)
        finally:
            for end in given:
                os.close(end)
        ours.sendall(json.dumps(order).encode() + b"\n")
        pid = b""
        while not pid.endswith(b"\n"):
            part = ours.recv(1)
            assert part, "the process that forks has ended"
            pid += part
        return Running(argv, int(pid), ours)

    def _opened(self) -> socket.socket:
        if self._door is None:
            self._door, theirs = socket.socketpair()
            with theirs:
                # -P: this folder is nowhere that the command would import from
                self._process = subprocess.Popen(
                    [sys.executable, "-P", forking.__file__, str(theirs.fileno())],
                    pass_fds=[theirs.fileno()],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                )
        return self._door

    def put_into(self, folder: Path) -> Path:
        """A `redistopo` for a shell, or its PATH: it has the command forked, too, unless it was
        started with other variables of Python's or the locale's than this worker."""
        self.run([COMMAND, "--version"], folder, os.environ, 60)  # it listens once it has imported
        assert self._process
        text = _ON_PATH.format(
            python=sys.executable,
            command=COMMAND,
            begins=_READ_AT_START,
            started_with=self._started_with,
            place=f"\0{PLACE}{self._process.pid}",
        )
        made = folder / "redistopo"
        made.write_text(text, encoding="utf-8")
        made.chmod(0o755)
        return made

    def end(self) -> None:
        """The process has ended, as it does when nobody can ask it any more."""
        if self._process and self._door:
            self._door.close()
            self._process.wait(20)
        self._process = self._door = None


FORKER = Forker()
"""This worker's own."""
