"""Ends code of others that doesn't end by itself."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from redistopo.errors import TimedOut


@contextmanager
def time_limit(seconds: float, what: str) -> Iterator[None]:
    """Raise TimedOut if the block takes longer; only in the main thread, which gets signals."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(_number: int, _frame: object) -> None:
        raise TimedOut(f"{what} takes longer than {seconds:g} s")

    before = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
