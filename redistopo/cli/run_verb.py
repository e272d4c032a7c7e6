"""Show a verb's Result or its error, and end the process; no module below prints or exits."""

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from errno import EACCES, EPERM
from itertools import pairwise
from typing import NoReturn, Protocol, TypeVar

import click

from redistopo import __version__
from redistopo.cli import theme
from redistopo.cli.commands_here import here, typed
from redistopo.cli.envelope import ENVELOPE, Envelope, ErrorFields
from redistopo.cli.formats import FORMATS, TEXT, Format
from redistopo.cli.options import FORMAT, FOUND, QUIET
from redistopo.cli.printable import cleaned, printable
from redistopo.cli.streams import discard
from redistopo.errors import ExitCode, Interrupted, RedistopoError, UsageError, VaultLocked
from redistopo.model.remedies.remedy import remedy_fields
from redistopo.progress import Event, EventKind, Progress, no_progress, note
from redistopo.quick_dataclass import dataclass


class HasCode(Protocol):
    """A Result: it has the exit code of its command."""

    @property
    def code(self) -> ExitCode: ...


Result = TypeVar("Result", bound=HasCode)


class HasExitCode(Protocol):
    """The result of another program."""

    @property
    def code(self) -> int: ...


Ran = TypeVar("Ran", bound=HasExitCode)


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """How the current command prints; `format` is None for text."""

    verb: str
    format: Format | None = None
    quiet: bool = False

    @property
    def interactive(self) -> bool:
        """Whether questions can be asked: a terminal, and text as output."""
        return sys.stdin.isatty() and not self.format


def output() -> Output:
    """Return the output of the current click context, whose options set it."""
    context = click.get_current_context()
    meta, words = context.meta, []
    here: click.Context | None = context
    while here is not None and here.parent is not None:
        words.append(here.info_name or "")
        here = here.parent
    return Output(
        verb=" ".join(reversed(words)),
        format=FORMATS.get(meta.get(FORMAT, TEXT)),
        quiet=meta.get(QUIET, False),
    )


def run_and_show(
    work: Callable[[Progress], Result], show: Callable[[Result], None], *, value: bool = False
) -> Result:
    """Run a verb, and show its Result; end the process unless its code is DONE.

    The text of a Result that is a requested `value`, as a password, is printed with --quiet too.
    Errors are caught here, and only here: as text on stderr, or in the envelope on stdout.
    """
    out, begun = output(), _Begun()
    try:
        with _progress(out) as progress, _terminable():
            _name_found_folder(progress)
            result = _unlocked(lambda: work(begun.counting(progress)), out)
    except KeyboardInterrupt:
        sys.exit(_fail(out, begun.interrupted()))
    except RedistopoError as error:
        sys.exit(_fail(out, error))
    try:
        if out.format:
            from redistopo.session.to_json import to_json

            _print_envelope(out.format, out.verb, result.code, result=to_json(result))
        elif value or not out.quiet:
            show(cleaned(result))
        sys.stdout.flush()
    except BrokenPipeError:
        discard(sys.stdout)  # the reader is gone; the result, and so the exit code, is the same
        sys.exit(result.code)
    if result.code is not ExitCode.DONE:
        sys.exit(result.code)
    return result


class _Begun:
    """Which kinds of steps a verb has begun: what Ctrl-C leaves depends on it."""

    def __init__(self) -> None:
        self._changes: set[bool] = set()

    def counting(self, progress: Progress) -> Progress:
        """Return the same progress, which counts the steps that begin."""

        def report(event: Event) -> None:
            if event.kind is EventKind.STARTED:
                self._changes.add(event.changes)
            progress(event)

        return report

    def interrupted(self) -> Interrupted:
        """Return the error: a verb that only looked so far has nothing to continue."""
        if self._changes == {False}:
            return Interrupted("interrupted: nothing was changed")
        return Interrupted("interrupted", hint="run the same command again to continue")


def _unlocked(work: Callable[[], Result], out: Output) -> Result:
    """Do the work; if an inventory's vault is locked, ask for its password on a terminal, once."""
    try:
        return work()
    except VaultLocked as error:
        if not out.interactive:
            raise
        from redistopo.host.fleet.vault import use_vault_password

        asked = f"{printable(error.message)}. Password of its vault"
        use_vault_password(click.prompt(asked, hide_input=True, err=True))
        return work()


def run_program(work: Callable[[Progress], Ran], show: Callable[[Ran], None]) -> NoReturn:
    """Run a verb that runs another program, and end the process with that one's exit code.

    Stdout is the program's, so there is no document for --json; errors are on stderr.
    """
    out = output()
    try:
        with _progress(out) as progress, _terminable():
            if not click.get_current_context().params.get("shape"):
                _name_found_folder(progress)
            result = work(progress)
    except KeyboardInterrupt:
        sys.exit(_fail(out, Interrupted("interrupted: the topology of the command is ended")))
    except RedistopoError as error:
        sys.exit(_fail(out, error))
    with suppress(OSError):
        show(result)
    sys.exit(result.code)


def run_and_stream(work: Callable[[], None]) -> None:
    """Run a verb that prints while it works.

    The reader may close the pipe at any time. Ctrl-C ends the verb with its documented code
    and no message. Errors are shown as by `run_and_show`.
    """
    out = output()
    try:
        with _terminable():
            if click.get_current_context().meta.get(FOUND):
                with _progress(out) as progress:
                    _name_found_folder(progress)
            work()
        sys.stdout.flush()
    except KeyboardInterrupt:
        with suppress(OSError):
            sys.stdout.flush()
        sys.exit(ExitCode.INTERRUPTED)
    except BrokenPipeError:
        discard(sys.stdout)
    except RedistopoError as error:
        sys.exit(_fail(out, error))


def _name_found_folder(progress: Progress) -> None:
    """A project found above the current folder is named: the user did not type its path."""
    context = click.get_current_context()
    found = context.meta.get(FOUND)
    if found and not context.params.get("connect"):  # that one needs no folder
        note(progress, f"using the topology in {found}")


@contextmanager
def _progress(out: Output) -> Iterator[Progress]:
    if out.quiet:
        yield no_progress
        return
    from redistopo.cli import progress

    if out.format:
        yield _unbreakable(progress.records(out.format))
    elif sys.stderr.isatty():
        spinner = progress.Spinner()
        try:
            yield _unbreakable(_typed(spinner.progress))
        finally:
            spinner.stop()
    else:
        yield _unbreakable(_typed(progress.plain_lines))


def _typed(progress: Progress) -> Progress:
    """The same, for a reader: commands in notes and warnings can be typed as they are."""

    def report(event: Event) -> None:
        text = here(event.text)
        progress(event if text == event.text else replace(event, text=text))

    return report


def _unbreakable(progress: Progress) -> Progress:
    """The same; work continues, and is undone if necessary, also after stderr's reader is gone."""

    def report(event: Event) -> None:
        try:
            progress(cleaned(event))
        except OSError:
            discard(sys.stderr)

    return report


@contextmanager
def _terminable() -> Iterator[None]:
    """SIGTERM and a closed terminal have the effect of Ctrl-C: what was begun is undone."""

    def stop(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _fail(out: Output, error: RedistopoError) -> int:
    try:
        if out.format:
            told = ErrorFields(
                kind=type(error).__name__,
                message=error.message,
                detail=error.detail,
                hint=error.hint,
            )
            if error.hint:
                told["remedy"] = remedy_fields(error.hint)
            _print_envelope(out.format, out.verb, error.code, error=told)
        else:
            print_error(error.message, error.detail, error.hint)
    except BrokenPipeError:
        discard(sys.stdout)
    return error.code


def print_error(message: str, detail: str = "", hint: str = "") -> None:
    """Print on stderr: what happened, what was seen, what to type next."""
    message, hint = printable(message), printable(hint)
    try:
        click.echo(theme.paint("Error: ", theme.ERROR, bold=True) + message, err=True)
        for line in printable(detail).split("\n") if detail else ():
            click.echo(f"  {line}", err=True)
        if hint:
            click.echo(theme.paint("  Next: ", bold=True) + typed(hint), err=True)
    except OSError:
        discard(sys.stderr)


def fail_usage(error: click.ClickException) -> int:
    """Print an invalid command line in the same form as every error; return the exit code."""
    from redistopo.cli.usage_hints import describe

    message, hint = describe(error)
    out = Output(verb="", format=_format_in(sys.argv))
    return _fail(out, UsageError(message, hint=hint))


def _format_in(words: list[str]) -> Format | None:
    """The format requested by a command line that click could not parse."""
    for name, found in FORMATS.items():
        joined = (f"--{name}", f"--output={name}", f"-o{name}")
        apart = pairwise(words)
        if set(joined) & set(words) or {("-o", name), ("--output", name)} & set(apart):
            return found
    return None


def fail_output(error: OSError) -> int:
    """The output can't be written, and what the verb did is done; or a file can't be used."""
    if error.filename is None:
        print_error("can't write the output", error.strerror or str(error))
    else:
        owner = "run it as the user who owns that file" if error.errno in (EACCES, EPERM) else ""
        print_error(f"can't use {error.filename}", error.strerror or str(error), owner)
    return ExitCode.FAILED


def _print_envelope(
    form: Format,
    verb: str,
    code: ExitCode,
    result: object = None,
    error: ErrorFields | None = None,
) -> None:
    envelope = Envelope(
        envelope=ENVELOPE,
        redistopo=__version__,
        verb=verb,
        code=code,
        result=result,
        error=error,
    )
    click.echo(form.document(envelope))
