"""`verify`, `wait`, `status`, `doctor` and `up --dry-run` on one broken state: the same verdict.

The states are made by raw commands, and each names the fault that must be found."""

from collections.abc import Callable
from typing import Any

import pytest
from support.engines import BUNDLED
from support.forms import spread
from support.project import Done, Project
from support.waiting import until

State = Callable[[Project], None]

LAST = -1


def _raw(project: Project, port: int, *words: object) -> Any:
    with project.client(port) as node:
        node.response_callbacks.clear()
        return node.execute_command(*words)


def _empty_shard(project: Project) -> None:
    for port in project.ports:
        _raw(project, port, "CONFIG", "SET", "cluster-allow-replica-migration", "no")
    _raw(project, project.port, "CLUSTER", "FLUSHSLOTS")
    for words in (("DELSLOTS", *range(5461)), ("ADDSLOTS", *range(5461)), ("BUMPEPOCH",)):
        _raw(project, project.port + 1, "CLUSTER", *words)
    until(
        lambda: all(
            " 0-10922" in str(_raw(project, port, "CLUSTER", "NODES")) for port in project.ports
        )
    )


def _killed_replica(project: Project) -> None:
    project.crash(len(project.ports))


def _open_slot(project: Project) -> None:
    other = _raw(project, project.port + 1, "CLUSTER", "MYID")
    _raw(project, project.port, "CLUSTER", "SETSLOT", 1, "MIGRATING", other)


def _another_password(project: Project) -> None:
    _raw(project, project.ports[LAST], "CONFIG", "SET", "requirepass", "another")


def _writable(project: Project) -> None:
    """A fault that any snapshot shows, and one that only a full one does."""
    _raw(project, project.ports[LAST], "CONFIG", "SET", "replica-read-only", "no")


def _second_primary(project: Project) -> None:
    _raw(project, project.ports[LAST], "REPLICAOF", "NO", "ONE")


def _cut_off(project: Project) -> None:
    _raw(project, project.ports[LAST], "CONFIG", "SET", "masterauth", "wrong")
    _raw(project, project.port, "CLIENT", "KILL", "TYPE", "replica")
    until(lambda: "master_link_status:down" in _raw(project, project.ports[LAST], "INFO"))


def _full(project: Project) -> None:
    _raw(project, project.port, "SET", "a", "1")
    _raw(project, project.port, "CONFIG", "SET", "maxmemory", "1")


def _removed(project: Project) -> None:
    with project.sentinel(1) as node:
        name = node.execute_command("SENTINEL", "MASTERS")[0][1]
        node.execute_command("SENTINEL", "REMOVE", name)


def _dead_primary(project: Project) -> None:
    project.crash(1)


def _no_majority(project: Project) -> None:
    project.run("stop", "sentinel1", "sentinel2", "--yes", check=0)


ROW: list[tuple[str, State, str, bool]] = [
    ("cluster", _empty_shard, "cluster.empty-shards node1", True),
    ("cluster", _killed_replica, "node.alive node6", True),
    ("cluster", _open_slot, "cluster.open-slots node1", True),
    ("cluster", _another_password, "node.alive node6", False),
    ("replication", _second_primary, "replication.shape topology", False),
    ("replication", _writable, "config.drift node3", True),
    ("replication", _cut_off, "replication.link node3", True),
    ("replication", _full, "memory.full node1", False),
    ("sentinel", _removed, "sentinel.primary sentinel1", True),
    ("sentinel", _dead_primary, "node.alive node1", True),
    ("sentinel", _no_majority, "sentinel.quorum topology", True),
]
"""Shape, state, a fault that it has, and whether a step of `up` repairs it."""


@pytest.mark.parametrize(
    ("shape", "state", "fault", "repaired"),
    [pytest.param(*one, id=f"{one[0]}{one[1].__name__}") for one in spread(ROW, 6)],
)
def test_every_verb_gives_a_broken_state_the_same_verdict_and_a_dry_run_tells_what_stays(
    project: Project, shape: str, state: State, fault: str, repaired: bool
) -> None:
    slow = {
        "cluster": ("--formation", "instant", "--node-timeout", "60000"),
        "sentinel": ("--down-after", "60000"),
    }
    project.init(shape, *slow.get(shape, ()), engine=BUNDLED.path)
    project.up()
    state(project)
    until(lambda: _alike(project, fault), what=lambda: str(_verdicts(project)))
    shown = project.run("status", check=0).out
    assert "Unhealthy" in shown
    ahead = project.run("up", "--dry-run", "--json")
    left = {_ref(one) for one in ahead.json["result"]["faults"]}
    if repaired:
        assert (ahead.code, left) == (0, set())
        assert ahead.json["result"]["steps"]
    else:
        assert ahead.code == 3
        assert fault in left
        said = project.run("plan", check=0).out
        assert "everything runs as planned" not in said
        assert f"fail {fault}: " in said
    project.env["REDISTOPO_PASSWORD"] = project.password
    sentinels = project.root / ".redistopo" / "password.sentinel"
    if sentinels.exists():
        project.env["REDISTOPO_SENTINEL_PASSWORD"] = sentinels.read_text().strip()
    entry = project.port + (12 if shape == "sentinel" else 1)
    at = ("--connect", f"127.0.0.1:{entry}")
    until(lambda: _alike(project, "", *at), what=lambda: str(_verdicts(project, *at)))


def _alike(project: Project, fault: str, *at: str) -> bool:
    codes, found = zip(*_verdicts(project, *at), strict=True)
    return len({*codes}) == 1 and len({*found}) == 1 and (not fault or fault in found[0])


def _verdicts(project: Project, *at: str) -> list[tuple[int, frozenset[str]]]:
    """The exit code and the failed findings of each verb; `doctor` has other checks, too."""
    once = ("--timeout", "0", "--json", *at)
    verify = project.run("verify", "--no-write", *once)
    known = {one["check"] for one in verify.json["result"]["findings"]}
    doctor = project.run("doctor", "--no-write", *once)
    ours = [one for one in doctor.json["result"]["findings"] if one["check"] in known]
    wait = project.run("wait", *once)
    found = [
        (verify.code, _failed(verify.json["result"]["findings"])),
        (wait.code, frozenset(map(_ref, wait.json["result"]["missing"]))),
        (3 if _failed(ours) else 0, _failed(ours)),
    ]
    if not at:
        found.append(_told_by_status(project.run("status", "--json", check=0)))
    return found


def _told_by_status(done: Done) -> tuple[int, frozenset[str]]:
    faults = frozenset(map(_ref, done.json["result"]["faults"]))
    return (3 if faults else 0, faults)


def _failed(findings: list[dict[str, Any]]) -> frozenset[str]:
    return frozenset(_ref(one) for one in findings if one["status"] == "fail")


def _ref(one: dict[str, Any]) -> str:
    return f"{one['check']} {one['subject']}"
