"""A cluster client that doesn't wait for the slot table: what redis-py does to a degraded request.

After each failed call redis-py's RedisCluster reads the slot table anew before it raises
(cluster.py, _execute_command): it asks node after node, and one thread after the other. With six
frozen nodes and a timeout of 0.25 s one request took 1.5 s, and the last of 20 at once 26 s.
"""

import threading
from contextlib import suppress
from typing import Any, TypeVar

from redis.exceptions import SlotNotCoveredError

from redistopo.cache_aside.calls import TROUBLE

Cluster = TypeVar("Cluster", bound=Any)


def refreshed_beside(cluster: Cluster) -> Cluster:
    """The same client; from now on the slot table is read in a thread beside, by one at a time.

    A failed call raises at once, and the next finds the new table, or is the next to fail.
    Where a node answers MOVED redis-py follows it as before. A slot that had no owner when the
    table was read is looked up anew, too: redis-py itself would never find its new owner.
    """
    manager = cluster.nodes_manager
    refresh, find = manager.initialize, manager.get_node_from_slot
    at_it = threading.Lock()

    def work(*words: Any, **named: Any) -> None:
        try:
            with suppress(*TROUBLE):  # nobody answers: the next failed call tries again
                refresh(*words, **named)
        finally:
            at_it.release()

    def begin(*words: Any, **named: Any) -> None:
        if at_it.acquire(blocking=False):
            try:
                threading.Thread(target=work, args=words, kwargs=named, daemon=True).start()
            except RuntimeError:  # no thread to be had: the next failed call tries again
                at_it.release()

    def found(*words: Any, **named: Any) -> Any:
        try:
            return find(*words, **named)
        except SlotNotCoveredError:
            begin()
            raise

    manager.initialize, manager.get_node_from_slot = begin, found
    return cluster
