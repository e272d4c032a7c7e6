"""The top of the command line, and the one place where the process ends."""

import atexit
import gc
import os
import sys
from contextlib import suppress
from typing import NoReturn

import click

from redistopo import __version__
from redistopo.cli import options
from redistopo.cli.streams import discard, open_streams, require_utf8
from redistopo.cli.verb_group import VerbGroup
from redistopo.errors import ExitCode

_COMPLETE = "_REDISTOPO_COMPLETE"


@click.group(
    cls=VerbGroup,
    subcommand_metavar="VERB ...",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@options.folder
@options.output
@click.version_option(__version__, prog_name="redistopo", message="%(prog)s %(version)s")
def redistopo() -> None:
    """\b
    Start and verify real Redis topologies: replication, Sentinel, Cluster.
    First: redistopo init cluster; redistopo up; redistopo verify; redistopo down
    """


_COLLECT_AFTER = 50_000
"""Objects made until the next collection of garbage: Python's 700 are reached ninety times while a
verb is imported, where nothing is garbage; that took a twentieth of the time of `up`."""


def main(prog_name: str = "redistopo") -> NoReturn:
    """Run the command line and end the process with its documented exit code."""
    gc.set_threshold(_COLLECT_AFTER)
    try:
        _run(prog_name)
    except SystemExit as end:
        _end(end)
        raise


def _end(end: SystemExit) -> None:
    """End the process, unless something of it still runs that Python would wait for.

    Python would first free each object, which takes an eighth of the time of `status`, and what
    the system frees anyway: by now all files and connections are closed. Handlers for the exit run.
    """
    threads = sys.modules.get("threading")
    if (threads and threads.active_count() > 1) or sys.gettrace() or sys.getprofile():
        return
    with suppress(OSError, ValueError):  # then Python itself reports what it couldn't write
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(end.code if isinstance(end.code, int) else ExitCode.FAILED)


def _run(prog_name: str) -> NoReturn:
    if os.name == "nt":
        click.echo("redistopo needs Linux or macOS; on Windows, run it inside WSL.", err=True)
        sys.exit(ExitCode.LACKING)
    require_utf8()
    open_streams()
    if _COMPLETE in os.environ:
        from redistopo.cli.bash_colon_words import register

        register()
    color = False if os.environ.get("NO_COLOR") else None
    try:
        code = redistopo.main(prog_name=prog_name, standalone_mode=False, color=color)
    except click.exceptions.NoArgsIsHelpError as error:
        try:
            error.show()
        except BrokenPipeError:
            discard(sys.stderr)
        sys.exit(ExitCode.USAGE)
    except click.ClickException as error:
        from redistopo.cli.run_verb import fail_usage

        sys.exit(fail_usage(error))
    except (click.Abort, KeyboardInterrupt):
        click.echo("Interrupted.", err=True)
        sys.exit(ExitCode.INTERRUPTED)
    except BrokenPipeError:
        discard(sys.stdout)  # the reader of a help text, or of the schema, has read enough
        sys.exit(ExitCode.DONE)
    except OSError as error:
        # in the layers below every OSError becomes a RedistopoError: this is our own output
        from redistopo.cli.run_verb import fail_output

        discard(sys.stdout)
        sys.exit(fail_output(error))
    sys.exit(code if isinstance(code, int) else ExitCode.DONE)
