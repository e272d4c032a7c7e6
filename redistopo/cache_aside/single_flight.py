"""Single-flight: concurrent requests for one row share one load.

When a popular row expires, a hundred requests miss it in the same millisecond. The first one loads
it; the others wait and get the same result: the row, or the error.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

Result = TypeVar("Result")


class SingleFlight(Generic[Result]):
    """At most one running load for each key, among the threads of this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: dict[bytes, Future[Result]] = {}

    def join(self, key: bytes, load: Callable[[], Result]) -> tuple[Result, bool]:
        """Return the result of the running load, else of `load()`, and whether it was joined.

        An error reaches every caller. `load` must not join the same key: it would wait for itself.
        """
        with self._lock:
            running = self._running.get(key)
            joined = running is not None
            if running is None:
                running = self._running[key] = Future()
        if joined:
            return running.result(), True
        try:
            result = load()
        except BaseException as error:  # whatever it is, the others must not wait for ever
            self._remove(key, running)
            running.set_exception(error)
            raise
        self._remove(key, running)
        running.set_result(result)
        return result, False

    def forget(self, key: bytes) -> None:
        """Keep later requests from joining the running load, which may return the old row.

        Without this, a request that starts after a write has ended could still get what a slow
        load had read before it.
        """
        with self._lock:
            self._running.pop(key, None)

    def forget_all(self) -> None:
        """Do the same for every key."""
        with self._lock:
            self._running.clear()

    def _remove(self, key: bytes, running: "Future[Result]") -> None:
        with self._lock:
            if self._running.get(key) is running:  # else it was forgotten, and replaced
                del self._running[key]
