"""Invalidations owed: what a write while Redis is away must not leave behind.

The row was changed, but the old one is still in the cache, and DEL didn't get through. Once
Redis is back it would be served again until it expires. So the key is remembered, and deleted
before anybody in this process gets it from the cache.
"""

import threading


class PendingInvalidations:
    """Keys to be deleted, in the order in which they came to be owed; one short entry each."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tickets: dict[bytes, object] = {}

    def __bool__(self) -> bool:
        return bool(self._tickets)

    def add(self, key: bytes) -> None:
        with self._lock:
            self._tickets[key] = object()

    def ticket(self, key: bytes) -> object | None:
        """Taken before the deletion, given back by `paid`; None: nothing is owed."""
        return self._tickets.get(key)

    def paid(self, key: bytes, ticket: object) -> None:
        """The key was deleted after the ticket was taken; one owed since then is still owed."""
        with self._lock:
            if self._tickets.get(key) is ticket:
                del self._tickets[key]

    def next(self) -> bytes | None:
        """One that is owed, each in its turn."""
        with self._lock:
            key = next(iter(self._tickets), None)
            if key is not None:
                self._tickets[key] = self._tickets.pop(key)
            return key
