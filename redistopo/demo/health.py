"""How the application is, at the moment it is asked: its database, and the cache in each shard."""

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from redistopo.cache_aside import CacheAside, CacheAway
from redistopo.demo.database import DatabaseAway, Items

WAIT_SECONDS = 2.0
"""What hasn't answered by then counts as away: a call's two timeouts, or the database's own,
are shorter; several Sentinels that hang are not."""

_THREADS = 16

OK = "ok"


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """Of the database, and of the cache by the names of shards: `OK`, or why not."""

    database: str
    cache: Mapping[str, str]

    @property
    def serving(self) -> bool:
        """Whether any request can be answered: without Redis that is slower, and no more."""
        return self.database == OK

    def body(self) -> dict[str, object]:
        """As who asked is answered."""
        whole = all(state == OK for state in self.cache.values())
        status = ("ok" if whole else "degraded") if self.serving else "down"
        return {"status": status, "database": self.database, "cache": dict(self.cache)}


def health(items: Items, cache: CacheAside, probes: Mapping[str, str]) -> Health:
    """The database was read, and each shard asked for one key: `probes` are its name, and an id
    whose key is in it. Nobody is waited for longer than `WAIT_SECONDS`.

    Redis is asked as requests ask it: through the circuits, so that one that is open says no at
    once, and the first success closes it.
    """
    pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="demo-health")
    try:
        database = pool.submit(_database, items)
        asked = {name: pool.submit(_cache, cache, id) for name, id in probes.items()}
        wait((database, *asked.values()), timeout=WAIT_SECONDS)
        return Health(
            database=_said(database), cache={name: _said(one) for name, one in asked.items()}
        )
    finally:
        pool.shutdown(wait=False, cancel_futures=True)  # who hangs ends by his own timeouts


def _said(asked: "Future[str]") -> str:
    return asked.result() if asked.done() else f"no answer in {WAIT_SECONDS:g} s"


def _database(items: Items) -> str:
    try:
        items.ids()
    except DatabaseAway as away:
        return str(away)
    return OK


def _cache(cache: CacheAside, id: str) -> str:
    try:
        cache.check(id)
    except CacheAway as away:
        return str(away)
    return OK
