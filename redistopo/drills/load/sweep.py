"""Removing what a load left behind, by its prefix."""

from redistopo.drills.load.request import Way


def sweep(way: Way, seconds: float, *, load_id: str = "") -> int:
    """How many keys of loads (of that one, or of any) were removed from every primary.

    By SCAN and UNLINK, for `seconds` at the most; raises Unreachable where no primary answers.
    """
    raise NotImplementedError
