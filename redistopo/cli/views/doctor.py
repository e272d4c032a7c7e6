"""Doctor's findings as a table, what to type about each fault, and what --fix did or would do."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import click

from redistopo.checks.catalogue import CHECKS
from redistopo.cli.table import print_table
from redistopo.cli.views.verify import grouped, tally
from redistopo.model.state.finding import Finding, Status
from redistopo.ops.doctor import DoctorResult

_VERIFYS = frozenset(check.id for check in CHECKS)
_QUIET = (Status.OK, Status.SKIP)


def show_doctor(result: DoctorResult, *, fixing: bool) -> None:
    """The table, the remedies, what was mended, and one closing line.

    Of `verify`'s own checks those that are well are one line. `fixing` is whether --fix was
    given: what it leaves was not agreed to.
    """
    shown = tuple(_shown(result))
    print_table(grouped(shown))
    _show_remedies(shown)
    for one in result.mended:
        word = click.style("done", fg="green") if one.done else click.style("left", fg="yellow")
        click.echo(f"{word} {one.fix.command}" + (f": {one.why}" if one.why else ""))
    _show_fixes(result, fixing=fixing)
    failing = any(one.status is Status.FAIL for one in result.findings)
    word = click.style("Faults", fg="red", bold=True) if failing else click.style(
        "Well", fg="green", bold=True
    )  # fmt: skip
    click.echo(f"{word}  {tally(result.findings)}")


def _show_fixes(result: DoctorResult, *, fixing: bool) -> None:
    tried = {one.fix for one in result.mended}
    left = [fix for fix in result.fixes if fix not in tried]
    if left and fixing:
        click.echo("not done, for nobody said yes (--yes says it to all):")
    elif left:
        click.echo("redistopo doctor --fix would do, and asks where marked:")
    elif fixing and not tried:
        click.echo("--fix: there is nothing that it could do")
    for fix in left:
        click.echo(f"  {fix.command}" + ("   (asks)" if fix.asks else ""))


def _show_remedies(findings: tuple[Finding, ...]) -> None:
    """What to type about each fault, the failures first; the evidence stands in the table."""
    for status, color in ((Status.FAIL, "red"), (Status.WARN, "yellow")):
        for one in findings:
            if one.status is status and one.hint:
                named = f"{status.value} {one.check} {one.subject}"
                click.echo(click.style(named, fg=color) + f"\n     Next: {one.hint}")


def _shown(result: DoctorResult) -> Iterator[Finding]:
    well = 0
    about = ""
    for one in result.findings:
        short = Path(one.subject).name if one.subject.startswith("/") else one.subject
        if one.check in _VERIFYS and one.status in _QUIET:
            well += one.status is Status.OK
            about = result.topology
        else:
            yield replace(one, subject=short)
    if well:
        told = f"{well} of its checks are well: redistopo verify shows each"
        yield Finding(check="verify", subject=about, status=Status.OK, evidence=told)
