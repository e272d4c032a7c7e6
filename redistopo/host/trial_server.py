"""A temporary server on loopback, in a temporary folder, for trying an engine."""

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from signal import SIGKILL, SIGTERM, Signals

from redistopo.host.interrupts import interrupts_deferred
from redistopo.host.local_host import LOCAL
from redistopo.host.ports import any_free
from redistopo.host.run_program import clean_environment, end_child
from redistopo.host.server_log import log_tail
from redistopo.quick_dataclass import dataclass

LOOPBACK = "127.0.0.1"
_END_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialServer:
    """A running server: its port on loopback, its log and its process."""

    port: int
    log: Path
    process: subprocess.Popen[bytes]

    @property
    def ended(self) -> str:
        """How it ended, as ``exit code 1`` or ``SIGSEGV``; "" while it runs."""
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
    """Start a server with defaults on a free port; afterwards stop it and remove its folder.

    It may have ended, and another program may have taken the port: see `ended`,
    `last_log_lines`.
    """
    port = any_free(LOOPBACK)
    begun: list[TrialServer] = []
    with tempfile.TemporaryDirectory(prefix="redistopo-") as folder:
        try:
            with interrupts_deferred(later=True):  # otherwise it could run unrecorded
                begun.append(_begin(program, port, Path(folder) / "log"))
            yield begun[0]
        finally:
            for server in begun:
                end_child(server.process, (SIGTERM, SIGKILL), _END_SECONDS)


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
