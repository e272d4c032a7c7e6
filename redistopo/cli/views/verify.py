"""Findings as a table grouped by subject, with what to do about each failure."""

import re
from collections.abc import Iterable

import click

from redistopo.cli.table import Table, print_table
from redistopo.model.connectivity.report import matrix_lines
from redistopo.model.state.finding import Finding, Status
from redistopo.ops.verify import VerifyResult


def show_verify(result: VerifyResult) -> None:
    """The table, the hints of what isn't well, who doesn't reach whom, and one closing line."""
    print_table(sheet_of(result.findings))
    show_hints(result.findings)
    for line in matrix_lines(result.reach) if result.reach else ():
        click.echo(line)
    click.echo(closing(result))


def sheet_of(findings: tuple[Finding, ...]) -> Table:
    """Findings grouped: the whole, then the shards, then single nodes."""
    return grouped(sorted(findings, key=lambda one: _place(one.subject)))


def grouped(ordered: Iterable[Finding]) -> Table:
    """Findings in that order; a subject is named where it begins."""
    rows = []
    groups = set()
    last = ""
    for number, one in enumerate(ordered):
        first = one.subject != last
        if first:
            groups.add(number)
        last = one.subject
        rows.append((one.subject if first else "", one.status.value, one.check, one.evidence))
    return Table(
        columns=("subject", "status", "check", "evidence"),
        rows=rows,
        groups=frozenset(groups),
        wide="evidence",
    )


def _place(subject: str) -> tuple[int, int, str]:
    number = int(found[0]) if (found := re.findall(r"\d+", subject)) else 0
    kind = {"topology": 0, "shard": 1}.get(subject.split(" ", 1)[0], 2)
    return (kind, number, subject)


def show_hints(findings: tuple[Finding, ...]) -> None:
    """What isn't ok once more, with what to do about it; failures first."""
    for status, color in ((Status.FAIL, "red"), (Status.WARN, "yellow")):
        for one in findings:
            if one.status is status:
                click.echo(
                    click.style(f"{status.value} {one.check} {one.subject}: ", fg=color)
                    + one.evidence
                    + (f"\n     Next: {one.hint}" if one.hint else "")
                )


def closing(result: VerifyResult) -> str:
    """One line: healthy or not, with the counts."""
    about = f"{result.name}: {result.shape.value} of {_count(result.nodes, 'node')}"
    if result.healthy:
        return f"{click.style('Healthy', fg='green', bold=True)}  {about}: {tally(result.findings)}"
    return f"{click.style('Unhealthy', fg='red', bold=True)}  {about}: {tally(result.findings)}"


def tally(findings: Iterable[Finding]) -> str:
    """``21 ok, 1 warning, 0 failed``."""
    count = dict.fromkeys(Status, 0)
    for one in findings:
        count[one.status] += 1
    warnings = _count(count[Status.WARN], "warning")
    return f"{count[Status.OK]} ok, {warnings}, {count[Status.FAIL]} failed"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
