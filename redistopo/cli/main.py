"""The command line: its commands, and the one place where a process ends."""

import os
import sys

import click

from redistopo import __version__
from redistopo.cli.streams import closed_pipe, open_streams
from redistopo.cli.verbs import Verbs
from redistopo.errors import ExitCode

_EPILOG = """\b
Start here: redistopo init cluster; redistopo up; redistopo verify; redistopo down

\b
Exit codes: 0 done   1 failed   2 wrong usage or topology file
            3 a check found a fault   130 interrupted
            4 the machine lacks something: server, port, permission, space

\b
Environment: REDISTOPO_DIR       the project's folder, as --dir
             REDISTOPO_PASSWORD  the password, instead of a generated one
             REDISTOPO_SENTINEL_PASSWORD  with --connect, that of its Sentinels
             REDISTOPO_SERVER    a server program to use
             NO_COLOR            no colours"""


@click.group(
    cls=Verbs,
    epilog=_EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="redistopo", message="%(prog)s %(version)s")
def redistopo() -> None:
    """Real Redis topologies - replication, Sentinel and Cluster - in seconds, proven to work."""


def main(prog_name: str = "redistopo") -> None:
    """Run the command line and end the process with its documented exit code."""
    if os.name == "nt":
        click.echo("redistopo needs Linux or macOS; on Windows, run it inside WSL.", err=True)
        sys.exit(ExitCode.LACKING)
    open_streams()
    color = False if os.environ.get("NO_COLOR") else None
    try:
        code = redistopo.main(prog_name=prog_name, standalone_mode=False, color=color)
    except click.ClickException as error:
        from redistopo.cli.output import fail_usage

        sys.exit(fail_usage(error))
    except (click.Abort, KeyboardInterrupt):
        click.echo("Interrupted.", err=True)
        sys.exit(ExitCode.INTERRUPTED)
    except BrokenPipeError:
        closed_pipe()
        sys.exit(ExitCode.FAILED)
    except OSError as error:
        # below the door every OSError has become one of ours, so this is our own output
        from redistopo.cli.output import fail_output

        closed_pipe()
        sys.exit(fail_output(error))
    sys.exit(code if isinstance(code, int) else ExitCode.DONE)
