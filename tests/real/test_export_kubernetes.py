"""`export kubernetes`: its scripts form a cluster, and keep it together when pods get new
addresses; judged by Redis's own client. No control plane is run."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.exported import exported
from support.forms import FULL
from support.pods import Pods, pods_of, why_no_pods
from support.project import Project
from support.waiting import until

pytestmark = pytest.mark.skipif(bool(why_no_pods()), reason=why_no_pods() or "there can be pods")

_KEYS = 30


@pytest.fixture
def pods(project: Project, tmp_path: Path) -> Iterator[Pods]:
    project.init("cluster", engine=shutil.which("redis-server", path="/usr/bin") or "")
    with pods_of(exported(project, "kubernetes"), tmp_path) as made:
        yield made


def _whole(pods: Pods) -> bool:
    """Every node has a link to every other at its present address, and all slots are served."""
    for pod in pods.pods:
        known = pods.cli(pod, "CLUSTER", "NODES").splitlines()
        links = {re.split("[ :]", one)[1] for one in known if " connected" in one}
        if links != set(pods.addresses.values()) or "fail" in " ".join(known):
            return False
        if "cluster_state:ok" not in pods.cli(pod, "CLUSTER", "INFO"):
            return False
        if "master_link_status:down" in pods.cli(pod, "INFO", "replication"):
            return False
    return True


def _keys(pods: Pods) -> list[str]:
    first = next(iter(pods.pods))
    return [pods.cli(first, "-c", "GET", f"key{number}") for number in range(_KEYS)]


def _followed(pods: Pods, since: dict[str, int]) -> set[tuple[str, str]]:
    """(replica, address) of each sync that began after that many characters of a log."""
    found = set()
    for name, pod in pods.pods.items():
        text = (pod.folder / "log").read_text()[since[name] :]
        asked = re.findall(r"Connecting to (?:MASTER|PRIMARY) (\S+):", text)
        found |= {(name, address) for address in asked}
    return found


@pytest.mark.skipif(not FULL, reason="in the whole form only: make test-full")
def test_pods_that_get_other_addresses_find_each_other_again(pods: Pods) -> None:
    first = {name: f"10.7.7.{number}" for number, name in enumerate(pods.pods, 1)}
    names = list(first)
    pods.start(first)
    formed = pods.form()
    assert "formed: 6 nodes, 3 shards" in formed.stdout, formed
    for number in range(_KEYS):
        assert pods.cli(names[0], "-c", "SET", f"key{number}", number) == "OK"
    assert pods.cli(names[0], "WAIT", 1, 2000) == "1"
    swapped = dict(zip(names, [*list(first.values())[1:], first[names[0]]], strict=True))
    # each has the former address of a node of another shard or role; then new ones
    others = {name: f"10.7.7.{number}" for number, name in enumerate(names, 101)}
    for addresses in [swapped, others, first, swapped, others]:
        pods.stop()
        since = {name: len((pod.folder / "log").read_text()) for name, pod in pods.pods.items()}
        pods.start(addresses)
        until(lambda: _whole(pods), 60, pods.states)
        assert _keys(pods) == [str(number) for number in range(_KEYS)]
        primaries = {name.rpartition("-")[0]: addresses[name] for name in names
                     if "role:master" in pods.cli(name, "INFO", "replication")}  # fmt: skip
        assert len(primaries) == 3
        # no replica asked a primary of another shard for its data
        for name, address in _followed(pods, since):
            assert address == primaries[name.rpartition("-")[0]], (name, address)
