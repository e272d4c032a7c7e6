"""Findings as a table grouped by subject, with what to do about each failure."""

import re
from collections.abc import Iterable

import click

from redistopo.cli import theme
from redistopo.cli.counts import counted
from redistopo.cli.table import Table, print_table
from redistopo.model.connectivity.report import matrix_lines
from redistopo.model.state.finding import Finding, Status
from redistopo.ops.verify import VerifyResult

_PROBLEMS = (
    (Status.FAIL, theme.ERROR),
    (Status.WARN, theme.WARNING),
    (Status.UNKNOWN, theme.WARNING),
)
"""Statuses that get a hint, in this order, with their colours."""


def show_verify(result: VerifyResult) -> None:
    """Print the table, hints for each problem, which node can't reach which, and a closing line."""
    print_table(grouped(sorted(result.findings, key=lambda one: _place(one.subject))))
    show_hints(result.findings)
    for line in matrix_lines(result.reach) if result.reach else ():
        click.echo(line)
    click.echo(closing(result))


def grouped(ordered: Iterable[Finding]) -> Table:
    """Return a table of findings in that order; a subject is printed in its first row."""
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
    """The topology first, then its shards, then its nodes."""
    number = int(found[0]) if (found := re.findall(r"\d+", subject)) else 0
    kind = {"topology": 0, "shard": 1}.get(subject.split(" ", 1)[0], 2)
    return (kind, number, subject)


def show_hints(findings: Iterable[Finding], *, evidence: bool = True) -> None:
    """Print what to do about each problem, failures first; without `evidence`, where there is a
    hint."""
    for status, color in _PROBLEMS:
        for one in findings:
            if one.status is status and (evidence or one.hint):
                head = f"{status.value} {one.check} {one.subject}"
                text = theme.paint(f"{head}: ", color) + one.evidence if evidence else ""
                hint = f"\n     Next: {one.hint}" if one.hint else ""
                click.echo((text or theme.paint(head, color)) + hint)


def closing(result: VerifyResult) -> str:
    """Return one line: healthy or not, with the counts."""
    about = f"{result.name}: {result.shape.value} of {counted(result.nodes, 'node')}"
    word = theme.verdict("Healthy" if result.healthy else "Unhealthy", good=result.healthy)
    return f"{word}  {about}: {tally(result.findings)}"


def tally(findings: Iterable[Finding]) -> str:
    """Return ``21 ok, 1 warning, 0 failed``, and ``, 2 unknown`` if any is."""
    count = dict.fromkeys(Status, 0)
    for one in findings:
        count[one.status] += 1
    warnings = counted(count[Status.WARN], "warning")
    unknown = f", {count[Status.UNKNOWN]} unknown" if count[Status.UNKNOWN] else ""
    return f"{count[Status.OK]} ok, {warnings}, {count[Status.FAIL]} failed{unknown}"
