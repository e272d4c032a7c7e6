"""The demo application of `redistopo demo`: a web page that shows cache-aside backend."""

from redistopo.cache_aside import (
    CacheAside,
    CacheAway,
    Circuit,
    Circuits,
    Counts,
    Served,
    Settings,
    Source,
    State,
    Stats,
    refreshed_beside,
)
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
