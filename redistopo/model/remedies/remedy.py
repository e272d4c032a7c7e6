"""A remedy: the text to show, its class, and what it would lose."""

from enum import StrEnum
from typing import TypedDict


class RemedyClass(StrEnum):
    """The classes, the least dangerous first. `ASKS`: it loses something, and the command asks
    first or the user has to choose. `DESTROYS`: it loses something as soon as it is typed."""

    SAFE = "safe"
    ASKS = "asks"
    DESTROYS = "destroys"

    @property
    def level(self) -> int:
        """Its rank, for comparisons."""
        return list(RemedyClass).index(self)


class Remedy(str):
    """A hint with its class. It is its own text, so it can be passed wherever a hint can; any
    operation on it returns a plain string, which is of class safe: see `joined`, `rewritten`."""

    _kind: RemedyClass
    _loses: str

    def __new__(cls, text: str, kind: RemedyClass, loses: str = "") -> "Remedy":
        """Return the remedy; raise ValueError unless its class and what it loses go together."""
        if bool(loses) is (kind is RemedyClass.SAFE):
            raise ValueError(f"a remedy of class {kind} with loses={loses!r}: {text}")
        made = super().__new__(cls, text)
        made._kind, made._loses = kind, loses
        return made

    def __reduce__(self) -> tuple[type["Remedy"], tuple[str, RemedyClass, str]]:
        return (Remedy, (str(self), self._kind, self._loses))

    @property
    def kind(self) -> RemedyClass:
        """Its class."""
        return self._kind

    @property
    def loses(self) -> str:
        """What it would lose; "" if it is safe."""
        return self._loses


def class_of(hint: str) -> RemedyClass:
    """Return a hint's class; a plain text is safe."""
    return hint.kind if isinstance(hint, Remedy) else RemedyClass.SAFE


def loses(hint: str) -> str:
    """Return what a hint would lose; "" for a plain text."""
    return hint.loses if isinstance(hint, Remedy) else ""


def joined(*parts: str, by: str = "") -> str:
    """Return the parts as one text, of the highest class among them, with all that they lose."""
    text = by.join(part for part in parts if part)
    kind = max((class_of(part) for part in parts), key=lambda one: one.level, default=None)
    if kind is None or kind is RemedyClass.SAFE:
        return text
    return Remedy(text, kind, "; ".join(dict.fromkeys(filter(None, map(loses, parts)))))


def rewritten(hint: str, text: str) -> str:
    """Return another text with the class of a hint."""
    return Remedy(text, hint.kind, hint.loses) if isinstance(hint, Remedy) else text


RemedyFields = TypedDict("RemedyFields", {"class": RemedyClass, "loses": str})
"""What a document has beside a hint."""


def remedy_fields(hint: str) -> RemedyFields:
    """Return the class of a hint, and what it would lose."""
    return {"class": class_of(hint), "loses": loses(hint)}
