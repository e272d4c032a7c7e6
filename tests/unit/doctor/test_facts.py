"""What --fix would do: only what is safe, each as one would type it."""

from dataclasses import replace

import pytest

from redistopo.doctor.facts import (
    DoctorFacts,
    EnginesSeen,
    FixKind,
    Leftovers,
    OpenPermission,
    OrphanSeen,
    PortReply,
    TopologyPresence,
    TopologySeen,
    fixes_of,
)
from redistopo.host.kernel_settings import Kernel
from redistopo.host.machine_facts import MemoryAndDisk
from redistopo.model.state.record import ProcessMark

FACTS = DoctorFacts(
    engines=EnginesSeen(),
    kernel=Kernel(overcommit=0, huge_pages="always", somaxconn=1),
    resources=MemoryAndDisk(),
    topology=TopologySeen(name="shop", presence=TopologyPresence.STOPPED),
    leftovers=Leftovers(),
)
MARK = ProcessMark(node="node1", pid=77, started=5, boot="b", executable="", config="")
LEFT = Leftovers(
    gone=(("shop", "/gone"),),
    orphans=(
        OrphanSeen(mark=MARK, folder="/a/.redistopo/nodes/node1", listed=True),
        OrphanSeen(mark=replace(MARK, pid=78), folder="/b/.redistopo/nodes/node1"),
    ),
    empty=("/a/.redistopo/nodes/node9",),
    kept=("/a/.redistopo/nodes/node8",),
    unprotected=(
        OpenPermission(path="/a/.redistopo/password", mode=0o644, wanted=0o600),
        OpenPermission(path="/home/secret", mode=0o640, wanted=0o600, yours=True),
    ),
)


def test_nothing_of_the_kernel_is_ever_changed() -> None:
    assert fixes_of(FACTS, {}) == ()


def test_each_cure_is_told_as_a_command_and_asks_where_it_ends_or_changes_what_is_yours() -> None:
    found = fixes_of(replace(FACTS, leftovers=LEFT), {"node2": 5})
    told = {one.command: (one.cure, one.asks) for one in found}
    assert told == {
        "remove /gone from the list of `redistopo ps`": (FixKind.FORGET, False),
        "rm -r /a/.redistopo/nodes/node9": (FixKind.REMOVE, False),
        "chmod 600 /a/.redistopo/password": (FixKind.CHMOD, False),
        "chmod 600 /home/secret": (FixKind.CHMOD, True),
        "redistopo resume node2": (FixKind.RESUME, True),
        "kill -TERM 77": (FixKind.END, True),
    }
    assert not any("sudo" in one.command for one in found)


def test_the_orphan_that_is_ended_is_named_by_more_than_its_pid() -> None:
    (fix,) = fixes_of(replace(FACTS, leftovers=Leftovers(orphans=LEFT.orphans)), {})
    assert fix.mark == MARK


def test_a_topology_stays_on_the_list_while_a_server_of_it_runs() -> None:
    orphan = OrphanSeen(mark=MARK, folder="/gone/.redistopo/nodes/node1", listed=True)
    left = Leftovers(gone=(("shop", "/gone"),), orphans=(orphan,))
    assert [one.cure for one in fixes_of(replace(FACTS, leftovers=left), {})] == [FixKind.END]


NOAUTH = "NOAUTH Authentication required."


@pytest.mark.parametrize(
    ("at", "said", "listening", "asks"),
    [
        ("127.0.0.1", NOAUTH, None, True),
        ("::1", NOAUTH, (), True),
        ("10.0.0.5", NOAUTH, ("10.0.0.5",), True),
        ("10.0.0.5", NOAUTH, None, False),
        ("10.0.0.5", NOAUTH, ("0.0.0.0",), False),
        ("127.0.0.1", "PONG", ("127.0.0.1",), False),
        ("127.0.0.1", "ERR unknown command", ("127.0.0.1",), False),
        ("127.0.0.1", "", None, False),
    ],
)
def test_the_files_password_is_for_a_server_on_this_machine(
    at: str, said: str, listening: tuple[str, ...] | None, asks: bool
) -> None:
    assert PortReply(port=6379, at=at, reply=said, listening=listening).asks_here is asks
