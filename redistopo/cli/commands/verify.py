from dataclasses import replace
from pathlib import Path

import click

from redistopo.cli import options
from redistopo.cli.connect_options import TargetOptions, master_option, target_options
from redistopo.cli.printable import printable
from redistopo.cli.run_verb import output, run_and_show
from redistopo.errors import OtherHosts


@click.command("verify")
@options.project
@master_option
@target_options
@click.option("--ask-password", is_flag=True, help="Ask for the password of --connect.")
@click.option("--no-write", is_flag=True, help="Skip the data proof: write no key.")
@click.option("--reach", is_flag=True, help="Connect from each host to all others, by Ansible.")
@click.option(
    "--junit", type=click.Path(dir_okay=False, path_type=Path), help="Also write JUnit XML."
)
@click.option("--all", "everything", is_flag=True, help="Show findings that follow from others.")
@options.timeout("5s", "How long to repeat checks that may still pass.")
@options.output
def command(
    root: Path,
    target: TargetOptions,
    ask_password: bool,
    no_write: bool,
    reach: bool,
    everything: bool,
    junit: Path | None,
    timeout: float,
) -> None:
    """Check that the topology works, and print the evidence.

    Exit code 0 if it is healthy, 3 if a check found a fault. The password of --connect is
    read from REDISTOPO_PASSWORD, or asked for on a terminal.
    """
    from redistopo.cli.views.verify import show_verify
    from redistopo.errors import AccessDenied
    from redistopo.ops.verify import VerifyRequest, VerifyResult, verify
    from redistopo.progress import Progress

    def verified_after_questions(request: VerifyRequest, progress: Progress) -> VerifyResult:
        try:
            return verify(request, progress)
        except OtherHosts as error:
            if not output().interactive or not click.confirm(_question(error), err=True):
                raise
            agreed = frozenset(error.hosts) | (request.access.hosts or frozenset())
            return verify(replace(request, access=replace(request.access, hosts=agreed)), progress)

    password = click.prompt("Password", hide_input=True, err=True) if ask_password else ""

    def verified(progress: Progress) -> VerifyResult:
        login = target.login(password)
        request = VerifyRequest(
            root=root,
            connect=target.connect,
            master=target.master,
            access=login,
            seconds=timeout,
            write=not no_write,
            reach=reach,
        )
        try:
            return verified_after_questions(request, progress)
        except AccessDenied:
            if not target.connect or password or not output().interactive:
                raise
            typed = click.prompt(f"Password of {target.connect}", hide_input=True, err=True)
            again = replace(request, access=replace(login, password=typed))
            return verified_after_questions(again, progress)

    def work(progress: Progress) -> VerifyResult:
        result = verified(progress)
        if junit:
            from redistopo.ops.verify_junit import write_junit

            write_junit(result, junit)
        return result

    run_and_show(work, lambda result: show_verify(result, everything=everything))


def _question(error: OtherHosts) -> str:
    return f"{printable(error.message)}. Connect to them too, with the same password?"
