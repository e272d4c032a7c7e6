"""Findings as a table grouped by subject, with what to do about each failure."""

import re
from collections import Counter
from collections.abc import Iterable

import click

from redistopo.cli import theme
from redistopo.cli.commands_here import typed
from redistopo.cli.counts import counted
from redistopo.cli.table import Table, print_table
from redistopo.model.connectivity.report import matrix_lines
from redistopo.model.state.finding import Finding, Status, consequences, root_causes
from redistopo.ops.verify import VerifyResult


def show_verify(result: VerifyResult, *, everything: bool = False) -> None:
    """Print the table, which node can't reach which, a closing line, and what to do.

    Findings that follow from others are folded unless `everything` is set. Root causes are last,
    where a terminal still shows them.
    """
    shown = result.findings if everything else _folded(result.findings)
    print_table(grouped(sorted(shown, key=lambda one: _place(one.subject))))
    # what a dead node can't reach says nothing new
    dead = all(one.check == "node.alive" for one in root_causes(result.findings))
    for line in matrix_lines(result.reach) if result.reach and (everything or not dead) else ():
        click.echo(line)
    if result.healthy:
        show_hints(shown)
        click.echo(closing(result))
        return
    click.echo(closing(result))
    if (folded := consequences(result.findings)) and not everything:
        click.echo(_follow(folded))
    show_hints(shown)


def _folded(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    return tuple(one for one in findings if not one.because_of)


def _follow(folded: tuple[Finding, ...]) -> str:
    """Return how many findings are folded, of which checks, and how to show them."""
    count = Counter(one.check for one in folded)
    listed = ", ".join(f"{check} {n}x" if n > 1 else check for check, n in count.items())
    verb = "follows" if len(folded) == 1 else "follow"
    return f"{counted(len(folded), 'finding')} {verb} from what is below, --all shows: {listed}"


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
    """Print what to do about each problem, root causes last, and the same remedy once; without
    `evidence`, where there is a hint."""
    found = _folded(findings)
    open_ones = (Status.UNKNOWN, Status.WARN)
    warnings = tuple(one for status in open_ones for one in found if one.status is status)
    failed = tuple(reversed(root_causes(found)))
    for problems, color in ((warnings, theme.WARNING), (failed, theme.ERROR)):
        shown = [one for one in problems if evidence or one.hint]
        for one, after in zip(shown, (*shown[1:], None), strict=False):
            head = f"{one.status.value} {one.check} {one.subject}"
            text = theme.paint(f"{head}: ", color) + one.evidence if evidence else ""
            click.echo(text or theme.paint(head, color))
            if one.hint and (after is None or after.hint != one.hint):
                click.echo(f"     Next: {typed(one.hint)}")


def closing(result: VerifyResult) -> str:
    """Return one line: healthy or not, with the counts."""
    about = f"{result.name}: {result.shape.value} of {counted(result.nodes, 'node')}"
    word = theme.verdict("Healthy" if result.healthy else "Unhealthy", good=result.healthy)
    return f"{word}  {about}: {tally(result.findings)}"


def tally(findings: Iterable[Finding]) -> str:
    """Return ``21 ok, 1 warning, 0 failed``; what follows from a failure is counted apart."""
    known = tuple(findings)
    count = Counter(one.status for one in _folded(known))
    warnings = counted(count[Status.WARN], "warning")
    folded = consequences(known)
    apart = f", {count[Status.UNKNOWN]} unknown" if count[Status.UNKNOWN] else ""
    apart += f", {len(folded)} that follow" if folded else ""
    return f"{count[Status.OK]} ok, {warnings}, {count[Status.FAIL]} failed{apart}"
