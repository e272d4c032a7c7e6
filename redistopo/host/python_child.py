"""A Python process of our own beside this one: it gets one line, and ends when its input does."""

import select
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress

from redistopo.errors import TimedOut
from redistopo.host.interrupts import interrupts_deferred
from redistopo.host.polling import Deadline
from redistopo.host.run_program import clean_environment


class PythonChild:
    """Runs the function `main` of a module; a crash of this process ends the child as well."""

    def __init__(self, module: str, line: str) -> None:
        # exactly the modules that this process uses: with -m, a file in the working folder that is
        # named like one of them would be run instead
        code = f"import sys; sys.path[:] = {sys.path!r}; from {module} import main; main()"
        argv: Sequence[str] = [sys.executable, "-c", code]
        with interrupts_deferred(later=True):  # otherwise it could run unrecorded
            self._process = subprocess.Popen(
                argv,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=clean_environment(),
                start_new_session=True,  # Ctrl-C is for this process, which then ends the child
            )
        with suppress(OSError):
            self._send(line)

    def ready(self, deadline: Deadline) -> bool:
        """Wait for the first output; return False if there is none in time."""
        if self._process.stdout is None:
            return False
        found, _, _ = select.select([self._process.stdout], [], [], deadline.left)
        return bool(found)

    def finish(self, deadline: Deadline) -> str:
        """End its input and return all that it printed; raises TimedOut."""
        try:
            out, _ = self._process.communicate(timeout=deadline.left)
        except subprocess.TimeoutExpired as error:
            self.kill()
            raise TimedOut(f"a child process didn't end in {deadline.seconds:g} s") from error
        return out.decode(errors="replace")

    def kill(self) -> None:
        """End it now; its output is lost."""
        self._process.kill()
        with self._process:  # closes the pipes and waits
            pass

    def _send(self, line: str) -> None:
        if self._process.stdin is not None:
            self._process.stdin.write(f"{line}\n".encode())
            self._process.stdin.flush()
