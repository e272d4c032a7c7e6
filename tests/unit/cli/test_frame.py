"""`watch`'s frame: whatever there is to show, it fits, and says what it leaves out."""

import io
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from support.guarded import guarded, without

from redistopo.cli.views.watch import frame
from redistopo.errors import RedistopoError
from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.protocol.slots import SlotRange
from redistopo.model.state.diff import ChangeKind, StateChange
from redistopo.model.state.observed import NodeSeen, Observed, ProcessState
from redistopo.ops.events import Round
from redistopo.ops.watch import Scene, WatchRequest, scene
from redistopo.session.watched_topology import TargetRequest

Seen = Callable[[str, str], Observed]

_AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SIZES = [(80, 24), (60, 20), (120, 40), (40, 10), (20, 5), (10, 2)]
NAMES = [
    "cluster", "replication", "standalone", "silent", "stopped", "large", "elsewhere", "sentinel",
]  # fmt: skip


def _seen(observed: Seen, name: str) -> Observed:
    whole = observed("redis-8.2", "replication" if name == "replication" else "cluster")
    first = whole.nodes[0]
    if name == "sentinel":
        return without(guarded(observed("redis-8.2", "replication")), "sentinel3")
    if name == "standalone":
        return replace(observed("redis-8.2", "replication"), nodes=(first,))
    if name == "silent":
        mute = replace(first, info={}, members=(), error="timed out")
        return replace(whole, nodes=(mute, *whole.nodes[1:]))
    if name == "stopped":
        nodes = tuple(
            NodeSeen(name=f"node{n}", endpoint=Endpoint("127.0.0.1", 7000 + n), error="gone",
                     process=ProcessState.ABSENT)
            for n in range(1, 7)
        )  # fmt: skip
        return replace(whole, nodes=nodes)
    if name == "large":
        nodes = tuple(
            replace(one, name=f"node{6 * n + k}")
            for n in range(17)
            for k, one in enumerate(whole.nodes, start=1)
        )
        return replace(whole, nodes=nodes)
    if name == "elsewhere":
        nodes = tuple(
            replace(one, name=one.address, process=ProcessState.NOT_OURS, pid=0)
            for one in whole.nodes
        )
        return replace(whole, nodes=nodes)
    return whole


def _scene(seen: Observed | None, *recent: StateChange, connect: str = "") -> Scene:
    request = WatchRequest(sight=TargetRequest(root=Path(), connect=connect))
    trouble = None if seen else RedistopoError("nothing was started yet", hint="redistopo up")
    rates = {node.name: 0 for node in seen.nodes if node.answers} if seen else {}
    found = Round(name="shop", at=_AT, seen=seen, news=recent, trouble=trouble, rates=rates)
    return scene(request, found, recent, 0.02)


def _drawn(shown: Scene, width: int, height: int, *, color: bool = False) -> list[str]:
    console = Console(
        file=io.StringIO(), width=width, height=height, force_terminal=color,
        color_system="standard" if color else None, legacy_windows=False,
    )  # fmt: skip
    with console.capture() as capture:
        console.print(frame(shown, width, height))
    return capture.get().removesuffix("\n").split("\n")


def _occurred(node: str, kind: ChangeKind, seconds: float = 1) -> StateChange:
    at = _AT - timedelta(seconds=seconds)
    return StateChange(
        at=at, node=node, kind=kind, words=f"{kind.value} of something, told at length"
    )


@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize("name", NAMES)
def test_a_frame_fits(observed: Seen, name: str, width: int, height: int) -> None:
    recent = [_occurred(f"node{n}", kind) for n, kind in enumerate(ChangeKind, start=1)]
    for told in (0, 2, len(recent)):
        lines = _drawn(_scene(_seen(observed, name), *recent[:told]), width, height)
        assert len(lines) == height
        assert max(map(len, lines)) <= width


@pytest.mark.parametrize("name", [one for one in NAMES if one != "large"])
@pytest.mark.parametrize(("width", "height"), SIZES[:3])
def test_every_node_is_there_where_it_fits(
    observed: Seen, name: str, width: int, height: int
) -> None:
    seen = _seen(observed, name)
    text = "\n".join(_drawn(_scene(seen), width, height))
    assert all(node.name in text for node in seen.nodes)
    assert "more" not in text
    assert "q quits" in text


def test_eighty_columns_show_roles_slots_load_lag_and_links(observed: Seen) -> None:
    lines = _drawn(_scene(_seen(observed, "cluster")), 80, 24)
    assert lines[0].startswith("shop: cluster, Redis 8.2")
    assert lines[1].startswith("6 nodes: 6 ok; ")
    wanted = {"shard", "node", "role", "state", "slots", "memory", "ops/s", "lag", "link"}
    assert set(lines[3].split()) >= wanted
    assert lines[4].split()[:6] == ["1", "node1", "primary", lines[4].split()[3], "ok", "0-5460"]
    assert lines[5].split()[2] == "replica"
    assert {"0B", "up"} <= set(lines[5].split())


def test_wide_ones_show_all(observed: Seen) -> None:
    header = _drawn(_scene(_seen(observed, "cluster")), 120, 40)[3].split()
    assert header[-4:] == ["lag", "link", "bus", "up"]
    assert "pid" in header


def test_many_nodes_leave_a_line_that_says_so(observed: Seen) -> None:
    seen = _seen(observed, "large")
    text = "\n".join(_drawn(_scene(seen, _occurred("node90", ChangeKind.GONE)), 80, 24))
    kept = sum(f" {node.name} " in text for node in seen.nodes)
    assert f"... {102 - kept + 1} more; `redistopo status` shows all" in text
    assert "status" not in "\n".join(_drawn(_scene(seen, connect="127.0.0.1:7000"), 80, 24))


def test_what_is_wrong_comes_first_where_not_all_fit(observed: Seen) -> None:
    seen = _seen(observed, "large")
    worst = tuple(
        replace(one, info={}, members=(), error="timed out") if one.name == "node77" else one
        for one in seen.nodes
    )
    changed = _occurred("node101", ChangeKind.ROLE)
    text = "\n".join(_drawn(_scene(replace(seen, nodes=worst), changed), 80, 24))
    assert " node77 " in text
    assert text.count("node101 ") == 2  # its row, and what happened
    assert "1 silent" in text


@pytest.mark.parametrize(
    ("kind", "seconds", "stands_out"),
    [
        (ChangeKind.ROLE, 1, True),
        (ChangeKind.PRIMARY, 9, True),
        (ChangeKind.ROLE, 11, False),
        (ChangeKind.GONE, 1, False),
    ],
)
def test_a_changed_role_stands_out_for_a_while(
    observed: Seen, kind: ChangeKind, seconds: float, stands_out: bool
) -> None:
    shown = _scene(_seen(observed, "cluster"), _occurred("node4", kind, seconds))
    rows = [line for line in _drawn(shown, 80, 24, color=True) if "replica" in line]
    reversed_ = [line for line in rows if "\x1b[7m" in line]
    assert [("node4" in line) for line in reversed_] == ([True] if stands_out else [])


def test_many_slot_ranges_are_counted(observed: Seen) -> None:
    seen = _seen(observed, "cluster")
    me = seen.nodes[0].myself
    assert me is not None
    torn = replace(me, slots=tuple(SlotRange(n, n) for n in range(0, 90, 2)))
    members = tuple(torn if one.myself else one for one in seen.nodes[0].members)
    nodes = (replace(seen.nodes[0], members=members), *seen.nodes[1:])
    text = "\n".join(_drawn(_scene(replace(seen, nodes=nodes)), 80, 24))
    assert "0 +44" in text


def test_nothing_there_says_what_to_type(observed: Seen) -> None:
    text = "\n".join(_drawn(_scene(None), 60, 20))
    assert "nothing was started yet" in text
    assert "redistopo up" in text


@given(width=st.integers(1, 200), height=st.integers(1, 120), told=st.integers(0, 24))
def test_any_size_is_kept_to(observed: Seen, width: int, height: int, told: int) -> None:
    recent = [_occurred(f"node{n}", kind) for n, kind in enumerate(ChangeKind, start=1)][:told]
    lines = _drawn(_scene(_seen(observed, "silent"), *recent), width, height)
    assert len(lines) == height
    assert max(map(len, lines)) <= width


def test_sentinels_on_a_small_screen(observed: Seen) -> None:
    lines = _drawn(_scene(_seen(observed, "sentinel")), 80, 24)
    header = next(line for line in lines if " node " in line or line.startswith("node"))
    assert "watches" in header
    assert "slots" not in header
    first = next(line for line in lines if "sentinel1" in line)
    assert "node1, epoch 3" in first
    rows = [line for line in lines if "node" in line or "sentinel" in line][2:]
    assert len(rows) >= 6
    assert not any(" - " in line or line.endswith(" -") for line in rows)
