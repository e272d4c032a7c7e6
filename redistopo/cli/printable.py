"""Text from anywhere, made safe for a terminal: no escape sequence, no reversed line.

Servers, files, processes and paths may contain any character. Our own colours are added after
this, so that everything that is shown passes here first: `cleaned` takes a whole Result.
"""

from dataclasses import fields, is_dataclass
from functools import cache
from operator import is_
from pathlib import PurePath
from typing import Any, TypeVar

from redistopo.errors import RedistopoError

Value = TypeVar("Value")

_WITHOUT_TEXT = frozenset({int, float, bool, type(None)})

_CONTROL = (*range(0x20), *range(0x7F, 0xA0))
_DIRECTION = (0x061C, 0x200E, 0x200F, *range(0x2028, 0x202F), *range(0x2066, 0x206A))
"""Characters that reorder a line, or begin another one."""

_SHOWN = {
    code: chr(code).encode("unicode_escape").decode()
    for code in (*_CONTROL, *_DIRECTION)
    if code not in (0x09, 0x0A)
} | dict.fromkeys(range(0xD800, 0xE000), "\ufffd")
_IN_JSON = {code: f"\\u{code:04x}" for code in (*range(0x7F, 0xA0), *_DIRECTION)}


def printable(text: str) -> str:
    """Escape control characters, but not line ends and tabs."""
    return text if text.isprintable() else text.replace("\r\n", "\n").translate(_SHOWN)


def printable_json(document: str) -> str:
    """Escape the control characters that JSON permits in strings."""
    return (
        document if document.isascii() and "\x7f" not in document else document.translate(_IN_JSON)
    )


def cleaned(value: Value) -> Value:
    """Return a value with all text in it made printable; the same object if it is already."""
    found: Any = _Cleaning().of(value)
    return found  # type: ignore[no-any-return]


class _Cleaning:
    """One pass over a value. What its parts share is looked at once: a snapshot of 100 nodes has
    10,000 lines of CLUSTER NODES, most of them the same objects."""

    def __init__(self) -> None:
        self._done: dict[int, Any] = {}

    def of(self, value: Any) -> Any:
        if isinstance(value, str):
            return value if value.isprintable() or (shown := printable(value)) == value else shown
        if type(value) in _WITHOUT_TEXT:
            return value
        key = id(value)
        if key not in self._done:
            self._done[key] = self._looked_at(value)
        return self._done[key]

    def _looked_at(self, value: Any) -> Any:
        if isinstance(value, RedistopoError):
            value.message, value.detail = printable(value.message), printable(value.detail)
            return value
        if isinstance(value, PurePath):
            return value if str(value).isprintable() else type(value)(printable(str(value)))
        if isinstance(value, dict):
            texts = (*value, *value.values())
            if set(map(type, texts)) == {str} and "".join(texts).isprintable():
                return value  # such as INFO: a hundred fields of each node
            names, items = list(map(self.of, value)), list(map(self.of, value.values()))
            same = all(map(is_, names, value)) and all(map(is_, items, value.values()))
            return value if same else dict(zip(names, items, strict=True))
        if isinstance(value, list | tuple | set | frozenset):
            return self._items(value)
        if is_dataclass(value) and not isinstance(value, type):
            return self._fields(value)
        return value

    def _items(self, value: Any) -> Any:
        made = list(map(self.of, value))
        if all(map(is_, made, value)):
            return value
        named = hasattr(value, "_fields")  # a NamedTuple takes its items one by one
        return type(value)(*made) if named else type(value)(made)

    def _fields(self, value: Any) -> Any:
        """A copy of a dataclass; `replace` would refuse fields without `init`, and check again."""
        names = _names(value.__class__)
        found = [getattr(value, name) for name in names]
        made = list(map(self.of, found))
        if all(map(is_, made, found)):
            return value
        copy = object.__new__(type(value))
        for name, item in zip(names, made, strict=True):
            object.__setattr__(copy, name, item)
        return copy


@cache
def _names(kind: type) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))
