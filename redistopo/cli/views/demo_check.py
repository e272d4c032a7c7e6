"""`demo --check`: cache-aside measured, where items are, and the failover of a primary."""

import shutil
import sys

import click

from redistopo.cli import theme
from redistopo.cli.table import Table, print_table
from redistopo.demo.cache_check import CheckResult, Pattern
from redistopo.demo.failover_check import ItemLocation, Takeover


def show_check(result: CheckResult) -> None:
    """Print up to three tables, then the verdict."""
    click.echo(
        f"{result.name}: {result.shape}, cached for {result.ttl:g} s at most, the database "
        f"takes {result.db_delay:g} s"
    )
    _show_pattern(result.pattern)
    if result.homes:
        _part()
        _show_homes(result.homes)
    _part()
    if result.takeover:
        _show_takeover(result.takeover)
    elif result.unshown not in result.faults:
        _say(f"{result.unshown[:1].upper()}{result.unshown[1:]}.")
    click.echo()
    for fault in result.faults:
        _judge("FAIL", fault, good=False)
    if not result.faults:
        text = f"cache-aside works: a miss takes {result.pattern.ratio:.0f} times as long as a hit"
        text += "" if result.takeover else "; no failover was tried"
        _judge("PASS", text, good=True)


def _judge(word: str, text: str, *, good: bool) -> None:
    if sys.stdout.isatty():
        width = shutil.get_terminal_size().columns - len(word) - 2
        text = click.wrap_text(text, width).replace("\n", "\n" + " " * (len(word) + 2))
    click.echo(f"{theme.verdict(word, good=good)}  {text}")


def _part() -> None:
    """Separate parts by a line; a table on a terminal has its own."""
    if not sys.stdout.isatty():
        click.echo()


def _say(text: str, indent: str = "") -> None:
    """Print a text, wrapped on a terminal, as one line in a pipe."""
    if sys.stdout.isatty():
        width = shutil.get_terminal_size().columns
        further = f"{indent}  " if indent else ""
        text = click.wrap_text(text, width, initial_indent=indent, subsequent_indent=further)
        click.echo(text)
    else:
        click.echo(indent + text)


def _show_pattern(pattern: Pattern) -> None:
    rows = []
    for one in pattern.asked:
        if one.what == "miss again":
            gone = pattern.expired
            when = "not in time" if gone is None else f"{gone:.1f} s later"
            rows.append(("expiry", "-", when, "-", "-"))
        ttl = "-" if one.ttl is None else f"{one.ttl:.1f} s"
        rows.append((one.what, one.source, _time(one.milliseconds), ttl, one.node or "-"))
        if one.what == "hit":
            rows.append(
                (f"{pattern.hits} hits", "cache", f"{_time(pattern.again)} (median)", "", "")
            )
    right = frozenset({"ttl left"})
    print_table(
        Table(
            columns=("request", "served from", "took", "ttl left", "node"), rows=rows, right=right
        )
    )


def _time(milliseconds: float) -> str:
    return f"{milliseconds / 1000:.2f} s" if milliseconds >= 1000 else f"{milliseconds:.1f} ms"


def _show_homes(homes: tuple[ItemLocation, ...]) -> None:
    slotted = any(one.slot is not None for one in homes)
    columns = (
        ("key", "slot", "shard", "read from", "role") if slotted else ("key", "read from", "role")
    )
    rows = []
    for one in homes:
        where = (str(one.slot), one.shard) if slotted else ()
        rows.append((one.key, *where, one.node or "-", one.role))
    print_table(Table(columns=columns, rows=rows, right=frozenset({"slot"})))


def _show_takeover(took: Takeover) -> None:
    click.echo(f"{took.node} was stopped; it had {took.keys} of these items:")
    for text in took.stories:
        _say(text, indent="  ")
    if took.promoted is not None:
        click.echo(f"{took.heir} was primary {took.promoted:.1f} s after {took.node} stopped.")
    if took.written is not None and took.served is not None:
        _say(
            f"The cache accepted writes again after {took.written:.1f} s, and served all "
            f"{took.keys} items again after {took.served:.1f} s; {took.kept} of them were kept."
        )
        _say(f"In the meantime the database served {took.degraded} of {took.requests} requests.")
    click.echo(
        f"{took.node} runs again, and every check of `redistopo verify` passes."
        if took.whole
        else f"{took.node} runs again, but a check fails: redistopo verify prints it."
    )
