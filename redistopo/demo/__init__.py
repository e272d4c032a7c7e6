"""Cache-aside as one would write it: a small library to copy, and the demo that shows it live."""

from redistopo.cache_aside.cache import CacheAside, Served, Settings, Source
from redistopo.cache_aside.calls import CacheAway, Circuits
from redistopo.cache_aside.circuit_breaker import Circuit, State
from redistopo.cache_aside.slot_refresh import refreshed_beside
from redistopo.cache_aside.stats import Counts, Stats
from redistopo.demo.database import DatabaseAway, Items

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
