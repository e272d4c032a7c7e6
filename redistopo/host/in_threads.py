"""One piece of work for each of several items, each in a thread of its own."""

from collections.abc import Callable, Iterable
from typing import TypeVar

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def in_threads(
    work: Callable[[_Item], _Result], items: Iterable[_Item], *, most: int = 32
) -> tuple[_Result, ...]:
    """Return what `work` returns for each item, in their order, with `most` threads at once; raises
    the first error once all have ended."""
    wanted = tuple(items)
    if len(wanted) < 2:
        return tuple(map(work, wanted))
    # the import, with logging, takes as long as a start of a server, which needs no threads
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(min(most, len(wanted))) as pool:
        return tuple(pool.map(work, wanted))
