"""What `verify --connect` prints for a cluster that somebody else started, typed as it is printed:
plain redis-cli commands, as redistopo has no record of it."""

import re
from typing import Any

from support.byhand import ByHand, listening
from support.engines import BUNDLED
from support.findings import found_in
from support.forms import FULL
from support.judge import client, faults
from support.project import Project
from support.waiting import until

STAYS = ("--cluster-enabled", "yes", "--cluster-node-timeout", "15000")


def _cluster(project: Project, by_hand: ByHand) -> str:
    """Three primaries, found as the user finds them: with redis-cli in PATH."""
    (project.root / "bin").mkdir()
    (project.root / "bin" / "redis-cli").symlink_to(BUNDLED.cli)
    project.env["PATH"] = f"{project.root / 'bin'}:{project.environment()['PATH']}"
    by_hand.cluster(project.port, 3)
    project.size = 3
    until(lambda: faults(project.ports, "", cluster=True) == [])
    return f"127.0.0.1:{project.port}"


def _hint(project: Project, at: str, check: str, evidence: str) -> str:
    """The command of the one finding with that evidence, as it is printed."""
    verb = "doctor" if check == "cluster.reset" else "verify"
    done = project.run(verb, "--connect", at, "--json", "--timeout", "0")
    found = (*found_in(done, check, "fail"), *found_in(done, check, "warn"))
    (one,) = [one for one in found if evidence in one["evidence"]]
    return str(re.findall(r"redis-cli .*", one["hint"])[0])


def _node(port: int, *words: object) -> Any:
    with client(port) as node:
        node.response_callbacks.clear()
        return node.execute_command(*words)


def _epochs_of(node_id: str, ports: list[int]) -> set[str]:
    """The epochs in which the nodes have that one."""
    lines = [line.split() for port in ports for line in _node(port, "CLUSTER", "NODES").split("\n")]
    return {words[6] for words in lines if words and words[0] == node_id}


def _bump(project: Project, number: int) -> None:
    """That node's epoch is above all others, and all know it."""
    port = project.port + number
    assert _node(port, "CLUSTER", "BUMPEPOCH").startswith("BUMPED")
    me = _node(port, "CLUSTER", "MYID")
    until(lambda: len(_epochs_of(me, project.ports)) == 1)


def test_a_stale_epoch_is_raised_by_what_is_printed(project: Project, by_hand: ByHand) -> None:
    at = _cluster(project, by_hand)
    table = project.root / f"byhand-{project.port}" / "nodes.conf"
    me = _node(project.port, "CLUSTER", "MYID")
    _bump(project, 0)  # two nodes that don't know of each other's would take the same epoch
    _bump(project, 1)
    older = table.read_text()
    _bump(project, 0)
    by_hand.end(project.port)
    table.write_text(older)
    by_hand.start(project.port, *STAYS)
    listening(project.port)
    assert len(_epochs_of(me, project.ports)) == 2
    project.shell(_hint(project, at, "cluster.epochs", "is stale"))
    until(lambda: len(_epochs_of(me, project.ports)) == 1)
    until(lambda: project.run("verify", "--connect", at, "--json").code == 0)


def test_slots_without_an_owner_get_one_and_open_slots_are_closed(
    project: Project, by_hand: ByHand
) -> None:
    at = _cluster(project, by_hand)
    other = _node(project.port + 1, "CLUSTER", "MYID")
    _node(project.port, "CLUSTER", "SETSLOT", 100, "MIGRATING", other)
    project.shell(_hint(project, at, "cluster.open-slots", "slot"), answer="yes\n")
    until(lambda: "[" not in _node(project.port, "CLUSTER", "NODES"))
    for port in project.ports:
        _node(port, "CLUSTER", "DELSLOTSRANGE", 0, 9)
    assert _node(project.port, "DBSIZE") == 0
    project.shell(_hint(project, at, "cluster.slots", "10 slots have no owner"), answer="yes\n")
    until(lambda: faults(project.ports, "", cluster=True) == [])


def test_a_primary_without_slots_gets_its_share(project: Project, by_hand: ByHand) -> None:
    at = _cluster(project, by_hand)
    new = project.port + 3
    by_hand.start(new, *STAYS)
    listening(new)
    _node(project.port, "CLUSTER", "MEET", "127.0.0.1", new)
    project.size = 4
    # redis-cli refuses nodes that don't have one view of all slots yet
    until(lambda: faults(project.ports, "", cluster=True) == [])
    command = _hint(project, at, "cluster.empty-shards", "without slots")
    project.shell(f"{command} --cluster-simulate")  # moving thousands of slots takes long
    if FULL:
        project.shell(command)
        until(lambda: faults(project.ports, "", cluster=True) == [])


def _alone_with(project: Project, *ports: int) -> None:
    """These nodes know each other, and no others."""
    until(lambda: all(_node(one, "CLUSTER", "NODES").count(" connected") == len(ports)
                      for one in ports))  # fmt: skip


def test_an_empty_node_that_joined_another_cluster_leaves_it(
    project: Project, by_hand: ByHand
) -> None:
    """It was started anew with another bus port: the others cannot learn from it there that it has
    another id by now, and keep the address of its clients."""
    at = _cluster(project, by_hand)
    new, stranger = project.port + 3, project.port + 4
    by_hand.start(new, *STAYS)
    listening(new)
    _node(project.port, "CLUSTER", "MEET", "127.0.0.1", new)
    _alone_with(project, *project.ports, new)
    former = _node(new, "CLUSTER", "MYID")
    by_hand.end(new)
    (project.root / f"byhand-{new}" / "nodes.conf").unlink()
    by_hand.start(stranger, *STAYS)
    by_hand.start(new, *STAYS, "--cluster-port", str(new + 5000))
    listening(stranger)
    listening(new)
    _node(new, "CLUSTER", "MEET", "127.0.0.1", stranger)
    _alone_with(project, new, stranger)
    leave = _hint(project, at, "cluster.reset", f"another cluster, with 127.0.0.1:{stranger}")
    project.shell(leave.partition("   (")[0])
    assert len(_node(new, "CLUSTER", "NODES").splitlines()) == 1
    for port in project.ports:
        _node(port, "CLUSTER", "FORGET", former)
    _node(project.port, "CLUSTER", "MEET", "127.0.0.1", new, new + 5000)
    project.size = 4
    until(lambda: faults(project.ports, "", cluster=True) == [])
