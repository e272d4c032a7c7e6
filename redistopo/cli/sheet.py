"""A table for people: drawn by rich on a terminal, aligned columns in a pipe."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass

import click

STYLES = {
    "ok": "green",
    "warn": "yellow",
    "fail": "bold red",
    "skip": "dim",
    "running": "green",
    "stopped": "red",
    "silent": "bold red",
    "link down": "bold red",
    "cluster fail": "bold red",
    "loading": "yellow",
    "primary": "bold",
    "yes": "green",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """Rows of text under named columns; a row that starts a group is drawn apart.

    `wide` names the column that takes what width is left, and wraps.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    groups: frozenset[int] = frozenset()
    right: frozenset[str] = frozenset()
    wide: str = ""
    title: str = ""


def show(sheet: Sheet) -> None:
    """The sheet is on stdout."""
    if sys.stdout.isatty():
        _draw(sheet)
    else:
        _align(sheet)


def _align(sheet: Sheet) -> None:
    if sheet.title:
        click.echo(sheet.title)
    table = [tuple(name.upper() for name in sheet.columns), *sheet.rows]
    widths = [max(len(row[n]) for row in table) for n in range(len(sheet.columns))]
    for row in table:
        cells = [
            cell.rjust(width) if name in sheet.right else cell.ljust(width)
            for name, cell, width in zip(sheet.columns, row, widths, strict=True)
        ]
        click.echo("  ".join(cells).rstrip())


def _draw(sheet: Sheet) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(
        box=box.SIMPLE_HEAD, title=sheet.title or None, title_justify="left", pad_edge=False
    )
    for name in sheet.columns:
        wide = name == sheet.wide
        table.add_column(
            name,
            justify="right" if name in sheet.right else "left",
            overflow="fold",
            ratio=1 if wide else None,
        )
    for number, row in enumerate(sheet.rows):
        if number in sheet.groups and number:
            table.add_section()
        table.add_row(*(Text(cell, style=STYLES.get(cell, "")) for cell in row))
    Console(highlight=False).print(table)
