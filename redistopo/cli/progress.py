"""What a verb tells while it works: a spinner, plain lines, or JSON lines; always on stderr."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from redistopo.progress import Event, EventKind, Progress

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as RichProgress

_MARKS = {
    EventKind.DONE: "ok",
    EventKind.FAILED: "failed",
    EventKind.NOTE: "note",
    EventKind.WARNING: "warning",
}


def plain_lines(event: Event) -> None:
    """One line for each step that ended, and each note."""
    if event.kind is EventKind.STARTED:
        return
    seconds = f" ({event.seconds:.2f} s)" if event.seconds is not None else ""
    click.echo(f"{_MARKS[event.kind]}: {event.text}{seconds}", err=True)


def json_lines(event: Event) -> None:
    """One JSON object a line for each event."""
    told = {"event": event.kind.value, "text": event.text}
    if event.detail:
        told["detail"] = event.detail
    seconds = {} if event.seconds is None else {"seconds": round(event.seconds, 3)}
    click.echo(json.dumps({**told, **seconds}, ensure_ascii=False), err=True)


_SIGNS = {
    EventKind.DONE: ("✓", "green"),
    EventKind.FAILED: ("✗", "red"),
    EventKind.NOTE: ("·", "cyan"),
    EventKind.WARNING: ("!", "yellow"),
}


@contextmanager
def spinner() -> Iterator[Progress]:
    """One line a step, with a spinner while it runs and its seconds once it is done."""
    from rich.console import Console

    console = Console(stderr=True, highlight=False)
    told = _Spinner(console)
    try:
        yield told.progress
    finally:
        told.stop()


class _Spinner:
    """The lines on a terminal; at most one step runs at a time."""

    def __init__(self, console: "Console") -> None:
        self._console = console
        self._running: RichProgress | None = None

    def progress(self, event: Event) -> None:
        from rich.text import Text

        if event.kind is EventKind.STARTED:
            self.stop()
            self._start(event.text)
            return
        if event.kind in (EventKind.DONE, EventKind.FAILED):
            self.stop()
        sign, style = _SIGNS[event.kind]
        line = Text(f"{sign} ", style=style)
        line.append(event.text, style="default")
        if event.seconds is not None:
            line.append(f"  {event.seconds:.2f} s", style="dim")
        self._console.print(line)

    def _start(self, text: str) -> None:
        from rich.markup import escape
        from rich.progress import Progress as RichProgress
        from rich.progress import SpinnerColumn, TextColumn

        self._running = RichProgress(
            SpinnerColumn(),
            TextColumn("{task.description}  [dim]{task.elapsed:.1f} s"),
            console=self._console,
            transient=True,
        )
        self._running.add_task(escape(text), total=None)
        self._running.start()

    def stop(self) -> None:
        if self._running is not None:
            self._running.stop()
            self._running = None
