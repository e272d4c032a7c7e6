"""Snapshots of killed nodes compared by their place in the replication history, not by dates."""

import os
import time

import pytest
from support import judge
from support.engines import BUNDLED
from support.forms import spread
from support.project import Project
from support.stages import KEYS, OLD, fill, settled
from support.waiting import until

FORMS = {
    "cluster": ("--node-timeout", "30000", "--formation", "instant"),
    "replication": (),
    "sentinel": (),
}


def _save(project: Project, role: str) -> list[int]:
    """Every node with that role saves a snapshot; returns their numbers."""
    found = []
    for number, port in enumerate(project.ports, 1):
        with project.client(port) as node:
            if node.info("replication")["role"] == role:
                node.save()
                found.append(number)
    return found


def _primaries(project: Project) -> tuple[set[int], int]:
    """The numbers of the nodes that are primary, and the keys that they have."""
    found, keys = set(), 0
    for number, port in enumerate(project.ports, 1):
        with project.client(port) as node:
            if node.info("replication")["role"] == "master":
                found.add(number)
                keys += int(node.dbsize())
    return found, keys


@pytest.mark.parametrize("shape", spread(list(FORMS), 2))
def test_a_replica_that_saved_later_in_the_same_history_is_primary_without_a_question(
    project: Project, shape: str
) -> None:
    project.init(shape, "--persistence", "rdb", *FORMS[shape], engine=BUNDLED.path)
    project.up()
    fill(project, shape, OLD)
    before = _save(project, "master")
    fill(project, shape, KEYS[len(OLD) :])
    until(lambda: settled(project), what="replicas have every key")
    later = _save(project, "slave")
    project.crash()
    for number in before:  # what dates would say
        os.utime(project.folder(number) / "dump.rdb", (time.time() + 60,) * 2)
    project.up()
    primaries, keys = _primaries(project)
    assert keys == len(KEYS)
    assert primaries <= {*later}
    assert judge.faults(project.ports, project.password, cluster=shape == "cluster") == []


def test_a_replica_whose_snapshot_has_a_later_date_and_no_later_write_is_not_asked_about(
    project: Project,
) -> None:
    project.init("replication", "--persistence", "rdb", engine=BUNDLED.path)
    project.up()
    fill(project, "replication", OLD)
    until(lambda: settled(project), what="replicas have every key")
    replicas = _save(project, "slave")
    fill(project, "replication", KEYS[len(OLD) :])
    (lead,) = _save(project, "master")
    project.crash()
    for number in replicas:
        os.utime(project.folder(number) / "dump.rdb", (time.time() + 60,) * 2)
    project.up()
    assert _primaries(project) == ({lead}, len(KEYS))
