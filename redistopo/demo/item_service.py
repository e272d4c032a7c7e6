"""Serves requests for items: loads, measures, and notifies the listeners."""

from collections.abc import Callable, Mapping

from redistopo.cache_aside import CacheAside
from redistopo.demo.database import DatabaseAway
from redistopo.demo.latencies import Latencies
from redistopo.demo.topology_view import KeyLocation
from redistopo.quick_dataclass import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemResponse:
    """A response: `status` is HTTP's; `ttl` in seconds, None if not requested or unknown."""

    id: str
    data: Mapping[str, object] | None
    source: str
    ttl: float | None
    node: str
    slot: int | None
    degraded: str
    milliseconds: float
    status: int

    def event(self) -> dict[str, object]:
        """Return the event for listeners: the response without the row."""
        return {
            "id": self.id, "source": self.source, "ms": self.milliseconds, "ttl": self.ttl,
            "node": self.node, "slot": self.slot, "degraded": self.degraded, "status": self.status,
        }  # fmt: skip

    def body(self) -> dict[str, object]:
        """Return the body of the response."""
        return {
            "data": self.data, "source": self.source, "ttl": self.ttl, "node": self.node,
            "slot": self.slot, "degraded": self.degraded, "milliseconds": self.milliseconds,
        }  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Listeners:
    """The receivers of each response."""

    latencies: Latencies
    took: Callable[[str, float], None]
    served: Callable[[Mapping[str, object]], None]


class ItemService:
    """Serves items from the cache; `place` returns where a key is."""

    def __init__(
        self, cache: CacheAside, place: Callable[[str], KeyLocation], listeners: Listeners
    ) -> None:
        self._cache = cache
        self._place = place
        self._listeners = listeners

    def serve(self, item: str, *, with_ttl: bool = True) -> ItemResponse:
        """Return the item; its remaining TTL costs another command.

        Raises DatabaseAway, after notifying the listeners.
        """
        try:
            served = self._cache.get(item)
        except DatabaseAway:
            self._listeners.served(_failed(item, self._place(self._cache.key(item))).event())
            raise
        # before the next command: only the last command's node is known
        place = self._place(self._cache.key(item))
        away = bool(served.degraded)
        answer = ItemResponse(
            id=item,
            data=served.data,
            source=served.source.value,
            ttl=self._cache.ttl(item) if with_ttl and not away else None,
            node="" if away else place.node,
            slot=place.slot,
            degraded=served.degraded,
            milliseconds=round(served.seconds * 1000, 3),
            status=404 if served.data is None else 200,
        )
        self._listeners.latencies.add(
            hit=answer.source == "cache", milliseconds=answer.milliseconds
        )
        self._listeners.took(answer.source, served.seconds)
        self._listeners.served(answer.event())
        return answer

    def ask(self, item: str) -> None:
        """Do the same for the request generator, which ignores the result."""
        try:
            self.serve(item, with_ttl=False)
        except DatabaseAway:
            return  # the listeners know


def _failed(item: str, place: KeyLocation) -> ItemResponse:
    return ItemResponse(
        id=item, data=None, source="database", ttl=None, node=place.node, slot=place.slot,
        degraded="", milliseconds=0.0, status=503,
    )  # fmt: skip
