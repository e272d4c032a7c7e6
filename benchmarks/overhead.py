"""The drill's own overhead: with no fault, its load reports that nobody was ever away."""

import time
from typing import Any

from benchmarks.stage import Made, Stage
from benchmarks.trial import Outcome
from redistopo.client.app_entry_point import EntryKind, EntryPoint, LoadRequest
from redistopo.drill.load_generator import LoadGenerator
from redistopo.drill.load_result import LoadResult, OperationKind
from redistopo.drill.outage import latency, outage
from redistopo.host.polling import Deadline, wait_for
from redistopo.model.protocol.credentials import Login
from redistopo.model.protocol.slots import split_slots

_SHAPES = {
    "cluster": (("cluster", "--shards", "3", "--replicas", "1", "--formation", "instant"), 6),
    "replication": (("replication", "--replicas", "2"), 3),
}
_RATE = 1000
"""Half of them writes."""

_SECONDS = 5.0


def overhead(stage: Stage, runs: int) -> Outcome:
    """So many runs of the load, shapes in turns; each on servers to which nothing is done."""
    rounds: list[dict[str, Any]] = []
    for number in range(runs):
        shape = list(_SHAPES)[number % len(_SHAPES)]
        kind, size = _SHAPES[shape]
        with stage.topology(kind, size) as made:
            stage.up(made)
            rounds.append({"shape": shape, **_told(_run(made))})
    bad = [one for one in rounds if not _well(one)]
    pace = [one["writes_per_second"] for one in rounds]
    slowest = max(one["most_ms"] for one in rounds)
    lines = [
        f"0 ms unavailable, nothing failed, nothing lost: {runs - len(bad)} of {runs} runs of "
        f"{_SECONDS:g} s",
        f"{min(pace):.0f} to {max(pace):.0f} acknowledged writes per second, "
        f"slowest answer {slowest:.0f} ms",
        *(f"{one['shape']}: {one}" for one in bad),
    ]
    return Outcome(lines=tuple(lines), met=not bad, document={"rounds": rounds})


def _run(made: Made) -> LoadResult:
    access = Login(password=made.wanted().password)
    entries = tuple(("127.0.0.1", port) for port in made.ports)
    door = EntryKind.CLUSTER if made.clustered else EntryKind.PLAIN
    slots = {n: (part,) for n, part in enumerate(split_slots(made.shards), start=1)}
    request = LoadRequest(
        id="overhead",
        way=EntryPoint(kind=door, entries=entries, access=access),
        shards=slots if made.clustered else {1: ()},
        hurt=frozenset({1}),
        rate=_RATE,
    )
    with LoadGenerator(request) as load:
        if cold := load.warm(20):
            raise SystemExit(f"the load doesn't start: {cold}")
        end = time.monotonic() + _SECONDS
        wait_for(lambda: time.monotonic() >= end or None, Deadline(_SECONDS * 2), str)
        seen = load.check(20)
        load.clean(20)
    return seen


def _told(seen: LoadResult) -> dict[str, Any]:
    """Unavailable ms for every kind and group, and what else may go wrong."""
    parts = [
        (kind, hurt) for kind in OperationKind for hurt in (True, False) if seen.of(kind, hurt=hurt)
    ]
    away = [outage(seen, kind, hurt=hurt).milliseconds for kind, hurt in parts]
    writes = sum(op.good and op.kind is OperationKind.WRITE for op in seen.ops)
    return {
        "away_ms": sum(away),
        "failed": sum(not op.good for op in seen.ops),
        "lost": seen.lost + seen.unchecked,
        "writes_per_second": writes / seen.span.seconds,
        "most_ms": latency(seen.ops).most,
        "own_hiccups": len(seen.hiccups),
    }


def _well(one: dict[str, Any]) -> bool:
    """At the full pace, too: a load that writes less proves less."""
    clean = not (one["away_ms"] or one["failed"] or one["lost"])
    return clean and bool(one["writes_per_second"] >= 0.95 * _RATE / 2)
