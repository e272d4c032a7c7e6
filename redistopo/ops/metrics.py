"""`metrics`: the state of the topology as gauges for Prometheus, once or at every scrape."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime

from redistopo.checks.catalogue import judge
from redistopo.errors import RedistopoError
from redistopo.export.gauges import Scrape, gauges_of
from redistopo.export.prometheus_text import CONTENT_TYPE, metrics_text
from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.state.diff import ChangeKind, state_changes
from redistopo.model.state.last_known import LastKnown, update_last_known
from redistopo.model.state.observed import Observed
from redistopo.session.watched_topology import TargetRequest, WatchedTarget, open_target


def metrics(request: TargetRequest) -> str:
    """Return the metrics of the topology as it is now.

    Raises UsageError without a topology file, and the reason if there is nothing to observe.
    """
    with open_target(request) as target:
        scraper = _Scraper(target)
        found = scraper.scrape()
        if found.seen is None and target.trouble:
            raise target.trouble
        return metrics_text(gauges_of(found))


def serve_metrics(
    request: TargetRequest, endpoint: Endpoint, ready: Callable[[Endpoint], None]
) -> None:
    """Serve the metrics until interrupted, each request as of its own time.

    A topology that isn't there, or not yet, has `redistopo_up` 0. The first scrape is before the
    first request: what it raises, such as a rejected password, ends the command.
    """
    from redistopo.host.serve_text import serve_text  # http.server imports ssl

    with _scrapes(request) as scraper:
        serve_text(endpoint, scraper.text, CONTENT_TYPE, ready)


@contextmanager
def _scrapes(request: TargetRequest) -> Iterator["_Scraper"]:
    with open_target(request) as target:
        scraper = _Scraper(target)
        scraper.scrape()
        yield scraper


class _Scraper:
    """Observes one topology again and again, and counts the changes of its primaries."""

    def __init__(self, target: WatchedTarget) -> None:
        self._target = target
        self._known: LastKnown | None = None
        self._failovers = 0

    def text(self) -> str:
        try:
            found = self.scrape()
        except RedistopoError:  # a password that was changed elsewhere, a file that was removed
            found = Scrape(topology=self._target.name, failovers=self._failovers)
        return metrics_text(gauges_of(found))

    def scrape(self) -> Scrape:
        began = time.monotonic()
        seen = self._target.snapshot() and self._target.full_snapshot()
        if seen is not None:
            self._count_failovers(seen)
        found = Scrape(
            topology=self._target.name,
            seen=seen,
            findings=judge(seen, self._target.expected) if seen else (),
            failovers=self._failovers,
        )
        return replace(found, seconds=time.monotonic() - began)

    def _count_failovers(self, seen: Observed) -> None:
        before, self._known = self._known, update_last_known(self._known, seen, datetime.now(UTC))
        if before is not None:
            changes = state_changes(before, self._known)
            self._failovers += sum(one.kind is ChangeKind.PRIMARY for one in changes)
