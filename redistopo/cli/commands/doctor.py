"""``redistopo doctor``"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from redistopo.cli import options
from redistopo.cli.output import OutputOptions, run_and_show
from redistopo.cli.target_options import access, target_options

if TYPE_CHECKING:
    from redistopo.doctor.facts import DoctorFix


@click.command()
@options.project
@target_options
@click.option(
    "--config",
    # that it can't be read is the verb's to say: it knows who may
    type=click.Path(dir_okay=False, readable=False, path_type=Path),
    help="Also any redis.conf: would it start, what it lets in, who serves by it.",
)
@click.option("--fix", is_flag=True, help="Do what is safe, each command shown first.")
@click.option("--yes", "-y", is_flag=True, help="Don't ask before a --fix that ends or changes.")
@click.option("--no-write", is_flag=True, help="Leave the data proof out.")
@options.timeout("3s", "How long failures that may settle are looked at again.")
@options.output
def doctor(
    root: Path,
    connect: str,
    user: str,
    cacert: Path | None,
    cert: Path | None,
    config: Path | None,
    fix: bool,
    yes: bool,
    no_write: bool,
    timeout: float,
    as_json: bool,
    quiet: bool,
) -> None:
    """Check this machine and the topology, and say what to type about each fault.

    Exit code 3 where a check failed, 0 otherwise. Nothing is changed without --fix, and
    nothing ever by sudo: what needs root is shown as a command to type.
    """
    from redistopo.cli.views.doctor import show_doctor
    from redistopo.ops.doctor import DoctorRequest, DoctorResult
    from redistopo.ops.doctor import doctor as verb
    from redistopo.progress import Progress

    def work(progress: Progress) -> DoctorResult:
        request = DoctorRequest(
            root=root,
            connect=connect,
            access=access(connect, user, cacert, cert),
            config=config,
            seconds=timeout,
            write=not no_write,
        )
        result = verb(request, progress)
        if not fix or not result.fixes:
            return result
        from redistopo.ops.doctor_fix import mend

        asked = not yes and sys.stdin.isatty() and not (as_json or quiet)

        def agreed(one: "DoctorFix") -> bool:
            return yes or not one.asks or (asked and _agreed(one))

        return mend(request, result, agreed, progress)

    def show(result: DoctorResult) -> None:
        show_doctor(result, fixing=fix)

    run_and_show(OutputOptions(verb="doctor", as_json=as_json, quiet=quiet), work, show)


def _agreed(fix: "DoctorFix") -> bool:
    return click.confirm(f"{fix.why}\n  {fix.command}\nDo that?", err=True)
