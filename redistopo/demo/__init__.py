"""Cache-aside as one would write it: a small library to copy, and the demo that shows it live."""

from redistopo.demo.cache_aside import CacheAside, Served, Settings, Source
from redistopo.demo.calls import CacheAway, Circuits
from redistopo.demo.circuit import Circuit, State
from redistopo.demo.database import DatabaseAway, Items
from redistopo.demo.refresh import refreshed_beside
from redistopo.demo.stats import Counts, Stats

__all__ = [
    "CacheAside",
    "CacheAway",
    "Circuit",
    "Circuits",
    "Counts",
    "DatabaseAway",
    "Items",
    "Served",
    "Settings",
    "Source",
    "State",
    "Stats",
    "refreshed_beside",
]
