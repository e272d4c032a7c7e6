"""Waiting for a condition, never for a time."""

import time
from collections.abc import Callable


def until(
    condition: Callable[[], object], seconds: float = 15.0, what: str | Callable[[], str] = ""
) -> None:
    """The condition is true; fails the test where it isn't in time, and says what, as it is then
    if that is a function."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= end:
            told = what() if callable(what) else what
            raise AssertionError(f"not within {seconds} s: {told or condition}")
        time.sleep(0.02)
