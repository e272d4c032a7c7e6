"""The current health of the application: its database, and the cache in each shard."""

from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import partial

from redistopo.cache_aside import CacheAside, CacheAway
from redistopo.demo.database import DatabaseAway, Items
from redistopo.quick_dataclass import dataclass

WAIT_SECONDS = 2.0
"""A check that takes longer counts as failed: a call's two timeouts, or the database's own, are
shorter; several Sentinels that hang are not."""

_THREADS = 16

OK = "ok"


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """The state of the database, and of the cache by shard: `OK`, or the error."""

    database: str
    cache: Mapping[str, str]

    @property
    def serving(self) -> bool:
        """Return whether requests can be served: without Redis they are only slower."""
        return self.database == OK

    def body(self) -> dict[str, object]:
        """Return the body of the response."""
        whole = all(state == OK for state in self.cache.values())
        status = ("ok" if whole else "degraded") if self.serving else "down"
        return {"status": status, "database": self.database, "cache": dict(self.cache)}


def health(items: Items, cache: CacheAside, probes: Mapping[str, str]) -> Health:
    """Read the database, and one key of each shard; wait `WAIT_SECONDS` at most.

    `probes` maps a shard's name to an id whose key is in it. Redis is called through the circuits,
    as by requests: an open one fails at once, and the first success closes it.
    """
    pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="demo-health")
    try:
        database = pool.submit(_state_of, items.ids, DatabaseAway)
        asked = {
            name: pool.submit(_state_of, partial(cache.check, id), CacheAway)
            for name, id in probes.items()
        }
        wait((database, *asked.values()), timeout=WAIT_SECONDS)
        return Health(
            database=_state(database), cache={name: _state(one) for name, one in asked.items()}
        )
    finally:
        pool.shutdown(wait=False, cancel_futures=True)  # a check that hangs ends by its timeout


def _state(asked: "Future[str]") -> str:
    return asked.result() if asked.done() else f"no reply in {WAIT_SECONDS:g} s"


def _state_of(call: Callable[[], object], unavailable: type[Exception]) -> str:
    try:
        call()
    except unavailable as error:
        return str(error)
    return OK
