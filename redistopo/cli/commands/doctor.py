from pathlib import Path
from typing import TYPE_CHECKING

import click

from redistopo.cli import options
from redistopo.cli.connect_options import TargetOptions, master_option, target_options
from redistopo.cli.printable import printable
from redistopo.cli.run_verb import output, run_and_show

if TYPE_CHECKING:
    from redistopo.doctor.facts import DoctorFix


@click.command("doctor")
@options.project
@master_option
@target_options
@click.option(
    "--config",
    # the verb reports an unreadable file: it knows its owner
    type=click.Path(dir_okay=False, readable=False, path_type=Path),
    help="Also check any redis.conf: would a server start, and what does it expose.",
)
@click.option("--fix", is_flag=True, help="Apply safe fixes; each command is shown first.")
@options.yes("Apply all fixes of --fix, also those that stop or change something.")
@click.option("--no-write", is_flag=True, help="Skip the data proof: write no key.")
@options.timeout("3s", "How long to repeat checks that may still pass.")
@options.output
def command(
    root: Path,
    target: TargetOptions,
    config: Path | None,
    fix: bool,
    yes: bool,
    no_write: bool,
    timeout: float,
) -> None:
    """Check this machine and the topology, and suggest fixes.

    Exit code 3 if a check failed, else 0. Nothing is changed without --fix, and sudo is never
    called: commands that need root are printed.
    """
    from redistopo.cli.views.doctor import show_doctor
    from redistopo.ops.doctor import DoctorRequest, DoctorResult, doctor
    from redistopo.progress import Progress

    def work(progress: Progress) -> DoctorResult:
        request = DoctorRequest(
            root=root,
            connect=target.connect,
            master=target.master,
            access=target.login(),
            config=config,
            seconds=timeout,
            write=not no_write,
        )
        result = doctor(request, progress)
        if not fix or not result.fixes:
            return result
        from redistopo.ops.doctor_fix import repair

        asking = not yes and output().interactive and not output().quiet

        def agreed(one: "DoctorFix") -> bool:
            question = f"{one.why}\n  {one.command}\nRun this?"
            shown = printable(question)
            return yes or not one.asks or (asking and click.confirm(shown, err=True))

        return repair(request, result, agreed, progress)

    def show(result: DoctorResult) -> None:
        show_doctor(result, fixing=fix)

    run_and_show(work, show)
