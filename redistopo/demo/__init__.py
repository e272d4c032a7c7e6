"""The demo application of `redistopo demo`: a web page that shows cache-aside live."""

from redistopo import cache_aside
from redistopo.cache_aside import *  # noqa: F403
from redistopo.demo.database import DatabaseAway, Items

__all__ = ["DatabaseAway", "Items"]
__all__ += cache_aside.__all__
