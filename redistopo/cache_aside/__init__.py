"""The cache-aside pattern as a library to copy: it needs redis-py and no other file of redistopo.

Start with `CacheAside` in `cache.py`. The files import each other relatively, so that a copy of
this folder works inside any package.
"""

from redistopo.cache_aside.cache import CacheAside, Served, Source
from redistopo.cache_aside.circuit_breaker import Circuit, State
from redistopo.cache_aside.guarded_calls import CacheAway, Circuits
from redistopo.cache_aside.settings import Settings
from redistopo.cache_aside.slot_refresh import refreshed_beside
from redistopo.cache_aside.stats import Counts, Stats

__all__ = [
    "CacheAside",
    "CacheAway",
    "Circuit",
    "Circuits",
    "Counts",
    "Served",
    "Settings",
    "Source",
    "State",
    "Stats",
    "refreshed_beside",
]
