"""A table: drawn by rich on a terminal, aligned columns in a pipe."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import click

from redistopo.cli import theme
from redistopo.quick_dataclass import dataclass

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table as RichTable
    from rich.text import Text

_WIDE_LEAST = 28
"""Text that wraps at fewer columns is hard to read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows of text under named columns; a row that begins a group follows a gap.

    `wide` names the column that gets the remaining width, and wraps; a table without one names the
    column of each cell where the terminal is too narrow for it, and so does one that is `named`.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    groups: frozenset[int] = frozenset()
    right: frozenset[str] = frozenset()
    wide: str = ""
    named: bool = False
    title: str = ""


def print_table(sheet: Table) -> None:
    """Print the table on stdout."""
    if sys.stdout.isatty():
        _draw(sheet)
    else:
        _align(sheet)


def _align(sheet: Table) -> None:
    if sheet.title:
        click.echo(sheet.title)
    right = [name in sheet.right for name in sheet.columns]
    for line in aligned([[name.upper() for name in sheet.columns], *sheet.rows], right):
        click.echo(line)


def aligned(rows: Sequence[Sequence[str]], right: Sequence[bool]) -> Iterator[str]:
    """Yield each row with its cells padded to the width of their column."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [
            cell.rjust(width) if to_right else cell.ljust(width)
            for cell, width, to_right in zip(row, widths, right, strict=True)
        ]
        yield "  ".join(cells).rstrip()


def _draw(sheet: Table) -> None:
    from rich.console import Console

    console = Console(highlight=False)
    tight, roomy = _width(sheet, gap=1), _width(sheet, gap=3)
    if tight > console.width:
        _stack(sheet, console)
    else:
        console.print(_table(sheet, roomy=roomy <= console.width))


def _width(sheet: Table, gap: int) -> int:
    """How wide the table is at least, its cells unbroken; the wide column may wrap."""
    cells = zip(sheet.columns, *sheet.rows, strict=True)
    longests = [max(map(len, column)) for column in cells]
    widths = [
        min(longest, _WIDE_LEAST) if name == sheet.wide else longest
        for name, longest in zip(sheet.columns, longests, strict=True)
    ]
    return sum(widths) + gap * (len(widths) - 1) + 2


def _table(sheet: Table, *, roomy: bool) -> "RichTable":
    from rich import box
    from rich.table import Table as RichTable
    from rich.text import Text

    table = RichTable(
        box=box.SIMPLE_HEAD,
        title=sheet.title or None,
        title_justify="left",
        pad_edge=False,
        padding=(0, 1) if roomy else 0,
    )
    for name in sheet.columns:
        wide = name == sheet.wide
        table.add_column(
            name,
            justify="right" if name in sheet.right else "left",
            overflow="fold",
            no_wrap=not wide,
            ratio=1 if wide else None,
        )
    for number, row in enumerate(sheet.rows):
        if number in sheet.groups and number:
            table.add_section()
        table.add_row(*(Text(cell, style=theme.CELLS.get(cell, "")) for cell in row))
    return table


def _stack(sheet: Table, console: "Console") -> None:
    """For a narrow terminal: each row as a few lines, complete."""
    from rich.padding import Padding
    from rich.text import Text

    if sheet.title:
        console.print(Text(sheet.title, style="italic"))
    for row in sheet.rows:
        cells = dict(zip(sheet.columns, row, strict=True))
        for line in _packed(sheet, cells, console.width):
            console.print(line)
        if sheet.wide:
            console.print(Padding(Text(cells[sheet.wide], overflow="fold"), (0, 0, 0, 2)))


def _packed(sheet: Table, cells: Mapping[str, str], width: int) -> Iterator["Text"]:
    """Yield a row's cells in lines; none is broken, unless it is longer than a line."""
    from rich.text import Text

    line = Text()
    for name, cell in cells.items():
        if cell in ("", "-") or name == sheet.wide:
            continue
        label = "" if not name or (sheet.wide and not sheet.named) else f"{name} "
        pair = Text.assemble((label, theme.DIM), (cell, theme.CELLS.get(cell, "")))
        if line and line.cell_len + 2 + pair.cell_len > width:
            yield line
            line = Text()
        line.append("  " if line else "").append_text(pair)
    yield line
