"""Pending invalidations: DELs that failed while Redis was unavailable.

The row was changed, but the old one is still in the cache, and DEL failed. Once Redis is back the
old row would be served until it expires. So the key is remembered here, and deleted before this
process serves it from the cache again.
"""

import threading


class PendingInvalidations:
    """Keys to delete, oldest first; one short entry each."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tickets: dict[bytes, object] = {}

    def __bool__(self) -> bool:
        return bool(self._tickets)

    def add(self, key: bytes) -> None:
        """Remember that this key is to be deleted."""
        with self._lock:
            self._tickets[key] = object()

    def ticket(self, key: bytes) -> object | None:
        """Return the ticket to pass to `done` after the deletion; None if nothing is pending."""
        return self._tickets.get(key)

    def done(self, key: bytes, ticket: object) -> None:
        """Forget the key, unless it was added again after the ticket was taken."""
        with self._lock:
            if self._tickets.get(key) is ticket:
                del self._tickets[key]

    def next(self) -> bytes | None:
        """Return a pending key, each in its turn."""
        with self._lock:
            key = next(iter(self._tickets), None)
            if key is not None:
                self._tickets[key] = self._tickets.pop(key)
            return key
