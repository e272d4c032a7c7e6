"""Doctor's findings as a table, what to type for each fault, and what --fix did or would do."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import click

from redistopo.checks.catalogue import CHECKS
from redistopo.cli import theme
from redistopo.cli.commands_here import here
from redistopo.cli.table import print_table
from redistopo.cli.views.verify import grouped, show_hints, tally
from redistopo.model.state.finding import Finding, Status
from redistopo.ops.doctor import DoctorResult

_CHECKS_OF_VERIFY = frozenset(check.id for check in CHECKS)
_PASSED = (Status.OK, Status.SKIP)


def show_doctor(result: DoctorResult, *, fixing: bool) -> None:
    """Print the table, the remedies, the fixes that were applied, and a closing line.

    Checks of `verify` that passed are one line. `fixing` is whether --fix was given: fixes that
    are left then were not confirmed.
    """
    shown = tuple(_shown(result))
    print_table(grouped(shown))
    show_hints(shown, evidence=False)  # it is in the table
    for one in result.mended:
        word = theme.paint("done", theme.OK) if one.done else theme.paint("left", theme.WARNING)
        click.echo(f"{word} {one.fix.command}" + (f": {one.why}" if one.why else ""))
    _show_fixes(result, fixing=fixing)
    failing = any(one.status is Status.FAIL for one in result.findings)
    word = theme.verdict("Faults" if failing else "OK", good=not failing)
    click.echo(f"{word}  {tally(result.findings)}")


def _show_fixes(result: DoctorResult, *, fixing: bool) -> None:
    tried = {one.fix for one in result.mended}
    left = [fix for fix in result.fixes if fix not in tried]
    if left and fixing:
        click.echo("not applied, because not confirmed (--yes confirms all):")
    elif left:
        click.echo(here("redistopo doctor --fix would run (after a question, where marked):"))
    elif fixing and not tried:
        click.echo("--fix: nothing can be fixed automatically")
    for fix in left:
        click.echo(f"  {fix.command}" + ("   (asks)" if fix.asks else ""))


def _shown(result: DoctorResult) -> Iterator[Finding]:
    well = 0
    about = ""
    for one in result.findings:
        if one.because_of:
            continue
        short = Path(one.subject).name if one.subject.startswith("/") else one.subject
        if one.check in _CHECKS_OF_VERIFY and one.status in _PASSED:
            well += one.status is Status.OK
            about = result.topology
        else:
            yield replace(one, subject=short)
    if well:
        text = here(f"{well} checks passed: redistopo verify prints each")
        yield Finding(check="verify", subject=about, status=Status.OK, evidence=text)
