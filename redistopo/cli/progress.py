"""Progress of a verb, on stderr: a spinner, plain lines, or a record for each event."""

from typing import TYPE_CHECKING, NotRequired, TypedDict

import click

from redistopo.cli import theme
from redistopo.cli.formats import Format
from redistopo.cli.printable import printable
from redistopo.progress import Event, EventKind, Progress

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress

_MARKS = {
    EventKind.PROGRESS: "progress",
    EventKind.DONE: "ok",
    EventKind.FAILED: "failed",
    EventKind.NOTE: "note",
    EventKind.WARNING: "warning",
}


class ProgressRecord(TypedDict):
    """A line on stderr with --json: started, progress, done, failed, note or warning. `seconds` is
    the duration of a step that ended, `share` how much of it is done, from 0 to 1."""

    event: str
    text: str
    detail: NotRequired[str]
    seconds: NotRequired[float]
    share: NotRequired[float]


def plain_lines(event: Event) -> None:
    """Print a line for each step that ended, how far a long one is, and each note."""
    if event.kind is EventKind.STARTED:
        return
    if event.share is not None:
        text = f"{event.text}: {event.share:.0%}, {event.detail}"
        click.echo(f"{_MARKS[event.kind]}: {printable(text)}", err=True)
        return
    seconds = f" ({event.seconds:.2f} s)" if event.seconds is not None else ""
    click.echo(f"{_MARKS[event.kind]}: {printable(event.text)}{seconds}", err=True)


def records(form: Format) -> Progress:
    """Return a progress that prints a record for each event."""

    def progress(event: Event) -> None:
        record = ProgressRecord(event=event.kind.value, text=event.text)
        if event.detail:
            record["detail"] = event.detail
        if event.seconds is not None:
            record["seconds"] = round(event.seconds, 3)
        if event.share is not None:
            record["share"] = round(event.share, 4)
        click.echo(form.record(record), err=True)

    return progress


_SIGNS = {
    EventKind.DONE: ("✓", theme.OK),
    EventKind.FAILED: ("✗", theme.ERROR),
    EventKind.NOTE: ("·", theme.NOTE),
    EventKind.WARNING: ("!", theme.WARNING),
}


class Spinner:
    """A line on a terminal for each step: a spinner while it runs, its seconds when it is done; at
    most one step runs at a time."""

    def __init__(self) -> None:
        from rich.console import Console

        self._console = Console(stderr=True, highlight=False)
        self._running: RichProgress | None = None

    def progress(self, event: Event) -> None:
        """Print the event."""
        from rich.text import Text

        if event.kind is EventKind.STARTED:
            self.stop()
            self._start(event.text)
            return
        if event.kind is EventKind.PROGRESS:
            self._advance(event)
            return
        if event.kind in (EventKind.DONE, EventKind.FAILED):
            self.stop()
        sign, style = _SIGNS[event.kind]
        line = Text(f"{sign} ", style=style)
        line.append(event.text, style="default")
        if event.seconds is not None:
            line.append(f"  {event.seconds:.2f} s", style=theme.DIM)
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

    def _advance(self, event: Event) -> None:
        """Show how much of the running step is done, its rate and the time left."""
        from rich.markup import escape
        from rich.progress import BarColumn

        if self._running is None or event.share is None:
            return
        if not any(isinstance(one, BarColumn) for one in self._running.columns):
            self._running.columns = (*self._running.columns, BarColumn(bar_width=20))
        text = escape(f"{event.text}: {event.detail}")
        for task in self._running.task_ids:
            done = event.share * 100
            self._running.update(task, description=text, completed=done, total=100)

    def stop(self) -> None:
        """Remove the spinner of a step that did not end."""
        if self._running is not None:
            self._running.stop()
            self._running = None
