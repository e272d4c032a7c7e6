"""Carrying a verb's Result, or its error, to the user; nothing below this prints or exits."""

import json
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import click

from redistopo import __version__
from redistopo.cli.streams import closed_pipe
from redistopo.errors import ExitCode, Interrupted, RedistopoError
from redistopo.progress import Event, Progress, no_progress

ENVELOPE = 1
"""Version of the JSON envelope; a change that breaks readers raises it."""


class HasCode(Protocol):
    """Every Result says with which exit code its command ends."""

    @property
    def code(self) -> ExitCode: ...


Result = TypeVar("Result", bound=HasCode)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputOptions:
    """How one command speaks."""

    verb: str
    as_json: bool = False
    quiet: bool = False


def run_and_show(
    manner: OutputOptions, work: Callable[[Progress], Result], show: Callable[[Result], None]
) -> Result:
    """The verb was done, and its Result shown; ends the process unless it is DONE.

    Errors are caught here, once: as text on stderr, or in the JSON envelope.
    """
    try:
        with _told(manner) as progress, _terminable():
            result = work(progress)
    except KeyboardInterrupt:
        stopped = Interrupted("interrupted", hint="run the same command again to go on")
        sys.exit(_fail(manner, stopped))
    except RedistopoError as error:
        sys.exit(_fail(manner, error))
    try:
        if manner.as_json:
            _print_json(manner.verb, result.code, result=_plain_result(result))
        elif not manner.quiet:
            show(result)
        sys.stdout.flush()
    except BrokenPipeError:
        closed_pipe()  # nobody reads on; what was found stands
        sys.exit(result.code)
    if result.code is not ExitCode.DONE:
        sys.exit(result.code)
    return result


def run_and_stream(manner: OutputOptions, work: Callable[[], None]) -> None:
    """`work` was done, and wrote what it had to say as it came to know it.

    Whoever reads may go away at any time; Ctrl-C ends it with its documented code and without
    a word. Errors are told as by `deliver`.
    """
    try:
        with _terminable():
            work()
        sys.stdout.flush()
    except KeyboardInterrupt:
        with suppress(OSError):
            sys.stdout.flush()
        sys.exit(ExitCode.INTERRUPTED)
    except BrokenPipeError:
        closed_pipe()
    except RedistopoError as error:
        sys.exit(_fail(manner, error))


def _plain_result(result: object) -> object:
    from redistopo.session.to_json import to_json

    return to_json(result)


@contextmanager
def _told(manner: OutputOptions) -> Iterator[Progress]:
    if manner.quiet:
        yield no_progress
        return
    from redistopo.cli import progress

    if manner.as_json:
        yield _unbreakable(progress.json_lines)
    elif sys.stderr.isatty():
        with progress.spinner() as shown:
            yield _unbreakable(shown)
    else:
        yield _unbreakable(progress.plain_lines)


def _unbreakable(progress: Progress) -> Progress:
    """The work goes on, and is undone if need be, also when nobody listens any more."""

    def told(event: Event) -> None:
        with suppress(OSError):
            progress(event)

    return told


@contextmanager
def _terminable() -> Iterator[None]:
    """SIGTERM and a closed terminal are as good as Ctrl-C: what was begun is undone."""

    def stop(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    kept = {one: signal.signal(one, stop) for one in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for one, handler in kept.items():
            signal.signal(one, handler)


def _fail(manner: OutputOptions, error: RedistopoError) -> int:
    if manner.as_json:
        told = {"message": error.message, "detail": error.detail, "hint": error.hint}
        _print_json(manner.verb, error.code, error={"kind": type(error).__name__, **told})
    else:
        print_error(error.message, error.detail, error.hint)
    return error.code


def print_error(message: str, detail: str = "", hint: str = "") -> None:
    """What happened, what was seen, what to type next; on stderr."""
    click.echo(click.style("Error: ", fg="red", bold=True) + message, err=True)
    for line in detail.splitlines():
        click.echo(f"  {line}", err=True)
    if hint:
        click.echo(click.style("  Next: ", bold=True) + hint, err=True)


def fail_usage(error: click.ClickException) -> int:
    """A command line that can't be: click's own words, or the same envelope as all errors."""
    if "--json" in sys.argv:
        told = {"message": error.format_message(), "detail": "", "hint": "see --help"}
        _print_json("", ExitCode.USAGE, error={"kind": "UsageError", **told})
    else:
        error.show()
    return ExitCode.USAGE


def fail_output(error: OSError) -> int:
    """The result couldn't be written; what was done is done."""
    with suppress(OSError):
        print_error("can't write the output", error.strerror or str(error))
    return ExitCode.FAILED


def _print_json(
    verb: str, code: ExitCode, result: object = None, error: dict[str, Any] | None = None
) -> None:
    envelope = {
        "envelope": ENVELOPE,
        "redistopo": __version__,
        "verb": verb,
        "code": int(code),
        "result": result,
        "error": error,
    }
    click.echo(json.dumps(envelope, indent=2, ensure_ascii=False))
