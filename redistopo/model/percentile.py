"""Percentiles of measured values, by nearest rank."""

from collections.abc import Sequence
from math import ceil


def percentile(ordered: Sequence[float], percent: float) -> float:
    """Return the smallest of the sorted values that at least `percent` of them don't exceed."""
    return ordered[max(0, ceil(percent * len(ordered) / 100) - 1)]
