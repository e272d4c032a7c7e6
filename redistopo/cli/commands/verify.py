"""``redistopo verify``"""

import sys
from dataclasses import replace
from pathlib import Path

import click

from redistopo.cli import options
from redistopo.cli.output import OutputOptions, run_and_show
from redistopo.cli.target_options import access, target_options


@click.command()
@options.project
@target_options
@click.option("--ask-password", is_flag=True, help="Type the password of --connect in.")
@click.option("--no-write", is_flag=True, help="Leave the data proof out.")
@click.option("--junit", type=click.Path(dir_okay=False, path_type=Path), help="Also as JUnit XML.")
@options.timeout("5s", "How long failures that may settle are looked at again.")
@options.output
def verify(
    root: Path,
    connect: str,
    ask_password: bool,
    user: str,
    cacert: Path | None,
    cert: Path | None,
    no_write: bool,
    junit: Path | None,
    timeout: float,
    as_json: bool,
    quiet: bool,
) -> None:
    """Prove that the topology works: every check, with its evidence.

    Exit code 0 when healthy, 3 when a check found a fault. The password of --connect is
    taken from REDISTOPO_PASSWORD; on a terminal it is asked for where it is needed.
    """
    from redistopo.cli.views.verify import show_verify
    from redistopo.errors import AccessDenied
    from redistopo.ops.verify import VerifyRequest, VerifyResult
    from redistopo.ops.verify import verify as verb
    from redistopo.progress import Progress

    password = click.prompt("Password", hide_input=True, err=True) if ask_password else ""

    def asked(progress: Progress) -> VerifyResult:
        opens = access(connect, user, cacert, cert, password)
        request = VerifyRequest(
            root=root, connect=connect, access=opens, seconds=timeout, write=not no_write
        )
        try:
            return verb(request, progress)
        except AccessDenied:
            if not connect or password or as_json or not sys.stdin.isatty():
                raise
            typed = click.prompt(f"Password of {connect}", hide_input=True, err=True)
            return verb(replace(request, access=replace(opens, password=typed)), progress)

    def work(progress: Progress) -> VerifyResult:
        result = asked(progress)
        if junit:
            from redistopo.ops.verify_junit import write_junit

            write_junit(result, junit)
        return result

    run_and_show(OutputOptions(verb="verify", as_json=as_json, quiet=quiet), work, show_verify)
