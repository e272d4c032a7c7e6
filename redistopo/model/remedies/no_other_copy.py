"""The proof that no other copy of some data may exist; what destroys data needs it."""

from collections.abc import Iterable
from enum import StrEnum

from redistopo.quick_dataclass import dataclass


class Place(StrEnum):
    """Where a copy was looked for."""

    RUNNING = "running"
    STOPPED = "stopped"
    DISK = "on disk"
    UNREAD = "not read"


@dataclass(frozen=True, slots=True, kw_only=True)
class CopySeen:
    """Whether a node may have a copy of the data, and where it was looked for. What could not be
    read may be a copy."""

    node: str
    place: Place
    may_exist: bool

    def __post_init__(self) -> None:
        if self.place is Place.UNREAD and not self.may_exist:
            raise ValueError(f"{self.node} was not read, so it may have a copy")


@dataclass(frozen=True, slots=True, kw_only=True)
class NoOtherCopy:
    """No node may have a copy of that data; `looked` are the nodes where none was found."""

    data: str
    looked: tuple[CopySeen, ...]

    def __post_init__(self) -> None:
        if found := [one.node for one in self.looked if one.may_exist]:
            raise ValueError(f"{', '.join(found)} may have a copy of {self.data}")


def no_data_in(folder: str) -> NoOtherCopy | None:
    """Return the proof for a folder that was looked through, and has no data."""
    seen = CopySeen(node=folder, place=Place.DISK, may_exist=False)
    return no_other_copy(f"{folder} has no data", [seen])


def no_other_copy(data: str, looked: Iterable[CopySeen]) -> NoOtherCopy | None:
    """Return the proof that none of these copies of the data exists; None if one may."""
    known = tuple(looked)
    if any(one.may_exist for one in known):
        return None
    return NoOtherCopy(data=data, looked=known)
