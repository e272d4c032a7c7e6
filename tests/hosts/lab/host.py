"""One host: namespaces of its own over an overlay of this machine's root."""

import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from support.waiting import until

from .keys import Keys

_SCRIPT = Path(__file__).with_name("host.sh")
_DIES_WITH_ITS_OWNER = ("setpriv", "--pdeathsig", "KILL")
_NAMESPACES = ("--mount", "--net", "--pid", "--uts", "--ipc")
BASE = Path("/var/lib/redistopo")
"""A host's folder for topologies: a small disk of its own."""


@dataclass
class Host:
    """`folder` is where its files are in the mount namespace of `rack`'s process."""

    name: str
    address: str
    bits: int
    rack: int
    folder: Path
    keys: Keys
    _outer: "subprocess.Popen[str] | None" = field(default=None, repr=False)
    pid: int = 0
    """Its process 1, 0 while it is down."""

    def begin(self) -> None:
        """Its process 1 is started; `await_namespaces` is next."""
        boot_id = str(uuid.uuid4())
        self._outer = subprocess.Popen(
            [*_DIES_WITH_ITS_OWNER, "nsenter", f"--mount=/proc/{self.rack}/ns/mnt",
             "unshare", *_NAMESPACES, "--kill-child=KILL", "--fork",
             "sh", _SCRIPT, self.folder, self.name, f"{self.address}/{self.bits}", boot_id,
             *_hidden()],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def await_namespaces(self) -> None:
        """Its process 1 is in its namespaces and waits for a network interface."""
        assert self._outer
        assert self._outer.stdout
        assert self._outer.stderr
        if self._outer.stdout.readline() != "ready\n":
            raise AssertionError(f"{self.name} doesn't start: {self._outer.stderr.read()}")
        (child,) = psutil.Process(self._outer.pid).children()
        self.pid = child.pid

    def go_on(self) -> None:
        """It has its network interface, and starts its SSH daemon."""
        assert self._outer
        assert self._outer.stdin
        self._outer.stdin.write("\n")
        self._outer.stdin.flush()

    def crash(self) -> None:
        """All its processes ended at once, by SIGKILL, as when its power is cut."""
        if self._outer:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            self._outer.communicate(timeout=30)
        self._outer, self.pid = None, 0

    def path(self, path: str | Path) -> Path:
        """That absolute path of the host, as this process can read and write it."""
        return Path(f"/proc/{self.pid}/root", str(path).lstrip("/"))

    def run(self, *argv: str | Path, check: bool = True) -> "subprocess.CompletedProcess[str]":
        """The program ran on the host, without SSH."""
        done = subprocess.run(
            ["nsenter", f"--target={self.pid}", *_NAMESPACES, "--root", "--wd", *argv],
            capture_output=True, text=True, timeout=60, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        assert not check or done.returncode == 0, done
        return done

    def processes(self, *names: str) -> list[psutil.Process]:
        """What is at work there, by the kernel's own account; only programs with these names."""
        own = Path(f"/proc/{self.pid}/ns/pid").stat().st_ino
        found = []
        for pid in psutil.pids():
            with suppress(OSError, psutil.Error):
                process = psutil.Process(pid)
                inside = Path(f"/proc/{pid}/ns/pid").stat().st_ino == own
                if inside and (not names or process.name() in names):
                    found.append(process)
        return found

    def serves_ssh(self) -> bool:
        """Whether its SSH daemon accepts connections."""
        return self.path("/run/sshd.pid").exists()

    @contextmanager
    def ssh_refused(self) -> Iterator[None]:
        """In the block nothing listens on the port of SSH."""
        self._stop_sshd()
        try:
            yield
        finally:
            self._start_sshd()

    @contextmanager
    def key_changed(self) -> Iterator[None]:
        """In the block its SSH daemon has another key than the controller knows."""
        etc = self.path("/etc/ssh")
        kept = {one.name: one.read_bytes() for one in etc.glob("lab_host_key*")}
        self._stop_sshd()
        self.keys.change(etc.parent)
        self._start_sshd()
        try:
            yield
        finally:
            self._stop_sshd()
            for name, content in kept.items():
                (etc / name).write_bytes(content)
            self._start_sshd()

    @contextmanager
    def disk_full(self) -> Iterator[None]:
        """In the block its disk for topologies has no free byte."""
        filler = self.path(BASE / "filler")
        with filler.open("wb", buffering=0) as writing, suppress(OSError):
            while True:
                writing.write(bytes(65536))
        try:
            yield
        finally:
            filler.unlink()

    @contextmanager
    def without_python(self) -> Iterator[None]:
        """In the block no Python is where SSH's commands are looked for."""
        moved = []
        for folder in ("usr/bin", "usr/local/bin"):
            for one in [*self.path(folder).glob("python*")]:
                moved.append((one.rename(one.with_name(f"hidden-{one.name}")), one))
        try:
            yield
        finally:
            for hidden, one in moved:
                hidden.rename(one)

    def _stop_sshd(self) -> None:
        for one in self.processes("sshd"):
            with suppress(psutil.NoSuchProcess):
                one.kill()
        until(lambda: not self.processes("sshd"))
        self.path("/run/sshd.pid").unlink(missing_ok=True)

    def _start_sshd(self) -> None:
        self.run("/usr/sbin/sshd", "-f", "/etc/ssh/lab_config", "-E", "/run/sshd.log")
        until(self.serves_ssh)


def _hidden() -> list[str]:
    """Folders of this machine that a host doesn't see: what the controller has is not there."""
    wanted = Path(sys.prefix).resolve()
    return [one for one in ("/tmp",) if not wanted.is_relative_to(one)]
