"""A full screen that is redrawn, and the keys typed in the meantime."""

import os
import select
import signal
import sys
import termios
import time
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from redistopo.host.interrupts import interrupts_deferred

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.live import Live

Painter = Callable[[int, int], "RenderableType"]
"""Returns what to draw on a screen of that width and height."""


def has_cursor_control() -> bool:
    """Return whether stdout is a terminal with cursor control."""
    return sys.stdout.isatty() and os.environ.get("TERM", "dumb") not in ("dumb", "unknown", "")


class Screen:
    """Made by `open_screen`; `wait` waits, and redraws when the size changes."""

    def __init__(self, console: "Console", live: "Live", wake: int, keys: int | None) -> None:
        self._console = console
        self._live = live
        self._wake = wake
        self._keys = keys
        self._painter: Painter | None = None

    def draw(self, painter: Painter) -> None:
        """Draw, now and after each change of size."""
        from rich.console import ConsoleDimensions

        self._painter = painter
        width, height = _size()
        # rich would believe COLUMNS and LINES, which don't follow a change of the size
        self._console.size = ConsoleDimensions(width, height)
        self._live.update(painter(width, height), refresh=True)

    def wait(self, seconds: float) -> bool:
        """Return True as soon as q is typed or stdin is closed, else False after that time."""
        end = time.monotonic() + seconds
        sources = [self._wake] if self._keys is None else [self._wake, self._keys]
        while (left := end - time.monotonic()) > 0:
            ready, _, _ = select.select(sources, [], [], left)
            if self._wake in ready:
                os.read(self._wake, 4096)
                if self._painter:
                    self.draw(self._painter)
            if self._keys in ready and self._keys is not None:
                typed = os.read(self._keys, 64)
                if not typed or b"q" in typed.lower():
                    return True
        return False


def _size() -> tuple[int, int]:
    """Columns and lines of stdout's terminal; 80 and 24 if it reports none."""
    size = os.get_terminal_size(sys.stdout.fileno())
    return size.columns or 80, size.lines or 24


@contextmanager
def open_screen() -> Iterator[Screen]:
    """Open the alternate screen, without echo and line editing; restore the terminal at the end."""
    from rich.console import Console
    from rich.live import Live

    console = Console(highlight=False)
    live = Live(
        console=console, screen=True, auto_refresh=False, redirect_stdout=False,
        redirect_stderr=False,
    )  # fmt: skip
    with _woken() as wake, _typed_keys() as keys:
        try:
            live.start()
            yield Screen(console, live, wake, keys)
        finally:
            with interrupts_deferred():
                live.stop()


@contextmanager
def _typed_keys() -> Iterator[int | None]:
    """stdin, key by key; None if it is no terminal. Ctrl-C still interrupts; Ctrl-Z is disabled: it
    would leave the shell on the alternate screen."""
    if not sys.stdin.isatty():
        yield None
        return
    handle = sys.stdin.fileno()
    before = termios.tcgetattr(handle)
    try:
        tty.setcbreak(handle)
        mode = termios.tcgetattr(handle)
        mode[6][termios.VSUSP] = os.fpathconf(handle, "PC_VDISABLE").to_bytes()
        termios.tcsetattr(handle, termios.TCSADRAIN, mode)
        yield handle
    finally:
        with interrupts_deferred():
            termios.tcsetattr(handle, termios.TCSADRAIN, before)


@contextmanager
def _woken() -> Iterator[int]:
    """A file descriptor that is readable after the terminal's size has changed."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    before = signal.signal(signal.SIGWINCH, lambda _number, _frame: _nudge(writing))
    try:
        yield reading
    finally:
        signal.signal(signal.SIGWINCH, before)
        os.close(reading)
        os.close(writing)


def _nudge(writing: int) -> None:
    try:
        os.write(writing, b".")
    except BlockingIOError:
        return  # it is readable already
