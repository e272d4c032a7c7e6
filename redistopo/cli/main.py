"""The command line: its commands, and the one place where a process ends."""

import os
import sys

import click

from redistopo import __version__
from redistopo.cli.commands.bundle import bundle
from redistopo.cli.commands.call import call
from redistopo.cli.commands.certs import certs
from redistopo.cli.commands.cli import cli
from redistopo.cli.commands.doctor import doctor
from redistopo.cli.commands.down import down
from redistopo.cli.commands.drill import drill
from redistopo.cli.commands.engines import engines
from redistopo.cli.commands.events import events
from redistopo.cli.commands.explain import explain
from redistopo.cli.commands.failover import failover
from redistopo.cli.commands.init import init
from redistopo.cli.commands.install import install
from redistopo.cli.commands.kill import kill
from redistopo.cli.commands.logs import logs
from redistopo.cli.commands.pause import pause
from redistopo.cli.commands.plan import plan
from redistopo.cli.commands.ps import ps
from redistopo.cli.commands.render import render
from redistopo.cli.commands.reset import reset
from redistopo.cli.commands.restart import restart
from redistopo.cli.commands.resume import resume
from redistopo.cli.commands.schema import schema
from redistopo.cli.commands.secret import secret
from redistopo.cli.commands.set import set_
from redistopo.cli.commands.start import start
from redistopo.cli.commands.status import status
from redistopo.cli.commands.stop import stop
from redistopo.cli.commands.templates import templates
from redistopo.cli.commands.up import up
from redistopo.cli.commands.verify import verify
from redistopo.cli.commands.wait import wait
from redistopo.cli.commands.watch import watch
from redistopo.cli.output import closed_pipe, fail_output, fail_usage, open_streams
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


class _Ordered(click.Group):
    """Lists its commands in the order in which one uses them."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        return list(self.commands)


@click.group(
    cls=_Ordered,
    epilog=_EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="redistopo", message="%(prog)s %(version)s")
def redistopo() -> None:
    """Real Redis topologies - replication, Sentinel and Cluster - in seconds, proven to work."""


for _command in (
    init, up, verify, status, down, drill,
    stop, start, restart, kill, pause, resume, failover, set_, reset,
    wait, watch, events, logs, cli, call,
    doctor, plan, render, ps, bundle, secret, certs, install, engines, explain, templates, schema,
):  # fmt: skip
    redistopo.add_command(_command)


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
        sys.exit(fail_usage(error))
    except (click.Abort, KeyboardInterrupt):
        click.echo("Interrupted.", err=True)
        sys.exit(ExitCode.INTERRUPTED)
    except BrokenPipeError:
        closed_pipe()
        sys.exit(ExitCode.FAILED)
    except OSError as error:
        # below the door every OSError has become one of ours, so this is our own output
        closed_pipe()
        sys.exit(fail_output(error))
    sys.exit(code if isinstance(code, int) else ExitCode.DONE)
