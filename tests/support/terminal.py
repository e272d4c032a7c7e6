"""The installed command on a pseudo-terminal, and the screen that it draws there."""

import fcntl
import os
import pty
import struct
import subprocess
import termios
import time

import pyte

from support.project import COMMAND, Project


class Terminal:
    """A command on a pseudo-terminal of a given size, and the screen it draws."""

    def __init__(self, project: Project, *words: str, columns: int = 80, **env: str) -> None:
        self.screen = pyte.HistoryScreen(columns, 60)
        self._stream = pyte.ByteStream(self.screen)
        self.raw = b""
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 60, columns, 0, 0))
        self.process = subprocess.Popen(
            [COMMAND, *words],
            cwd=project.root,
            env={**project.environment(), "TERM": "xterm-256color", **env},
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)
        os.set_blocking(self._master, False)

    def read(self) -> str:
        """What the screen shows now."""
        try:
            while chunk := os.read(self._master, 65536):
                self.raw += chunk
                self._stream.feed(chunk)
        except (BlockingIOError, OSError):
            pass
        return "\n".join(line.rstrip() for line in self.screen.display)

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())

    def end(self, seconds: float = 60) -> int:
        """The exit code, with all output read."""
        end = time.monotonic() + seconds
        while self.process.poll() is None:
            self.read()
            assert time.monotonic() < end, self.read()
            time.sleep(0.01)
        self.read()
        os.close(self._master)
        return self.process.returncode
