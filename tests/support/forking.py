"""The process that forks, from inside: everything imported, it becomes a command for each order.

It becomes a program of Python's, too, that is started with the same modules.

Started by `forked.Forker` as ``python forking.py DESCRIPTOR``; an order comes with the descriptors
of the command, or from the `redistopo` that `Forker.put_into` writes.
"""

import atexit
import ctypes
import gc
import io
import json
import os
import pkgutil
import runpy
import selectors
import signal
import socket
import struct
import sys
import threading
import warnings
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

PLACE = "redistopo-forked-"
"""How the name of an abstract socket begins at which a process that forks can be asked."""

_LOADED = (
    "_strptime", "encodings.ascii", "encodings.idna", "encodings.unicode_escape",
    "cryptography.x509", "jinja2.sandbox", "psutil", "pytest", "redis", "rich.live", "rich.table",
    "tomlkit",
)  # fmt: skip
"""What commands and programs import while they work, besides redistopo."""


_OWN = Path("/proc/self/ns")


class _Inside:
    """The process that forks, seen from inside: who asked for which child."""

    def __init__(self, door: socket.socket) -> None:
        self.door = door
        self.listener = _listening(f"\0{PLACE}{os.getpid()}")
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
            if not order.get("tell_pid"):
                _enter_namespaces_of(who)
            held = (self.door, self.listener, self.woken, self.wakes, who, *self.asked.values())
            for one in held:
                one.close()
            _become(order, ends)
            return True
        for end in ends:
            os.close(end)
        if order.get("tell_pid"):
            who.sendall(b"%d\n" % pid)
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


def _enter_namespaces_of(who: socket.socket) -> None:
    """This child sees the mounts of the process at the socket's other end; from another network
    it could not have asked."""
    asking, _, _ = struct.unpack("3i", who.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    places = [Path("/proc") / str(asking) / "ns" / kind for kind in ("user", "mnt")]
    other = [one for one in places if one.stat().st_ino != (_OWN / one.name).stat().st_ino]
    files = [os.open(one, os.O_RDONLY) for one in other]  # before /proc may be another
    for file in files:
        if ctypes.CDLL(None, use_errno=True).setns(file, 0) != 0:
            raise OSError(ctypes.get_errno(), "can't enter a namespace")
        os.close(file)


def _become(order: dict[str, Any], ends: list[int]) -> None:
    """This child is as if it had just been started with that order, on those descriptors."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if order.get("new_session"):
        os.setsid()
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
    """Whatever a command may import is imported; the plugin is pytest's to import."""
    import redistopo

    for module in pkgutil.walk_packages(redistopo.__path__, "redistopo."):
        if not module.name.endswith("__main__") and ".pytest_plugin" not in module.name:
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


_HUGE = 2 << 20
_MADV_COLLAPSE = 25


def _gather_pages() -> None:
    """Memory is in huge pages, as far as it goes: a fork copies, and an exit drops, one entry for
    each instead of 512, which took a quarter of the time of a short command (madvise(2), Linux
    6.1; elsewhere nothing happens)."""
    if sys.platform != "linux":
        return
    madvise = ctypes.CDLL(None).madvise
    madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    for line in Path("/proc/self/maps").read_text().splitlines():
        span, rights, *_, inode = line.split()[:5]
        if rights.startswith("rw") and inode == "0":
            start, end = (int(one, 16) for one in span.split("-"))
            for place in range(-(-start // _HUGE) * _HUGE, end - _HUGE + 1, _HUGE):
                madvise(place, _HUGE, _MADV_COLLAPSE)


def _serve(door: int) -> None:
    _load()
    gc.collect()
    gc.freeze()  # else a child's first collection would write to every page, and so copy it
    _gather_pages()
    _Inside(socket.socket(fileno=door)).serve()

    if sys.argv[0] == sys.executable:
        _end_program(_python, sys.argv[1:])
        return
    from redistopo.cli.main import main

    code: list[int] = []
    atexit.register(_leave, code)
    try:
        sys.exit(main())
    except SystemExit as error:
        if isinstance(error.code, int):
            code.append(error.code)
        raise


def _python(words: list[str]) -> None:
    """Do what ``python [-W error] -c TEXT`` or ``-m MODULE`` does with its words."""
    if words[:2] == ["-W", "error"]:
        words = words[2:]
        sys.warnoptions[:] = ["error"]
        warnings.simplefilter("error")
    how, what, *rest = words
    if how == "-m":
        # pytest rewrites the assertions of plugins as it imports them; this one is loaded already
        sys.modules["redistopo"].__doc__ = "PYTEST_DONT_REWRITE"
        sys.path.insert(0, str(Path.cwd()))
        sys.argv[:] = [what, *rest]
        runpy.run_module(what, run_name="__main__", alter_sys=True)
        return
    if how != "-c":
        raise SystemExit(f"neither -c nor -m: {how}")
    sys.path.insert(0, "")
    sys.argv[:] = ["-c", *rest]
    made = sys.modules["__main__"] = ModuleType("__main__")
    exec(compile(what, "<string>", "exec"), made.__dict__)


def _end_program(program: Callable[[list[str]], None], words: list[str]) -> None:
    """Run it, and end as Python does, but for the modules: to take them down, one by one, takes
    longer than most programs. What the program itself left open is reported before."""
    code: Any = 0
    try:
        program(words)
    except SystemExit as error:
        if not isinstance(error.code, int | None):
            raise
        code = error.code or 0
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    if (main := vars(sys.modules["__main__"])) is not globals():
        main.clear()
    gc.collect()
    with suppress(OSError, ValueError):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _leave(code: list[int]) -> None:
    """The last act at exit: not to take a whole Python down, module by module."""
    if code:
        with suppress(OSError, ValueError):  # then Python itself says what it couldn't write
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code[0])


if __name__ == "__main__":
    _serve(int(sys.argv[1]))
