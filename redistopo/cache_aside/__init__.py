"""The cache-aside pattern as a library to copy: it needs redis-py and no other file of redistopo.

Start with `CacheAside` in `cache.py`. The files import each other relatively, so that a copy of
this folder works inside any package.
"""

from .cache import CacheAside, Served, Source
from .circuit_breaker import Circuit, State
from .guarded_calls import CacheAway, Circuits
from .settings import Settings
from .slot_refresh import refreshed_beside
from .stats import Counts, Stats

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
