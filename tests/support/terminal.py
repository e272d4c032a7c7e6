"""The command on a pseudo-terminal, and the screen that it draws there."""

import fcntl
import os
import pty
import signal
import struct
import subprocess
import termios

import pyte

from support.forked import COMMAND, FORKER, Running
from support.project import Project
from support.waiting import until


class Terminal:
    """A command on a pseudo-terminal of a given size, and the screen it draws; redistopo itself, or
    another `program`.

    `modes` are the terminal's before the command, `left` after it.
    """

    def __init__(
        self,
        project: Project,
        *words: str,
        columns: int = 80,
        rows: int = 60,
        program: str = COMMAND,
        **env: str,
    ) -> None:
        self.screen = pyte.HistoryScreen(columns, rows)
        self._stream = pyte.ByteStream(self.screen)
        self.raw = b""
        self._over = False
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self._slave = os.dup(slave)
        self.modes = termios.tcgetattr(slave)
        self.process = _begun(project, slave, [program, *words], env)
        os.close(slave)
        os.set_blocking(self._master, False)

    def read(self) -> str:
        """What the screen shows now."""
        try:
            while chunk := os.read(self._master, 65536):
                self.raw += chunk
                self._stream.feed(chunk)
        except BlockingIOError:
            pass
        except OSError:  # nobody has it open any more, and all was read
            self._over = True
        return "\n".join(line.rstrip() for line in self.screen.display)

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())

    def resize(self, columns: int, rows: int) -> None:
        """The terminal has that size, and whoever draws on it is told."""
        self.screen.resize(rows, columns)
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.process.send_signal(signal.SIGWINCH)

    def end(self, seconds: float = 60) -> int:
        """The exit code, with all output read."""

        def ended() -> bool:
            self.read()  # nobody else does, and a command whose terminal is full would wait
            return self.process.poll() is not None

        def over() -> bool:
            self.read()
            return self._over

        until(ended, seconds, self.read)
        self.left = termios.tcgetattr(self._slave)
        os.close(self._slave)
        until(over, seconds, self.read)  # the system may pass on the last lines later
        os.close(self._master)
        return self.process.returncode


def _begun(
    project: Project, slave: int, argv: list[str], more: dict[str, str]
) -> Running | subprocess.Popen[bytes]:
    """Forked as by `Project.run`, where it is redistopo."""
    # what runs the tests may have set COLUMNS and LINES, which count for more than the terminal
    own = {k: v for k, v in project.environment().items() if k not in ("COLUMNS", "LINES")}
    env = {**own, "TERM": "xterm-256color", **more}
    if argv[0] == COMMAND and not project.installed and FORKER.can(env):
        return FORKER.begin_on(slave, argv, project.root, env)
    return subprocess.Popen(
        argv, cwd=project.root, env=env,
        stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
    )  # fmt: skip
