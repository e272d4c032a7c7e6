"""Replies of several nodes, side by side."""

import sys

from redistopo.cli.table import Table, print_table
from redistopo.model.protocol.reply_text import escaped_line, readable
from redistopo.ops.call import CallResult


def show_call(result: CallResult) -> None:
    """Print a row for each node; in a pipe one for each line, with the node's name, for grep."""
    rows = []
    for one in result.replies:
        head = (one.name, one.role.value if one.role else "-")
        error = f"(error) {escaped_line(one.error)}" if one.error else ""
        lines = [error] if error else list(readable(one.reply))
        texts = ["\n".join(lines)] if sys.stdout.isatty() else lines
        rows += [(*head, text) for text in texts]
    groups = frozenset(
        number for number, row in enumerate(rows) if number == 0 or row[0] != rows[number - 1][0]
    )
    many = len(rows) > len(result.replies) or any("\n" in row[-1] for row in rows)
    print_table(
        Table(
            columns=("node", "role", "reply"),
            rows=rows,
            groups=groups if many else frozenset(),
            wide="reply",
        )
    )
