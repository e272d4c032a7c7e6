"""A temporary server on loopback, in a temporary folder, for trying an engine."""

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from signal import Signals

from redistopo.host.local_host import LOCAL
from redistopo.host.ports import any_free
from redistopo.host.server_log import log_tail
from redistopo.host.tied_program import Streams, tied_program
from redistopo.quick_dataclass import dataclass

LOOPBACK = "127.0.0.1"


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
    """Start a server with defaults on a free port; afterwards end it and remove its folder.

    It may have ended, and another program may have taken the port: see `ended`,
    `last_log_lines`. Raises OSError if it can't be run.
    """
    port = any_free(LOOPBACK)
    argv = [program, "--port", str(port), "--bind", LOOPBACK, "--save", ""]
    with tempfile.TemporaryDirectory(prefix="redistopo-") as folder:
        log = Path(folder) / "log"
        with (
            log.open("wb") as out,
            tied_program(argv, log.parent, Streams(stdout=out, stderr=out)) as process,
        ):
            yield TrialServer(port=port, log=log, process=process)
