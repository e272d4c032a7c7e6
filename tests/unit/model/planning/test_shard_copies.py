"""Copies of a shard's data compared: which node must not start as primary, and what to type."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from redistopo.errors import UsageError
from redistopo.model.planning.manifest_repair import (
    damaged_replicas,
    new_manifest,
    relist_steps,
    salvage_steps,
)
from redistopo.model.planning.plan import Plan
from redistopo.model.planning.proposal import Asked, Proposal
from redistopo.model.planning.shard_copies import copy_command, cut_logs, refuse_worse_copies
from redistopo.model.planning.situation import Situation
from redistopo.model.planning.step import StepKind
from redistopo.model.protocol.conf import read_conf
from redistopo.model.protocol.rdb import RdbFacts
from redistopo.model.state.disk import DiskSeen, FileSeen
from redistopo.model.state.observed import NodeSeen, Observed, ProcessState
from redistopo.model.state.record import TopologyState
from redistopo.model.state.stop_record import StopRecord

Planned = Callable[..., Plan]

RECORD = TopologyState(
    id="1", name="t", shape="replication", created="", formed=True, nodes=(), primary="node1"
)
INCR = "appendonlydir/appendonly.aof.1.incr.aof"
MANIFEST = {"appendonlydir/appendonly.aof.manifest": "file appendonly.aof.1.incr.aof seq 1 type i"}
FILE = FileSeen(written=5, size=9)


def _disk(file: FileSeen | None = FILE, **changed: object) -> DiskSeen:
    whole = DiskSeen(
        files={INCR: file, "appendonlydir/": FILE} if file else {},
        manifests=MANIFEST if file else {},
    )
    return replace(whole, **changed)  # type: ignore[arg-type]


SOUND, NONE = _disk(), _disk(None)
EMPTY = _disk(FileSeen(written=5, size=0, empty=True))
TORN = _disk(replace(FILE, torn=True))
UNLISTED = _disk(manifests={})
UNSAVED = _disk(stopped=StopRecord(role="master", keys=1, offset=1, saved=False))
LATER = _disk(replace(FILE, written=99, size=10))
SPOILT = _disk(replace(FILE, foreign=True))
UNNAMED = _disk(files={INCR: FILE, INCR.replace(".1.", ".2."): FILE, "appendonlydir/": FILE})
SAVED = _disk(
    files={"dump.rdb": FileSeen(written=500, size=90, snapshot=RdbFacts(keys=9, saved_at=50))},
    manifests={},
)
CUT = _disk(stopped=StopRecord(role="master", keys=1, offset=1, files={INCR: 900}))


def _proposal(
    plan: Plan, disks: tuple[DiskSeen, ...], asked: Asked, running: tuple[str, ...] = ()
) -> Proposal:
    nodes = []
    for node, disk in zip(plan.data, disks, strict=True):
        seen = NodeSeen(name=node.name, endpoint=node.endpoint, disk=disk)
        if node.name in running:
            info = {"role": "slave", "db0": "keys=2"}
            seen = replace(seen, process=ProcessState.RUNNING, info=info)
        nodes.append(replace(seen, process=seen.process if seen.info else ProcessState.ABSENT))
    now = Situation(
        seen=Observed(shape=plan.topology.shape, nodes=tuple(nodes)),
        record=RECORD,
        wanted={node.name: read_conf("appendonly yes") for node in plan.data},
    )
    return Proposal(plan=plan, now=now, steps=(), asked=asked)


NO, ONE, RELIST = Asked(), Asked(primary=("node1",)), Asked(rebuild=("node1",))

# the disks of node1, the primary, and of two replicas; what is asked; what is refused
REFUSED = [
    ("sound", (SOUND, SOUND, SOUND), NO, ""),
    ("nothing anywhere", (NONE, NONE, NONE), NO, ""),
    ("empty everywhere", (EMPTY, EMPTY, EMPTY), NO, ""),
    ("a replica has none", (SOUND, NONE, EMPTY), NO, ""),
    ("a damaged replica", (SOUND, UNLISTED, TORN), NO, ""),
    ("no data", (NONE, SOUND, SOUND), NO, "but has no data; node2, node3 has"),
    ("no data, asked for", (NONE, SOUND, SOUND), ONE, "but has no data; node2, node3 has"),
    ("no key", (EMPTY, SOUND, EMPTY), NO, "appendonlydir has no key; node2 has"),
    ("cut", (TORN, SOUND, NONE), NO, "in the middle of a command; node2 has a better copy"),
    ("cut, asked for", (TORN, SOUND, NONE), ONE, ""),
    ("cut, the only copy", (TORN, NONE, EMPTY), NO, ""),
    ("all cut", (TORN, TORN, TORN), NO, ""),
    ("no manifest", (UNLISTED, SOUND, SOUND), NO, "manifest is missing, so a start ignores"),
    ("no manifest, the only copy", (UNLISTED, NONE, NONE), NO, "would start with less data"),
    ("no manifest, asked for", (UNLISTED, NONE, NONE), ONE, "would start with less data"),
    ("no manifest, to be written", (UNLISTED, NONE, NONE), RELIST, ""),
    ("less than at the stop", (CUT, SOUND, NONE), NO, "has 9 bytes, 900 when the node was"),
    ("less, asked for", (CUT, SOUND, NONE), ONE, ""),
    ("less, a copy of the other", (CUT, SOUND, SOUND), NO, ""),
    ("unsaved", (UNSAVED, SOUND, NONE), NO, "ended before it had saved all of its data; node2"),
    ("unsaved, asked for", (UNSAVED, SOUND, NONE), ONE, ""),
    ("unsaved, the only copy", (UNSAVED, NONE, NONE), NO, ""),
    ("unsaved everywhere", (UNSAVED, UNSAVED, NONE), NO, ""),
    (
        "an older copy",
        (SOUND, LATER, NONE),
        NO,
        "its data was last written 94 s before that of node2",
    ),
    ("an older copy, asked for", (SOUND, LATER, NONE), ONE, ""),
    ("memory saved in a snapshot", (SAVED, SOUND, SOUND), NO, ""),
    ("a snapshot restored from a backup", (SAVED, LATER, NONE), NO, "has no data; node2 has"),
    ("the latest copy", (LATER, SOUND, SOUND), NO, ""),
    (
        "written while it was idle",
        (LATER, _disk(replace(FILE, written=100, size=11)), NONE),
        NO,
        "",
    ),
    (
        "a manifest from before",
        (UNNAMED, SOUND, NONE),
        NO,
        "does not name appendonlydir/appendonly",
    ),
    ("garbage, the only copy", (SPOILT, NONE, NONE), NO, "would start with less data"),
    ("garbage, asked for", (SPOILT, NONE, NONE), ONE, ""),
    ("less, the only copy", (CUT, NONE, NONE), NO, "would start with less data than it had"),
]


@pytest.mark.parametrize(
    ("disks", "asked", "told"), [one[1:] for one in REFUSED], ids=[one[0] for one in REFUSED]
)
@pytest.mark.parametrize("shape", ["replication", "sentinel"])
def test_a_primary_with_less_is_not_started(
    plan: Planned, shape: str, disks: tuple[DiskSeen, ...], asked: Asked, told: str
) -> None:
    if told.startswith(("has 9 bytes", "ended before")):  # not the same files
        disks = (disks[0], _disk(replace(FILE, size=900)), disks[2])
    proposal = _proposal(plan(shape), disks, asked)
    if not told:
        refuse_worse_copies(proposal)
        return
    with pytest.raises(UsageError) as error:
        refuse_worse_copies(proposal)
    assert told in f"{error.value.message} {error.value.detail}"
    assert "redistopo up" in error.value.hint


def test_a_node_that_is_not_to_be_started_is_left_alone(plan: Planned) -> None:
    asked = Asked(among=("node2",))
    refuse_worse_copies(_proposal(plan("replication"), (NONE, SOUND, SOUND), asked))


def test_a_topology_without_persistence_has_nothing_to_lose(plan: Planned) -> None:
    made = plan("replication", persistence="none")
    refuse_worse_copies(_proposal(made, (NONE, SOUND, SOUND), NO))


def test_a_running_replica_counts_with_its_keys(plan: Planned) -> None:
    made = plan("replication")
    with pytest.raises(UsageError, match="but has no data; node3 has"):
        refuse_worse_copies(_proposal(made, (NONE, NONE, NONE), NO, ("node3",)))


def test_the_copy_keeps_what_it_replaces(plan: Planned) -> None:
    made = plan("cluster", shards=3, replicas=1)
    proposal = _proposal(made, (UNLISTED, *[NONE] * 2, SOUND, *[NONE] * 2), NO)
    lead, source = (proposal.now.seen.nodes[n] for n in (0, 3))
    first, fourth = (made.node(name).folder.root for name in ("node1", "node4"))
    assert copy_command(proposal, lead, source) == (
        f"mkdir -p {first} && mv {first}/appendonlydir {first}/appendonlydir.replaced && "
        f"cp -a {fourth}/appendonlydir {first}/"
    )


def test_damaged_data_of_a_replica_is_put_aside(plan: Planned) -> None:
    made = plan("replication")
    now = _proposal(made, (SOUND, UNLISTED, TORN), NO).now
    (step,) = damaged_replicas(made, now, ["node2", "node3"])
    assert step.nodes == ("node2",)
    assert step.settings == {"node2": {"appendonlydir": "appendonlydir"}}
    assert step.cause.endswith("node2 gets the data from node1")
    # not where the primary has no better copy
    assert not list(
        damaged_replicas(made, _proposal(made, (NONE, UNLISTED, TORN), NO).now, ["node2"])
    )


def test_a_manifest_lists_the_latest_base_and_every_increment() -> None:
    names = ("1.base.rdb", "2.base.rdb", "2.incr.aof", "3.incr.aof", "manifest")
    files = {f"appendonlydir/appendonly.aof.{name}": FILE for name in names}
    path, text = new_manifest(DiskSeen(files=files), {})
    assert path == "appendonlydir/appendonly.aof.manifest"
    assert text.splitlines() == [
        "file appendonly.aof.2.base.rdb seq 2 type b",
        "file appendonly.aof.2.incr.aof seq 2 type i",
        "file appendonly.aof.3.incr.aof seq 3 type i",
    ]


def test_a_chosen_primary_starts_with_the_files_that_a_server_loads(plan: Planned) -> None:
    base = "appendonlydir/appendonly.aof.1.base.rdb"
    files = {base: replace(FILE, foreign=True), INCR: FILE, "appendonlydir/": FILE}
    name = "appendonlydir/appendonly.aof.manifest"
    text = f"file {base.partition('/')[2]} seq 1 type b\n{MANIFEST[name]}"
    half = _disk(files=files, manifests={name: text})
    made = plan("replication")
    now = _proposal(made, (half, SPOILT, TORN), NO).now
    assert salvage_steps(made, now, []) == ()
    relisted, aside = salvage_steps(made, now, ["node1"])
    assert (relisted.do, relisted.nodes) == (StepKind.RELIST, ("node1",))
    assert relisted.texts == {"node1": f"{MANIFEST[name]}\n"}
    assert (aside.do, aside.nodes) == (StepKind.ASIDE, ("node2",))
    assert aside.settings == {"node2": {"appendonlydir": "appendonlydir"}}


def test_a_primary_that_starts_with_a_cut_log_is_named(plan: Planned) -> None:
    assert not list(cut_logs(_proposal(plan("replication"), (SOUND, TORN, NONE), NO)))
    (warning,) = cut_logs(_proposal(plan("replication"), (TORN, TORN, NONE), NO))
    assert warning.startswith(f"node1: {INCR} ends in the middle of a command, which it starts")


def test_only_a_manifest_that_is_wrong_is_written(plan: Planned) -> None:
    now = _proposal(plan("replication"), (UNLISTED, SOUND, NONE), NO).now
    steps = relist_steps(now, ["node1", "node2", "node3"])
    assert [one.nodes for one in steps] == [("node1",)]
    assert str(steps[0]) == "write a new manifest of the append-only file of node1"
