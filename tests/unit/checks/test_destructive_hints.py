"""What checks tell about slots and strangers destroys nothing while a copy may exist."""

from collections.abc import Callable
from typing import Any

from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.protocol.replies import OpenSlot
from redistopo.model.protocol.slots import SlotRange
from redistopo.model.remedies.remedy import RemedyClass, class_of

STRANGER = "e" * 40


def _hints(scene: Any, check: str) -> set[str]:
    return {one.hint for one in scene.findings(check) if one.hint}


def _stranger(scene: Any) -> Any:
    return scene.member(
        "node1", "node6", id=STRANGER, endpoint=Endpoint("127.0.0.1", 15999), slots=()
    )


def test_a_stranger_is_to_be_removed_only_while_every_slot_has_a_primary(
    scene: Callable[[str, str], Any],
) -> None:
    whole = _stranger(scene("redis-7.0", "cluster"))
    told = next(one for one in _hints(whole, "cluster.members") if "CLUSTER FORGET" in one)
    assert told.endswith(f"redistopo call CLUSTER FORGET {STRANGER}")
    assert class_of(told) is RemedyClass.DESTROYS
    broken = whole.down("node2").member("node1", "node2", flags=frozenset({"master"}))
    assert not any("FORGET" in one for one in _hints(broken, "cluster.members"))


def test_open_slots_are_to_be_fixed_only_while_every_slot_has_a_primary(
    scene: Callable[[str, str], Any],
) -> None:
    """`redis-cli --cluster fix` gives slots without a primary to nodes too, empty."""
    opened = scene("redis-7.0", "cluster").member(
        "node1", "node1", open_slots=(OpenSlot(slot=93, move="migrating to", node="bbbb"),)
    )
    (told,) = _hints(opened, "cluster.open-slots")
    assert told.endswith("redistopo up")
    opened = opened.expect(host=None)  # of others
    (told,) = _hints(opened, "cluster.open-slots")
    assert "--cluster fix" in told
    assert class_of(told) is RemedyClass.ASKS
    (told,) = _hints(opened.down("node2"), "cluster.open-slots")
    assert told.endswith("first give every slot a primary, see cluster.slots")


def test_slots_without_an_owner_are_to_be_assigned_only_without_a_copy(
    scene: Callable[[str, str], Any],
) -> None:
    lost = scene("redis-7.0", "cluster")
    for name in ("node1", "node2", "node3", "node4", "node5", "node6"):
        lost = lost.member(name, "node2", slots=(SlotRange(5461, 10000),))
    told = _hints(lost, "cluster.slots")
    assert any("--cluster fix" in one for one in told)
    silent = _hints(lost.down("node6"), "cluster.slots")
    assert not any("--cluster fix" in one for one in silent)
