"""Text from anywhere, made safe for a terminal: no escape sequence, no reversed line.

Servers, files, processes and paths may contain any character. Our own colours are added after
this, so that everything that is shown passes here first: `cleaned` takes a whole Result.
"""

from dataclasses import fields, is_dataclass
from pathlib import PurePath
from typing import Any, TypeVar

from redistopo.errors import RedistopoError

Value = TypeVar("Value")

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
    found: Any = _cleaned(value)
    return found  # type: ignore[no-any-return]


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return value if value.isprintable() or (shown := printable(value)) == value else shown
    if isinstance(value, RedistopoError):
        value.message, value.detail = printable(value.message), printable(value.detail)
        return value
    if isinstance(value, PurePath):
        return value if str(value).isprintable() else type(value)(printable(str(value)))
    if isinstance(value, dict):
        made = {_cleaned(name): _cleaned(item) for name, item in value.items()}
        return value if all(map(_same, made.items(), value.items())) else made
    if isinstance(value, list | tuple | set | frozenset):
        return _cleaned_items(value)
    return _cleaned_fields(value) if is_dataclass(value) and not isinstance(value, type) else value


def _same(one: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
    return all(left is right for left, right in zip(one, other, strict=True))


def _cleaned_items(value: Any) -> Any:
    made = [_cleaned(item) for item in value]
    if all(left is right for left, right in zip(made, value, strict=True)):
        return value
    named = hasattr(value, "_fields")  # a NamedTuple takes its items one by one
    return type(value)(*made) if named else type(value)(made)


def _cleaned_fields(value: Any) -> Any:
    """A copy of a dataclass; `replace` would refuse fields without `init`, and check again."""
    names = [field.name for field in fields(value)]
    made = {name: _cleaned(getattr(value, name)) for name in names}
    if all(made[name] is getattr(value, name) for name in names):
        return value
    copy = object.__new__(type(value))
    for name, item in made.items():
        object.__setattr__(copy, name, item)
    return copy
