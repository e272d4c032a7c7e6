"""What a verb tells while it works; the door decides how it looks."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum


class EventKind(StrEnum):
    """`STARTED` is always followed by `DONE` or `FAILED` with the same text."""

    STARTED = "started"
    DONE = "done"
    FAILED = "failed"
    NOTE = "note"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing told; `seconds` is how long the step took, on `DONE` and `FAILED`."""

    kind: EventKind
    text: str
    detail: str = ""
    seconds: float | None = None


Progress = Callable[[Event], None]


def no_progress(_event: Event) -> None:
    """Tell nobody."""


def note(progress: Progress, text: str) -> None:
    """Tell something worth knowing."""
    progress(Event(kind=EventKind.NOTE, text=text))


def warn(progress: Progress, text: str) -> None:
    """Tell something that the user should look at."""
    progress(Event(kind=EventKind.WARNING, text=text))


@contextmanager
def step(progress: Progress, text: str, *, detail: str = "") -> Iterator[None]:
    """Tell that a step starts, and how it ends; any exception passes through."""
    began = time.monotonic()
    progress(Event(kind=EventKind.STARTED, text=text, detail=detail))
    try:
        yield
    except BaseException:  # Ctrl-C too
        progress(_ended(EventKind.FAILED, text, detail, began))
        raise
    progress(_ended(EventKind.DONE, text, detail, began))


def _ended(kind: EventKind, text: str, detail: str, began: float) -> Event:
    return Event(kind=kind, text=text, detail=detail, seconds=time.monotonic() - began)
