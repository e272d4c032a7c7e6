"""Defers Ctrl-C while a process is started and recorded, or a change is undone."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_DEFERRED: list[list[int]] = []
"""The signals that came inside, if they are deferred now."""


@contextmanager
def interrupts_deferred(*, later: bool = False) -> Iterator[None]:
    """Ignore SIGINT, SIGTERM and SIGHUP inside; with `later`, raise KeyboardInterrupt afterwards.

    Only the main thread receives signals, so in others this does nothing; inside itself neither,
    where the outer one decides. They are caught, not ignored or blocked, since a process started
    inside would inherit that.
    """
    if _DEFERRED or threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    kept = {number: signal.getsignal(number) for number in _STOPPING}
    for number in kept:
        signal.signal(number, lambda caught, _frame: came.append(caught))
    _DEFERRED.append(came)
    try:
        yield
    finally:
        _DEFERRED.pop()
        for number, handler in kept.items():
            signal.signal(number, handler)
    if came and later:
        raise KeyboardInterrupt
