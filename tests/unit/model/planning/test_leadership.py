"""Which node is to be primary where none runs: a table of disks and replies, as real topologies
have them after a crash, a failover or a lost folder."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from redistopo.errors import UsageError
from redistopo.model.planning.leadership import choose_primary
from redistopo.model.planning.plan import Plan
from redistopo.model.planning.plan_nodes import with_primary
from redistopo.model.state.disk import DiskSeen, FileSeen
from redistopo.model.state.observed import NodeSeen, Observed, ProcessState
from redistopo.model.state.record import TopologyState
from redistopo.model.state.stop_record import StopRecord, follows_later

Planned = Callable[..., Plan]

RECORD = TopologyState(
    id="1", name="t", shape="replication", created="", formed=True, nodes=(), primary="node1"
)
NOW = 1_700_000_000


def _disk(age: float | None, *, keys: bool = True) -> DiskSeen:
    """Data that was written so many seconds before NOW; none at all for None."""
    if age is None:
        return DiskSeen()
    one = FileSeen(written=NOW - age, size=9, empty=not keys)
    return DiskSeen(files={"appendonlydir/appendonly.aof.1.incr.aof": one})


def _seen(plan: Plan, *nodes: tuple[str, DiskSeen]) -> Observed:
    """A word a node: "" where it doesn't run, "paused", "primary", or "replica OFFSET FOLLOWED
    SECONDS": what it got, whom it follows by number, and for how long without its primary."""
    found = []
    for (word, disk), node in zip(nodes, plan.nodes, strict=True):
        role, *rest = word.split() or [""]
        info = {"role": {"primary": "master", "replica": "slave"}.get(role, ""), "db0": "keys=2"}
        if rest:
            offset, followed, since = rest
            info |= {"slave_repl_offset": offset, "master_host": node.host}
            info |= {"master_port": str(plan.nodes[int(followed) - 1].port)}
            info |= {"master_link_down_since_seconds": since, "server_time_usec": f"{NOW}000000"}
        found.append(
            NodeSeen(
                name=node.name,
                endpoint=node.endpoint,
                process=ProcessState.RUNNING if role else ProcessState.ABSENT,
                paused=role == "paused",
                error="" if info["role"] else "no answer",
                info=info if info["role"] else {},
                disk=disk,
            )
        )
    return Observed(shape=plan.topology.shape, nodes=tuple(found))


def _with_snapshot(disk: DiskSeen) -> DiskSeen:
    """That log, in use, beside a snapshot that was saved just now."""
    base = disk.files["appendonlydir/appendonly.aof.1.incr.aof"]
    found = {
        **disk.files,
        "appendonlydir/": FileSeen(written=NOW, size=0),
        "appendonlydir/appendonly.aof.manifest": base,
        "dump.rdb": FileSeen(written=NOW, size=9),
    }
    text = "file appendonly.aof.1.incr.aof seq 1 type i\n"
    manifests = {"appendonlydir/appendonly.aof.manifest": text}
    return replace(disk, files=found, config="appendonly yes\n", manifests=manifests)


OLD, NEW, EMPTY, NONE = _disk(60), _disk(5), _disk(5, keys=False), _disk(None)

# what the three nodes are, what is asked for, the primary that is chosen
CHOSEN = [
    ("all stopped alike", (("", NEW), ("", NEW), ("", NEW)), "", "node1"),
    ("nothing anywhere", (("", NONE), ("", NONE), ("", NONE)), "", "node1"),
    ("a second apart is one write", (("", _disk(5.9)), ("", NEW), ("", NEW)), "", "node1"),
    (
        "a replica's snapshot is later than all logs",
        (("", OLD), ("", _with_snapshot(OLD)), ("", OLD)),
        "",
        "node1",
    ),
    ("asked for, with data", (("", OLD), ("", NEW), ("", OLD)), "node2", "node2"),
    ("asked for, the older one", (("", OLD), ("", NEW), ("", OLD)), "node3", "node3"),
    ("one runs as primary", (("", OLD), ("primary", NEW), ("", NEW)), "", "node1"),
    ("paused ones are asked first", (("paused", OLD), ("", NEW), ("", NEW)), "", "node1"),
    (
        "its primary was stopped, a replica runs",
        (("replica 10 2 1", NEW), ("", NEW), ("", OLD)),
        "",
        "node2",
    ),
    (
        "two that follow each other, node1 has all",
        (("replica 20 2 1", NEW), ("replica 10 1 1", NEW), ("", OLD)),
        "",
        "node1",
    ),
]


@pytest.mark.parametrize(
    ("nodes", "asked", "primary"), [c[1:] for c in CHOSEN], ids=[c[0] for c in CHOSEN]
)
def test_who_is_chosen(
    plan: Planned, nodes: tuple[tuple[str, DiskSeen], ...], asked: str, primary: str
) -> None:
    made = plan("replication")
    chosen, _note = choose_primary(made, _seen(made, *nodes), RECORD, asked)
    assert chosen.shards[0].primary == primary


# persistence, what the three nodes are, what is asked for, the refusal and its remedy
REFUSED = [
    (
        "newer",
        "aof",
        (("", OLD), ("", NEW), ("", OLD)),
        "",
        "node2 wrote data after node1",
        "node2, node1",
    ),
    (
        "newer but empty",
        "aof",
        (("", OLD), ("", EMPTY), ("", OLD)),
        "",
        "node2 wrote data after node1",
        "node1, node2",
    ),
    (
        "a circle of which node1 has less",
        "aof",
        (("replica 10 2 1", NEW), ("replica 20 1 1", NEW), ("", OLD)),
        "",
        "there is no primary",
        "node1, node2, node3",
    ),
    (
        "a snapshot that is later than the replica",
        "rdb",
        (("", NEW), ("replica 10 1 30", OLD), ("", OLD)),
        "",
        "node1 wrote data after node2, which runs",
        "node1, node2",
    ),
]


@pytest.mark.parametrize(
    ("kept", "nodes", "asked", "told", "remedy"),
    [c[1:] for c in REFUSED],
    ids=[c[0] for c in REFUSED],
)
def test_who_must_not_lead_unasked(
    plan: Planned,
    kept: str,
    nodes: tuple[tuple[str, DiskSeen], ...],
    asked: str,
    told: str,
    remedy: str,
) -> None:
    made = plan("replication", persistence=kept)
    with pytest.raises(UsageError, match=told) as error:
        choose_primary(made, _seen(made, *nodes), RECORD, asked)
    assert error.value.hint.endswith(f"one of {remedy}")


def test_two_primaries_at_the_last_snapshot(plan: Planned) -> None:
    made = plan("replication")
    unknown = replace(RECORD, primary="")
    with pytest.raises(UsageError, match="node1, node2 have data, and more than one was primary"):
        choose_primary(made, _seen(made, ("", NEW), ("", NEW), ("", NONE)), unknown, "")
    # with one that has any, nothing is to be told apart
    chosen, _note = choose_primary(
        made, _seen(made, ("", NEW), ("", NONE), ("", NONE)), unknown, ""
    )
    assert chosen.shards[0].primary == "node1"


def test_without_a_log_the_replica_that_runs_leads(plan: Planned) -> None:
    made = plan("replication", persistence="rdb")
    seen = _seen(made, ("", OLD), ("replica 10 1 2", NEW), ("replica 20 1 2", NEW))
    chosen, note = choose_primary(made, seen, RECORD, "")
    assert chosen.shards[0].primary == "node3"
    assert note == "node3 becomes primary: it has all the data, node1 only a snapshot"
    made = plan("replication", persistence="none")
    seen = _seen(made, ("", NONE), ("replica 10 1 2", NONE), ("replica 20 1 2", NONE))
    _chosen, note = choose_primary(made, seen, RECORD, "")
    assert note == "node3 becomes primary: it has all the data, node1 none on disk"


def test_a_needless_request_is_noted(plan: Planned) -> None:
    made = plan("replication")
    seen = _seen(made, ("primary", NEW), ("", NEW), ("", NEW))
    assert choose_primary(made, seen, RECORD, "node2") == (
        made,
        "--primary node2 has no effect: node1 runs as primary",
    )
    assert choose_primary(made, seen, RECORD, "node1") == (made, "")


def _sentinel(primary: str, epoch: int = 1) -> DiskSeen:
    text = f"sentinel monitor t {primary.rpartition(':')[0]} {primary.rpartition(':')[2]} 2\n"
    return DiskSeen(config=f"{text}sentinel config-epoch t {epoch}\nsentinel myid {'a' * 40}\n")


def test_sentinels_files_name_the_primary(plan: Planned) -> None:
    made = plan("sentinel")
    first, second = made.data[0].address, made.data[1].address
    watching = [("", _sentinel(first, 1)), ("", _sentinel(second, 3)), ("", _sentinel(first, 2))]
    led = with_primary(made, "node2")
    seen = _seen(made, ("", OLD), ("", OLD), ("", OLD), *watching)
    assert choose_primary(led, seen, RECORD, "") == (led, "")
    chosen, _note = choose_primary(led, seen, RECORD, "node1")
    assert chosen.shards[0].primary == "node1"
    runs = _seen(made, ("", OLD), ("primary", OLD), ("", OLD), *watching)
    with pytest.raises(UsageError, match="the Sentinels name node2 as primary"):
        choose_primary(led, runs, RECORD, "node1")


def _stopped(role: str, offset: int, id: str = "a", previous: str = "", at: int = -1) -> StopRecord:
    return StopRecord(
        role=role, keys=2, offset=offset, replication_id=id, previous_id=previous, promoted_at=at
    )


PRIMARY, REPLICA = _stopped("master", 100), _stopped("slave", 100)
PROMOTED = _stopped("master", 150, "b", previous="a", at=101)

# the record of another node, of the planned primary, whether the other may be later
LATER = [
    (None, PRIMARY, None),
    (REPLICA, None, False),
    (REPLICA, PRIMARY, False),
    (_stopped("slave", 120), REPLICA, True),
    (_stopped("slave", 80), REPLICA, False),
    (PRIMARY, REPLICA, True),
    (PRIMARY, None, None),
    (PRIMARY, PROMOTED, False),
    (_stopped("master", 130), PROMOTED, True),  # it took writes after the other was promoted
    (PROMOTED, PRIMARY, True),
]


@pytest.mark.parametrize(("other", "primary", "later"), LATER)
def test_stop_records_tell_who_was_ahead(
    other: StopRecord | None, primary: StopRecord | None, later: bool | None
) -> None:
    assert follows_later(other, primary) is later


def test_dates_count_only_without_a_record(plan: Planned) -> None:
    made = plan("replication")
    later = replace(NEW, stopped=REPLICA)
    seen = _seen(made, ("", OLD), ("", later), ("", later))
    assert choose_primary(made, seen, RECORD, "") == (made, "")
    promoted = replace(OLD, stopped=PROMOTED)
    seen = _seen(made, ("", replace(NEW, stopped=PRIMARY)), ("", promoted), ("", later))
    with pytest.raises(UsageError, match="node2 wrote data after node1"):
        choose_primary(made, seen, RECORD, "")
