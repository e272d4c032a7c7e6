"""What a finding says is to be typed mends it when it is typed, word for word: also where
redis-cli alone wouldn't be let in, for want of the password, a certificate and the right."""

import shlex
from collections.abc import Callable, Iterable

import pytest
from support.engines import BUNDLED, TLS
from support.project import Project
from support.waiting import until


def _call(project: Project, node: int, *words: object) -> str:
    return project.run("call", "--node", f"node{node}", *map(str, words), check=0).out


def _id(project: Project, node: int) -> str:
    return _call(project, node, "CLUSTER", "MYID").split()[-1]


def _half_migrated(project: Project) -> None:
    _call(project, 1, "CLUSTER", "SETSLOT", 0, "MIGRATING", _id(project, 2))


def _forgotten(project: Project) -> None:
    _call(project, 2, "CLUSTER", "FORGET", _id(project, 6))


def _stranger(project: Project) -> None:
    _call(project, 1, "CLUSTER", "MEET", "127.0.0.1", project.port + 12)


def _new_id(project: Project) -> None:
    """node5 lost its nodes.conf and is a replica again: its former id has no address."""
    primary = _call(project, 5, "CLUSTER", "NODES").partition("myself,slave ")[2].split()[0]
    _call(project, 5, "CLUSTER", "RESET", "HARD")
    _call(project, 5, "CLUSTER", "MEET", "127.0.0.1", project.port)
    until(lambda: primary in _call(project, 5, "CLUSTER", "NODES"))
    _call(project, 5, "CLUSTER", "REPLICATE", primary)
    known = f"{_id(project, 5)} 127.0.0.1:{project.port + 4}"
    for node in (1, 2, 3, 4, 6):
        until(lambda node=node: known in _call(project, node, "CLUSTER", "NODES"))
    until(lambda: "noaddr" in _call(project, 1, "CLUSTER", "NODES"))


def _paused(project: Project) -> None:
    project.run("pause", "node5", check=0)


def _open_user(project: Project) -> None:
    _call(project, 4, "ACL", "SETUSER", "evil", "on", "nopass", "+ping")


BROKEN: dict[str, tuple[Callable[[Project], None], str, str]] = {
    "a paused node": (_paused, "node.alive", "resume node5"),
    "a stranger": (_stranger, "cluster.members", "call CLUSTER FORGET "),
    "an id without an address": (_new_id, "cluster.members", "no node has this id any more"),
    "a user without a password": (_open_user, "access.password", "--node node4 ACL DELUSER evil"),
    "a forgotten node": (_forgotten, "cluster.members", " CLUSTER MEET 127.0.0.1 "),
    "a slot half-migrated": (_half_migrated, "cluster.open-slots", "redistopo up"),
}
"""How it is made, the check that finds it, and a part of the command that it tells."""


def _orders(project: Project, names: Iterable[str]) -> list[list[str]]:
    """The words of redistopo in what one `verify` tells about each of these faults."""
    found = project.run("verify", "--json", "--timeout", "0", check=3).json["result"]["findings"]
    orders = []
    for name in names:
        _, check, part = BROKEN[name]
        hints = [one["hint"] for one in found if one["check"] == check]
        hint = next((one for one in hints if part in one), None)
        assert hint is not None, (name, hints)
        line = hint[hint.index("redistopo ") :]
        for end in (";", ", or ", "`", " ("):
            line = line.partition(end)[0]
        orders.append(shlex.split(line)[1:])
    return orders


@pytest.mark.fault(
    "a cluster with TLS and ACL is broken by hand: a slot half-migrated, a node paused or "
    "forgotten, an unknown member, a user without a password",
    "the command that `verify` prints repairs it when typed as it is, with redistopo's own "
    "credentials",
)
def test_the_printed_commands_repair_a_cluster(project: Project) -> None:
    tls = ("--tls",) if TLS else ()
    engine = (TLS or BUNDLED).path
    project.init("cluster", "--formation", "instant", "--acl", *tls, engine=engine)
    project.up()
    # a paused node is the cause of so much that nothing else is told beside it
    for names in (["a paused node"], [name for name in BROKEN if name != "a paused node"]):
        for name in names:
            BROKEN[name][0](project)
        done = [project.run(*order) for order in _orders(project, names)]
        if "a forgotten node" in names and (TLS or BUNDLED).passes_on_forgotten_nodes:
            project.run("up", "--timeout", "100s", check=0, seconds=120)  # as the hint says
        until(
            lambda: project.run("verify", "--timeout", "0").code == 0,
            15,
            lambda done=done: f"{done}\n{project.run('verify').out}",
        )
