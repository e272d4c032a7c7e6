"""What Sentinels' words become as news: whom they name, whom they have as down."""

from collections.abc import Callable

import pytest
from support.guarded import NAMES, edited, guarded, told_by, without
from support.looks import brief, told_of

from redistopo.model.state.diff import BAD, GOOD, ChangeKind
from redistopo.model.state.observed import Observed

Seen = Callable[[str, str], Observed]
Edit = Callable[[Observed], Observed]

_TILT = {"redis_mode": "sentinel", "sentinel_tilt": "1"}


def down(*witnesses: str, agreed: bool = False) -> Edit:
    """These Sentinels have the primary as down."""
    flags = frozenset({"master", "s_down", *(["o_down"] if agreed else [])})
    return lambda seen: told_by(seen, *witnesses, flags=flags)


def renamed(seen: Observed, *witnesses: str) -> Observed:
    """These Sentinels name the second node, in the next epoch, and still flag the first."""
    first, second = seen.nodes[:2]
    return told_by(
        seen,
        *witnesses,
        endpoint=second.endpoint,
        epoch=4,
        flagged=first.address,
        flags=frozenset({"master", "s_down", "o_down", "failover_in_progress"}),
    )


CASES: list[tuple[str, Edit, list[str]]] = [
    ("nothing", lambda s: s, []),
    ("a Sentinel ended", lambda s: without(s, "sentinel3"), ["sentinel3 gone"]),
    ("two ended", lambda s: without(s, "sentinel2", "sentinel3"),
     ["sentinel2 gone", "sentinel3 gone", "quorum-lost"]),
    ("all ended", lambda s: without(s, *NAMES),
     ["sentinel1 gone", "sentinel2 gone", "sentinel3 gone", "quorum-lost"]),
    ("no quorum", lambda s: told_by(s, *NAMES, quorum="NOQUORUM 1 usable"), ["quorum-lost"]),
    ("one has it as down", down("sentinel1"), ["node1 sdown"]),
    ("they agree", down("sentinel1", "sentinel2", agreed=True), ["node1 odown"]),
    ("another one is named", lambda s: renamed(s, *NAMES), ["node1 odown", "node2 named"]),
    ("one stood still", lambda s: edited(s, "sentinel1", info=_TILT), ["sentinel1 tilt"]),
]  # fmt: skip


@pytest.mark.parametrize(("edit", "told"), [(e, t) for _, e, t in CASES],
                         ids=[name for name, _, _ in CASES])  # fmt: skip
def test_sentinels(observed: Seen, engine_name: str, edit: Edit, told: list[str]) -> None:
    seen = guarded(observed(engine_name, "replication"))
    assert brief(told_of(seen, edit(seen))) == told
    assert told_of(seen, edit(seen), edit(seen)) == ()


BACK: list[tuple[Edit, list[str]]] = [
    (lambda s: without(s, "sentinel2", "sentinel3"),
     ["sentinel2 back", "sentinel3 back", "quorum-back"]),
    (down("sentinel1", "sentinel2", agreed=True), ["node1 cleared"]),
    (lambda s: edited(s, "sentinel1", info=_TILT), ["sentinel1 tilt-over"]),
]  # fmt: skip


@pytest.mark.parametrize(("edit", "told"), BACK)
def test_and_back(observed: Seen, engine_name: str, edit: Edit, told: list[str]) -> None:
    seen = guarded(observed(engine_name, "replication"))
    found = told_of(seen, edit(seen), seen)
    assert brief(found) == told
    assert {one.kind for one in found} <= GOOD | {ChangeKind.NAMED}


def test_the_words(observed: Seen) -> None:
    seen = guarded(observed("redis-7.0", "replication"))
    assert told_of(seen)[3].words == "sentinel, names node1"
    named = told_of(seen, renamed(seen, *NAMES))[-1]
    assert named.words == "named by the Sentinels in epoch 4, was node1"
    assert (named.was, named.now) == ("node1", "node2")
    lost = told_of(seen, without(seen, "sentinel1", "sentinel2"))[-1]
    assert lost.words == "1 of 3 Sentinels available: no failover possible"
    assert lost.kind in BAD
    marked = told_of(seen, down("sentinel1", "sentinel3")(seen))[0]
    assert marked.words == "s_down according to 2 of 3 Sentinels"
    assert (marked.was, marked.now) == ("", "sdown")


def test_who_is_named_is_remembered_while_no_sentinel_answers(observed: Seen) -> None:
    seen = guarded(observed("redis-7.0", "replication"))
    assert "node2 named" in brief(told_of(seen, without(seen, *NAMES), renamed(seen, *NAMES)))
