"""How a stopped node is started on the file that holds its data: a table of disks."""

from collections.abc import Callable

import pytest

from redistopo.errors import UsageError
from redistopo.model.planning.load_old_persistence import refuse_renamed
from redistopo.model.planning.node_start import start_steps, write_steps
from redistopo.model.planning.plan import Plan
from redistopo.model.planning.proposal import Proposal
from redistopo.model.planning.situation import Situation
from redistopo.model.planning.step import Step, StepKind, linked
from redistopo.model.protocol.conf import CONFIG_REWRITE_MARK, read_conf
from redistopo.model.state.disk import DiskSeen, FileSeen
from redistopo.model.state.observed import NodeSeen, Observed, ProcessState

LOG, NO_LOG = "appendonly yes", "appendonly no"
DIR = "appendonlydir/"


def _file(written: float, size: int = 9) -> FileSeen:
    return FileSeen(written=written, size=size, empty=not size)


def _log(written: float) -> dict[str, FileSeen]:
    base = f"{DIR}appendonly.aof."
    return {DIR: _file(0, 0), f"{base}manifest": _file(0), f"{base}1.incr.aof": _file(written)}


def _now(plan: Plan, wanted: str, disk: DiskSeen) -> Situation:
    nodes = (
        NodeSeen(
            name=node.name,
            endpoint=node.endpoint,
            process=ProcessState.ABSENT,
            error="not running",
            disk=disk,
        )
        for node in plan.nodes
    )
    seen = Observed(shape=plan.topology.shape, nodes=tuple(nodes))
    return Situation(seen=seen, wanted={node.name: read_conf(wanted) for node in plan.data})


# how it ran, what is wanted, its files, the steps
STEPS = [
    ("as before", LOG, LOG, _log(2), ["start node1"]),
    ("nothing yet", None, LOG, {}, ["start node1"]),
    (
        "to a log",
        NO_LOG,
        LOG,
        {"dump.rdb": _file(2)},
        ["load the snapshot of node1", "start node1", "create the append-only file of node1"],
    ),
    (
        "to a log, an old one lies there",
        NO_LOG,
        LOG,
        {"dump.rdb": _file(2), **_log(1)},
        [
            "load the snapshot of node1",
            "move aside the old data files of node1",
            "start node1",
            "create the append-only file of node1",
        ],
    ),
    (
        "to snapshots",
        LOG,
        NO_LOG,
        {"dump.rdb": _file(1), **_log(2)},
        [
            "load the append-only file of node1",
            "start node1",
            "save a snapshot and turn off the append-only file of node1",
        ],
    ),
    (
        "a cut off switch: the log is the newer one",
        NO_LOG,
        LOG,
        {"dump.rdb": _file(1), **_log(2)},
        ["start node1"],
    ),
]


@pytest.mark.parametrize(
    ("before", "wanted", "files", "steps"), [c[1:] for c in STEPS], ids=[c[0] for c in STEPS]
)
def test_the_file_that_holds_the_data_is_loaded(
    plan: Callable[..., Plan],
    before: str | None,
    wanted: str,
    files: dict[str, FileSeen],
    steps: list[str],
) -> None:
    made = plan("standalone")
    now = _now(made, wanted, DiskSeen(files=files, started=before))
    found = linked(made, start_steps(made, now, ("node1",), "not running"))
    assert [str(one) for one in found] == steps
    assert [one.after for one in found] == [(), *((n,) for n in range(len(found) - 1))]


@pytest.mark.parametrize(
    ("before", "wanted", "files", "told"),
    [
        (NO_LOG, f"{NO_LOG}\ndbfilename b.rdb", {"dump.rdb": _file(1)}, "dbfilename is b.rdb"),
        (NO_LOG, f"{NO_LOG}\ndbfilename b.rdb", {"dump.rdb": _file(1), "b.rdb": _file(1)}, ""),
        (NO_LOG, f"{NO_LOG}\ndbfilename b.rdb", {}, ""),
        (LOG, f"{LOG}\ndbfilename b.rdb", {"dump.rdb": _file(1), **_log(2)}, ""),
        (LOG, f"{LOG}\nappenddirname other", _log(2), "appenddirname is other"),
        (LOG, f"{LOG}\nappendfilename b.aof", _log(2), "appendfilename is b.aof"),
        (None, f"{NO_LOG}\ndbfilename b.rdb", {"dump.rdb": _file(1)}, ""),
    ],
)
def test_data_under_another_name_is_refused(
    plan: Callable[..., Plan],
    before: str | None,
    wanted: str,
    files: dict[str, FileSeen],
    told: str,
) -> None:
    made = plan("standalone")
    now = _now(made, wanted, DiskSeen(files=files, started=before))
    start = Step(do=StepKind.START, nodes=("node1",), cause="not running")
    proposal = Proposal(plan=made, now=now, steps=(start,))
    if not told:
        refuse_renamed(proposal)
        return
    with pytest.raises(UsageError, match=told):
        refuse_renamed(proposal)


def test_a_rewritten_file_is_kept_first(plan: Callable[..., Plan]) -> None:
    made, text = plan("replication"), f"port 1\n{CONFIG_REWRITE_MARK}\nhz 5\n"
    now = _now(made, LOG, DiskSeen(config=text))
    assert [str(one) for one in write_steps(made, now.seen, ("node1", "node2"), "why")] == [
        "keep a copy of the rewritten configuration of node1, node2",
        "write the configuration of node1, node2",
    ]
    watched = plan("sentinel")
    now = _now(watched, LOG, DiskSeen(config=text))
    steps = [str(one) for one in write_steps(watched, now.seen, ("node1",), "why")]
    assert steps == ["write the configuration of node1"]


def test_a_moved_sentinel_gets_its_paths(plan: Callable[..., Plan]) -> None:
    made = plan("sentinel")
    folder = made.node("sentinel1").folder
    here = f"dir {folder.root}\nlogfile {folder.log}\npidfile {folder.pidfile}\n"
    steps = list(start_steps(made, _now(made, "", DiskSeen(config=here)), ("sentinel1",), "why"))
    assert [str(one) for one in steps] == ["start sentinel1"]
    moved = DiskSeen(config=here.replace(f"dir {folder.root}", "dir /elsewhere"))
    place, start = start_steps(made, _now(made, "", moved), ("sentinel1",), "why")
    assert str(place) == "correct the paths in the configuration of sentinel1"
    assert place.settings == {"sentinel1": {"dir": str(folder.root)}}
    assert str(start) == "start sentinel1"


def test_a_lost_sentinel_keeps_the_id_that_others_know(plan: Callable[..., Plan]) -> None:
    made = plan("sentinel")
    lost, other, third = made.sentinels
    known = f"sentinel known-sentinel t {lost.host} {lost.port} {'c' * 40}\n"
    text = f"sentinel monitor t 127.0.0.1 7000 2\n{known}sentinel myid {'d' * 40}\n"
    now = _now(made, "", DiskSeen())
    nodes = tuple(
        NodeSeen(
            name=node.name,
            endpoint=node.endpoint,
            disk=DiskSeen(config=text if node.name in (other.name, third.name) else None),
        )
        for node in now.seen.nodes
    )
    seen = Observed(shape=made.topology.shape, nodes=nodes)
    (step,) = write_steps(made, seen, (lost.name,), "why")
    assert step.settings == {lost.name: {"myid": "c" * 40}}
