"""The command without its imports: forked from a process that has them all already.

Importing is most of what a short command costs, and the suite runs some thousand of them.
So each pytest worker has one `Forker`: a process with everything loaded that forks for each
command. A fork is a process as any other, with a pid, signals, descriptors, an environment
and an exit code of its own, and it does what the installed script does.
"""

import atexit
import gc
import io
import json
import os
import pkgutil
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

COMMAND = str(Path(sys.executable).parent / "redistopo")

_READ_AT_START = ("PYTHON", "LC_", "LANG", "TZ", "LD_", "DYLD_", "OPENSSL_")
"""How the variables begin that a process reads once, before any of our code."""

_LOADED = (
    "_strptime", "encodings.ascii", "encodings.idna", "encodings.unicode_escape",
    "cryptography.x509", "jinja2.sandbox", "psutil", "redis", "rich.live", "rich.table", "tomlkit",
)  # fmt: skip
"""What commands import while they work, besides redistopo."""


_PLACE = "redistopo-forked-"
"""How the name of an abstract socket begins at which a process that forks can be asked."""

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
        umask = os.umask(0o077)
        os.umask(umask)
        order = {"argv": argv, "cwd": str(cwd), "env": dict(environment), "umask": umask}
        ours, theirs = socket.socketpair()
        out, err = os.pipe(), os.pipe()
        null = os.open(os.devnull, os.O_RDONLY)
        given = [theirs.detach(), null, out[1], err[1]]
        try:
            socket.send_fds(self._opened(), [b"!"], given)
        finally:
            for end in given:
                os.close(end)
        with ours, io.FileIO(out[0]) as stdout, io.FileIO(err[0]) as stderr:
            ours.sendall(json.dumps(order).encode() + b"\n")
            told = _gathered(ours, [stdout, stderr], seconds)
            if told is None:
                raise subprocess.TimeoutExpired(argv, seconds)
            code, *said = told
        assert code, "the process that forks has ended"
        # decoded as by subprocess: the locale's encoding, any end of line
        texts = [io.TextIOWrapper(io.BytesIO(one)).read() for one in said]
        return subprocess.CompletedProcess(argv, int(code), *texts)

    def _opened(self) -> socket.socket:
        if self._door is None:
            self._door, theirs = socket.socketpair()
            with theirs:
                # -P: this folder is nowhere that the command would import from
                self._process = subprocess.Popen(
                    [sys.executable, "-P", __file__, str(theirs.fileno())],
                    pass_fds=[theirs.fileno()],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                )
        return self._door

    def put_into(self, folder: Path) -> None:
        """A `redistopo` for a shell's PATH: it has the command forked, too, unless it was started
        with other variables of Python's or the locale's than this worker."""
        self.run([COMMAND, "--version"], folder, os.environ, 60)  # it listens once it has imported
        assert self._process
        text = _ON_PATH.format(
            python=sys.executable,
            command=COMMAND,
            begins=_READ_AT_START,
            started_with=self._started_with,
            place=f"\0{_PLACE}{self._process.pid}",
        )
        (folder / "redistopo").write_text(text, encoding="utf-8")
        (folder / "redistopo").chmod(0o755)

    def end(self) -> None:
        """The process has ended, as it does when nobody can ask it any more."""
        if self._process and self._door:
            self._door.close()
            self._process.wait(20)
        self._process = self._door = None


FORKER = Forker()
"""This worker's own."""


def _gathered(ours: socket.socket, streams: list[io.FileIO], seconds: float) -> list[bytes] | None:
    """How it ended, and all that came from each stream; None where it was killed as too late."""
    told: dict[Any, bytes] = dict.fromkeys((ours, *streams), b"")
    end = time.monotonic() + seconds
    with selectors.DefaultSelector() as selector:
        for one in told:
            selector.register(one, selectors.EVENT_READ)
        while selector.get_map():
            ready = selector.select(max(0.0, end - time.monotonic()))
            if not ready:
                ours.shutdown(socket.SHUT_WR)  # whoever doesn't wait for it has it killed
                while ours.recv(64):
                    pass
                return None
            for key, _ in ready:
                if part := os.read(key.fd, 65536):
                    told[key.fileobj] += part
                else:
                    selector.unregister(key.fileobj)
    return list(told.values())


class _Inside:
    """The process that forks, seen from inside: who asked for which child."""

    def __init__(self, door: socket.socket) -> None:
        self.door = door
        self.listener = _listening(f"\0{_PLACE}{os.getpid()}")
        self.asked: dict[int, socket.socket] = {}
        self.woken, self.wakes = socket.socketpair()
        for one in (self.woken, self.wakes):
            one.setblocking(False)

    def serve(self) -> None:
        """Returns in each child, which has become what was ordered; the parent ends in here."""
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self.wakes.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for pytest and for the commands
        with selectors.DefaultSelector() as selector:
            selector.register(self.door, selectors.EVENT_READ)
            selector.register(self.woken, selectors.EVENT_READ)
            selector.register(self.listener, selectors.EVENT_READ)
            while True:
                for key, _ in selector.select():
                    if key.fileobj is self.woken:
                        self.woken.recv(4096)
                        self._reap(selector)
                    elif key.fileobj is self.door:
                        word, given, _, _ = socket.recv_fds(self.door, 1, 4)
                        if not word:
                            os._exit(0)
                        if self._fork(selector, socket.socket(fileno=given[0]), given[1:]):
                            return
                    elif key.fileobj is self.listener:
                        who, _ = self.listener.accept()
                        _, given, _, _ = socket.recv_fds(who, 1, 3)
                        if self._fork(selector, who, given):
                            return
                    elif key.data in self.asked:  # else it was reaped just now
                        self._signal(selector, key.data)

    def _signal(self, selector: selectors.BaseSelector, pid: int) -> None:
        """Whoever asked sends signals on; a child is killed when nobody waits for it any more."""
        if number := self.asked[pid].recv(1):
            os.kill(pid, number[0])
        else:
            selector.unregister(self.asked[pid])
            os.kill(pid, signal.SIGKILL)

    def _fork(self, selector: selectors.BaseSelector, who: socket.socket, ends: list[int]) -> bool:
        """Whether this is the child now."""
        with who.makefile("rb") as reading:
            order = json.loads(reading.readline())
        pid = os.fork()
        if pid == 0:
            signal.set_wakeup_fd(-1)
            held = (self.door, self.listener, self.woken, self.wakes, who, *self.asked.values())
            for one in held:
                one.close()
            _become(order, ends)
            return True
        for end in ends:
            os.close(end)
        self.asked[pid] = who
        selector.register(who, selectors.EVENT_READ, pid)
        return False

    def _reap(self, selector: selectors.BaseSelector) -> None:
        """Whoever asked for a child that has ended is told how."""
        while self.asked:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            with self.asked.pop(pid) as who:
                with suppress(KeyError):  # it was killed, as nobody waited for it
                    selector.unregister(who)
                with suppress(OSError):
                    who.sendall(str(os.waitstatus_to_exitcode(status)).encode())


def _listening(place: str) -> socket.socket:
    made = socket.socket(socket.AF_UNIX)
    made.bind(place)
    made.listen()
    return made


def _become(order: dict[str, Any], ends: list[int]) -> None:
    """This child is as if it had just been started with that order, on those descriptors."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number, end in enumerate(ends):
        os.dup2(end, number)
        os.close(end)
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        was = getattr(sys, name)
        # as Python makes them at its start, and open to its end
        size = 0 if was.write_through else -1
        raw = open(number, "wb" if number else "rb", size, closefd=False)  # noqa: SIM115  sys.stdout and its like stay open
        made = io.TextIOWrapper(
            raw, was.encoding, was.errors, "\n",
            line_buffering=number == 2 or raw.isatty(), write_through=was.write_through,
        )  # fmt: skip
        setattr(sys, name, made)
        setattr(sys, f"__{name}__", made)
    os.umask(order["umask"])
    os.chdir(order["cwd"])
    os.environ.clear()
    os.environ.update(order["env"])
    sys.argv[:] = order["argv"]


def _load() -> None:
    """Whatever a command may import is imported."""
    import redistopo

    for module in pkgutil.walk_packages(redistopo.__path__, "redistopo."):
        if not module.name.endswith("__main__"):
            import_module(module.name)
    for name in _LOADED:
        import_module(name)
    compile_templates()


def compile_templates() -> None:
    """Children find what `init` and `up` render compiled: else that takes a third of their time."""
    from redistopo.render import jinja_templates

    shipped = jinja_templates._environment("", False)
    for name, _ in jinja_templates.sources():
        if name.startswith(("conf/", "connect/", "topology/")):
            shipped.get_template(name)


def _serve(door: int) -> NoReturn:
    _load()
    gc.collect()
    gc.freeze()  # else a child's first collection would write to every page, and so copy it
    _Inside(socket.socket(fileno=door)).serve()

    from redistopo.cli.main import main

    code: list[int] = []
    atexit.register(_leave, code)
    try:
        sys.exit(main())
    except SystemExit as error:
        if isinstance(error.code, int):
            code.append(error.code)
        raise


def _leave(code: list[int]) -> None:
    """The last act at exit: not to take a whole Python down, module by module."""
    if code:
        with suppress(OSError, ValueError):  # then Python itself says what it couldn't write
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code[0])


if __name__ == "__main__":
    _serve(int(sys.argv[1]))
