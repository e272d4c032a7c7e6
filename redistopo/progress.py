"""Progress that a verb reports while it works; cli decides how to show it."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from enum import StrEnum

from redistopo.quick_dataclass import dataclass


class EventKind(StrEnum):
    """`STARTED` is always followed by `DONE` or `FAILED` with the same text, with `PROGRESS` in
    between if the step takes long and knows how far it is."""

    STARTED = "started"
    PROGRESS = "progress"
    DONE = "done"
    FAILED = "failed"
    NOTE = "note"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One reported event; `seconds` is the duration of the step, on `DONE` and `FAILED`.

    `changes` is false for a step that only checks; `share` is how much of it is done, from 0 to 1,
    on `PROGRESS`.
    """

    kind: EventKind
    text: str
    detail: str = ""
    seconds: float | None = None
    changes: bool = True
    share: float | None = None


Progress = Callable[[Event], None]


def no_progress(_event: Event) -> None:
    """Discard the event."""


def note(progress: Progress, text: str) -> None:
    """Report a note."""
    progress(Event(kind=EventKind.NOTE, text=text))


def warn(progress: Progress, text: str) -> None:
    """Report a warning that needs the user's attention."""
    progress(Event(kind=EventKind.WARNING, text=text))


@contextmanager
def step(
    progress: Progress, text: str, *, detail: str = "", changes: bool = True
) -> Iterator[None]:
    """Report the start and the end of a step; exceptions propagate."""
    began = time.monotonic()
    event = Event(kind=EventKind.STARTED, text=text, detail=detail, changes=changes)
    progress(event)
    kind = EventKind.FAILED
    try:
        yield
        kind = EventKind.DONE
    finally:
        progress(replace(event, kind=kind, seconds=time.monotonic() - began))
