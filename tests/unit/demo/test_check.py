"""When cache-aside isn't as it promises: a table."""

from dataclasses import replace
from pathlib import Path

import pytest

from redistopo.demo.backend import BackendRequest
from redistopo.demo.cache_check import CheckRequest, MeasuredRequest, Pattern, check, pattern_faults
from redistopo.errors import UsageError
from redistopo.progress import no_progress

_REQUEST = CheckRequest(backend=BackendRequest(root=Path()), ttl=5.0, db_delay=0.1)


def _asked(what: str, source: str, ttl: float | None = 4.5, degraded: str = "") -> MeasuredRequest:
    return MeasuredRequest(
        what=what, source=source, milliseconds=1.0, ttl=ttl, node="node1", slot=None,
        degraded=degraded,
    )  # fmt: skip


_GOOD = Pattern(
    asked=(
        _asked("miss", "database"),
        _asked("hit", "cache"),
        _asked("hit again", "cache"),
        _asked("miss again", "database"),
    ),
    hits=20,
    again=0.5,
    expired=4.0,
    ratio=200.0,
)


def _with(place: int, one: MeasuredRequest) -> Pattern:
    asked = list(_GOOD.asked)
    asked[place] = one
    return replace(_GOOD, asked=tuple(asked))


@pytest.mark.parametrize(
    ("pattern", "told"),
    [
        (_GOOD, []),
        (_with(0, _asked("miss", "cache")),
         ["the miss was served from the cache, not the database"]),
        (_with(1, _asked("hit", "database")),
         ["the hit was served from the database, not the cache"]),
        (_with(1, _asked("hit", "cache", None)), ["hit: no TTL, but 5 s were requested"]),
        (_with(1, _asked("hit", "cache", 7.0)), ["hit: a TTL of 7.0 s, but 5 s were requested"]),
        (_with(1, _asked("hit", "database", None, "timed out")),
         ["hit: the cache could not be used (timed out)"]),
        (replace(_GOOD, hits=19), ["of 20 requests for a cached item, only 19 were hits"]),
        (replace(_GOOD, expired=None), ["the item had not expired after 5 s"]),
        (replace(_GOOD, ratio=0.9), ["a hit takes as long as a miss: 0.5 ms"]),
    ],
)  # fmt: skip
def test_a_pattern(pattern: Pattern, told: list[str]) -> None:
    assert list(pattern_faults(pattern, _REQUEST)) == told


@pytest.mark.parametrize(
    ("request_", "hint"),
    [(replace(_REQUEST, ttl=0.1), "--ttl 0.5s"), (replace(_REQUEST, db_delay=356400), "60s")],
)
def test_what_would_show_nothing_is_refused_before_anything_is_asked(
    request_: CheckRequest, hint: str
) -> None:
    with pytest.raises(UsageError) as told:
        check(request_, no_progress)
    assert hint in told.value.hint
