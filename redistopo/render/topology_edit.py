"""Edits one directive, or top-level numbers, in the text of a topology file; everything else is
preserved."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from typing import Any

from redistopo.errors import UsageError
from redistopo.model.protocol.conf import canonical_directive

Place = tuple[str, ...]
"""The table of a directive: ("redis",), or ("nodes", "node1")."""


def with_directive(text: str, place: Place, directive: str, lines: Sequence[str]) -> str:
    """Set a directive in a table of the text, preserving comments and layout.

    It keeps its position and spelling; a new one follows the table's last key.
    Raises UsageError if the text can't be edited reliably.
    """
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    wanted = tomllib.loads(text)
    spelled = _apply(wanted, place, directive, lines)
    try:
        document = tomlkit.parse(text)
        table: Any = document
        for name in place:
            if name not in table:
                table[name] = tomlkit.table(is_super_table=name != place[-1])
            table = table[name]
        value = _inner(wanted, place)[spelled]
        if spelled in table:
            table[spelled] = value
        else:
            _append(table, spelled, value)
        for other in _others(table, spelled, directive):
            table.remove(other)
        changed = tomlkit.dumps(document)
        if tomllib.loads(changed) == wanted:
            return changed
    except (TOMLKitError, ValueError, TypeError, AttributeError) as error:
        raise _not_editable(place, spelled) from error
    raise _not_editable(place, spelled)


def with_numbers(text: str, numbers: Mapping[str, int]) -> str:
    """Set top-level keys, preserving comments and layout; a default that is commented out makes
    room for its key. Raises UsageError if the text can't be edited reliably."""
    wanted = {**tomllib.loads(text), **numbers}
    for name, value in numbers.items():
        text = _with_number(text, name, value)
    try:
        if tomllib.loads(text) == wanted:
            return text
    except ValueError:
        pass
    raise UsageError(
        "the layout of the topology file can't be edited reliably",
        detail="nothing was changed",
        hint=f"set {' and '.join(numbers)} there by hand, then redistopo up",
    )


def _with_number(text: str, name: str, value: int) -> str:
    top, table, rest = _split_tables(text)
    line = f"{name} = {value}"
    there = re.compile(rf"^([ \t]*{name}[ \t]*=[ \t]*)[0-9_]+", re.MULTILINE)
    if there.search(top):
        top = there.sub(rf"\g<1>{value}", top, count=1)
    elif (default := re.compile(rf"^# {name} = [0-9]+$", re.MULTILINE)).search(top):
        top = default.sub(line, top, count=1)
    else:
        top = f"{top.rstrip()}\n{line}\n" + ("\n" if table else "")
    return top + table + rest


def _split_tables(text: str) -> tuple[str, str, str]:
    """The text before the first table with its comments, that table's header, and the rest."""
    found = re.search(r"^(?:[ \t]*#.*\n)*[ \t]*\[", text, re.MULTILINE)
    if found is None:
        return text, "", ""
    return text[: found.start()], text[found.start() : found.end()], text[found.end() :]


def _append(table: Any, name: str, value: object) -> None:
    """Insert the key after the table's last one, before the comments of the next table."""
    table.append(name, value)
    body = getattr(table.value, "body", None)
    if not isinstance(body, list) or type(table).__name__ == "InlineTable":
        return
    item = body.pop()
    keys = [number for number, (key, _) in enumerate(body) if key is not None]
    body.insert(keys[-1] + 1 if keys else 0, item)


def _apply(document: dict[str, Any], place: Place, directive: str, lines: Sequence[str]) -> str:
    """Set the directive in the document; returns its spelling there."""
    table = document
    for name in place:
        table = table.setdefault(name, {})
    names = [name for name in table if canonical_directive(name) == directive]
    spelled = names[0] if names else directive
    before = table.get(spelled)
    for other in names[1:]:
        del table[other]
    table[spelled] = list(lines) if len(lines) > 1 else _typed(lines[0], before)
    return spelled


def _typed(line: str, before: object) -> object:
    """A value with the type of the old one; a new value is a number if it looks like one."""
    if isinstance(before, bool) and line in ("yes", "no"):
        return line == "yes"
    if not isinstance(before, str) and re.fullmatch(r"0|-?[1-9][0-9]{0,17}", line):
        return int(line)
    return line


def _inner(document: Mapping[str, Any], place: Place) -> Mapping[str, Any]:
    for name in place:
        document = document[name]
    return document


def _others(table: Mapping[str, object], spelled: str, directive: str) -> tuple[str, ...]:
    """Other names of the same directive in that table."""
    return tuple(
        name for name in table if canonical_directive(name) == directive and name != spelled
    )


def _not_editable(place: Place, spelled: str) -> UsageError:
    return UsageError(
        f"the layout of [{'.'.join(place)}] in the topology file can't be edited reliably",
        detail="nothing was changed",
        hint=f"set {spelled} there by hand, then redistopo up",
    )
