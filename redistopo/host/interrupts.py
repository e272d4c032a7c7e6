"""A few moments in which Ctrl-C must wait: undoing, and starting what must be on record."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def interrupts_deferred(*, later: bool = False) -> Iterator[None]:
    """What stops us does nothing inside; with `later`, it is a KeyboardInterrupt afterwards.

    Only the main thread gets signals, so elsewhere there is nothing to arrange. They are
    caught, not ignored or blocked: a process started inside would inherit that.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    kept = {number: signal.getsignal(number) for number in _STOPPING}
    for number in kept:
        signal.signal(number, lambda caught, _frame: came.append(caught))
    try:
        yield
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)
    if came and later:
        raise KeyboardInterrupt
