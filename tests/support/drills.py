"""A load and a report made up, the same each time."""

from redistopo.drill.drill_report import (
    Budget,
    DrillReport,
    TimelineKind,
    TimelineMoment,
    client_moments,
    summarize_traffic,
    summarize_writes,
    with_verdict,
)
from redistopo.drill.load_result import LoadResult, LostWrite, Operation, OperationKind, TimeSpan

FAULT = 1000.0


def ops(
    kind: OperationKind,
    shard: int,
    away: tuple[float, float] = (0, 0),
    error: str = "ConnectionError",
) -> list[Operation]:
    """50 operations a second from 1 s before the fault to 5 s after it; those due within
    `away` (seconds after the fault) fail."""
    found = []
    for n in range(300):
        at = n / 50 - 1
        failed = away[0] <= at < away[1]
        took = 0.0 if failed else 0.001 + (n % 7) / 10000
        found.append(Operation(kind, shard, FAULT + at, took, error if failed else ""))
    return found


def load_seen(*parts: list[Operation], **more: object) -> LoadResult:
    """A load that did these operations, shard 1 being hurt."""
    every = sorted((op for part in parts for op in part), key=lambda op: op.started)
    values: dict[str, object] = {
        "span": TimeSpan(FAULT - 1, FAULT + 5),
        "ops": tuple(every),
        "hurt": frozenset({1}),
        "acknowledged": sum(op.good and op.kind is OperationKind.WRITE for op in every),
    }
    return LoadResult(**(values | more))  # type: ignore[arg-type]


LOST = LostWrite(
    key="__redistopo__:drill:<b>&1:{7}:0:33", sequence=33, shard=1, acknowledged=FAULT - 0.34
)


def report(**more: object) -> DrillReport:
    """A cluster's primary killed: away for 2.5 s, with words that HTML must escape."""
    seen = load_seen(
        ops(OperationKind.WRITE, 1, (0, 2.5)),
        ops(OperationKind.READ, 1, (0, 2.48)),
        ops(OperationKind.WRITE, 2, (1.5, 2.0), "CLUSTERDOWN"),
        ops(OperationKind.READ, 2),
        lost=1,
        examples=(LOST,),
    )
    traffic = summarize_traffic(seen, FAULT)
    told = (
        TimelineMoment(at=0, source="drill", text="SIGKILL sent to node1", kind=TimelineKind.FAULT),
        TimelineMoment(
            at=1.1,
            source="node2",
            text="flags node1 as possibly failing",
            kind=TimelineKind.SUSPECTED,
        ),
        TimelineMoment(
            at=1.4, source="node2", text="flags node1 as failing", kind=TimelineKind.FAILED
        ),
        TimelineMoment(at=1.9, source="node4", text="<script>elects & wins</script>" * 4),
        TimelineMoment(at=2.3, source="node4", text="is primary", kind=TimelineKind.PROMOTED),
        TimelineMoment(
            at=6.5, source="drill", text="all checks are ok", kind=TimelineKind.REPAIRED
        ),
    )
    values: dict[str, object] = {
        "topology": "golden",
        "shape": "cluster",
        "engine": "Redis 7.0.15",
        "redistopo": "0.1.0",
        "began": "2026-11-23T09:30:11.123Z",
        "fault": "kill",
        "target": "node1 <primary of shard 1>",
        "planned": False,
        "budget": Budget(seconds=15, most_lost=0),
        "traffic": traffic,
        "writes": summarize_writes(seen, FAULT),
        "moments": (*told, *client_moments(traffic)),
        "roles_before": {"node1": "primary", "node2": "primary", "node4": "replica"},
        "roles_after": {"node1": "replica", "node2": "primary", "node4": "primary"},
        "healed": 6.5,
        "rate": 200,
        "clients": 4,
    }
    return with_verdict(DrillReport(**(values | more)))  # type: ignore[arg-type]
