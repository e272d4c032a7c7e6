"""A server that runs for a moment on loopback, in a folder of its own, and leaves nothing."""

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from signal import Signals

from redistopo.host.interrupts import interrupts_deferred
from redistopo.host.local_host import LOCAL
from redistopo.host.ports import any_free
from redistopo.host.run_program import clean_environment
from redistopo.host.server_log import log_tail

LOOPBACK = "127.0.0.1"
_END_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialServer:
    """The server at work: its port on loopback, and its log."""

    port: int
    log: Path
    process: subprocess.Popen[bytes]

    @property
    def ended(self) -> str:
        """How it ended by itself, as ``exit code 1`` or ``SIGSEGV``; "" while it runs."""
        code = self.process.poll()
        if code is None:
            return ""
        return f"exit code {code}" if code >= 0 else Signals(-code).name

    @property
    def last_log_lines(self) -> str:
        """The last lines of its log."""
        return log_tail(LOCAL.files, self.log, 6)


@contextmanager
def trial_server(program: str) -> Iterator[TrialServer]:
    """A server started with defaults on a port that was free; it and its folder are gone after.

    It may have ended already, and the port may be another's by now: see `ended`, `last_log_lines`.
    """
    port = any_free(LOOPBACK)
    begun: list[TrialServer] = []
    with tempfile.TemporaryDirectory(prefix="redistopo-") as folder:
        try:
            with interrupts_deferred(later=True):  # else one could run of which nobody knows
                begun.append(_begin(program, port, Path(folder) / "log"))
            yield begun[0]
        finally:
            for server in begun:
                _end(server.process)


def _begin(program: str, port: int, log: Path) -> TrialServer:
    with log.open("wb") as out:
        process = subprocess.Popen(
            [program, "--port", str(port), "--bind", LOOPBACK, "--save", ""],
            cwd=log.parent,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            env=clean_environment(),
            start_new_session=True,
        )
    return TrialServer(port=port, log=log, process=process)


def _end(child: subprocess.Popen[bytes]) -> None:
    child.terminate()
    try:
        child.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
