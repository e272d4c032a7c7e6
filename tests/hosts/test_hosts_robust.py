"""Hosts that change, and controllers that are killed or work at the same time: no data is lost."""

import os
import shutil
import signal
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest
from hosts.lab import Lab, opened
from redis.cluster import RedisCluster
from support import judge
from support.forms import FULL
from support.on_hosts import OnHosts
from support.project import Project
from support.waiting import until

pytestmark = pytest.mark.skipif(not FULL, reason="in the whole form only: make test-hosts")
_CLUSTER = ('shape = "cluster"', "shards = 3", "replicas = 1", "node_timeout = 2000")
_KEYS = 100


def _up(over_hosts: OnHosts) -> None:
    over_hosts.project.run("up", "--timeout", "4m", check=0, seconds=300)


def _write(over_hosts: OnHosts) -> None:
    (host, port), *_ = over_hosts.addresses()
    with RedisCluster(host=host, port=port, password=over_hosts.project.password) as client:
        for number in range(_KEYS):
            client.set(f"key{number}", number)
    for at, port in over_hosts.addresses():
        with judge.client(port, over_hosts.project.password, at) as node:
            judge.await_written(node)


def _kept(over_hosts: OnHosts) -> None:
    """All is well, and every key is there."""
    assert len(over_hosts.addresses()) == 2 * 3
    until(lambda: over_hosts.faults() == [], 30, what="healthy by the suite's own judge")
    (host, port), *_ = over_hosts.addresses()
    with RedisCluster(host=host, port=port, password=over_hosts.project.password) as client:
        found = [client.get(f"key{number}") for number in range(_KEYS)]
    assert found == [str(number).encode() for number in range(_KEYS)]


def _readdressed(over_hosts: OnHosts, addresses: dict[str, str]) -> None:
    """These hosts are started again with other addresses, which the controller knows by SSH, and
    which are in the topology file."""
    lab, file = over_hosts.lab, over_hosts.project.root / "redistopo.toml"
    known = lab.keys.folder / "known_hosts"
    names = {lab[name].address: address for name, address in addresses.items()}
    lines = [line.partition(" ") for line in known.read_text().splitlines()]
    known.write_text("".join(f"{names.get(at, at)} {key}\n" for at, _, key in lines))
    text = [line.split('"') for line in file.read_text().splitlines()]
    for parts in text:
        if len(parts) == 3:
            parts[1] = names.get(parts[1], parts[1])
    file.write_text("\n".join('"'.join(parts) for parts in text) + "\n")
    for name in addresses:
        lab[name].crash()
    for name, address in addresses.items():
        lab[name].address = address
    lab.boot(*(lab[name] for name in addresses))


@pytest.fixture
def own_lab(project: Project, tmp_path: Path) -> Iterator[OnHosts]:
    """Three hosts of this test alone, which change."""
    with opened(tmp_path / "lab", 3) as lab:
        made = OnHosts(project, lab)
        yield made
        made.cleanup()


@pytest.mark.parametrize("change", ["all", "swapped"])
def test_other_addresses_are_repaired_by_up(own_lab: OnHosts, change: str) -> None:
    """From the nodes' ids, which are theirs wherever their hosts are."""
    own_lab.init(*_CLUSTER)
    _up(own_lab)
    _write(own_lab)
    lab = own_lab.lab
    first, second = lab["h1"].address, lab["h2"].address
    if change == "swapped":
        _readdressed(own_lab, {"h1": second, "h2": first})
    else:
        others = {name: lab.network.address(40 + n) for n, name in enumerate(lab.hosts, 1)}
        _readdressed(own_lab, others)
    _up(own_lab)
    _kept(own_lab)
    own_lab.project.run("verify", check=0)


@pytest.mark.parametrize(
    "words", [("up",), ("restart", "--rolling"), ("failover", "node4")], ids=" ".join
)
def test_after_a_killed_controller_up_goes_on(over_hosts: OnHosts, words: tuple[str, ...]) -> None:
    """Killed after each of its first steps, in turn."""
    project = over_hosts.project
    over_hosts.init(*_CLUSTER)
    if words != ("up",):
        _up(over_hosts)
        _write(over_hosts)
    for steps in range(1, 5):
        process = project.begin(*words, "--json")
        assert process.stderr
        done = list(islice((line for line in process.stderr if '"done"' in line), steps))
        process.kill()
        out, err = process.communicate(timeout=60)
        assert done or steps > 1, (out, err)  # later ones may find it done
    _up(over_hosts)
    if words == ("up",):
        _write(over_hosts)
    _kept(over_hosts)
    project.run("verify", check=0)


def test_a_second_controller_is_refused_while_one_is_at_work(
    over_hosts: OnHosts, tmp_path: Path
) -> None:
    """A copy of the folder, as on another machine: with the same id, but not the same lock."""
    project = over_hosts.project
    over_hosts.init('shape = "replication"', "replicas = 2")
    _up(over_hosts)
    copy = tmp_path / "copy"
    shutil.copytree(project.root, copy)
    project.run("up", "--trust", "--dir", copy, check=0)
    process = project.begin("restart", "--rolling", "--json")
    assert process.stderr
    next(line for line in process.stderr if '"done"' in line)
    os.kill(process.pid, signal.SIGSTOP)  # or it is done before the other one has begun
    try:
        refused = project.run("restart", "node3", "--dir", copy, check=1, seconds=200)
    finally:
        os.kill(process.pid, signal.SIGCONT)
    out, err = process.communicate(timeout=400)
    assert process.returncode == 0, (out, err)
    assert "is being changed by another controller" in refused.err
    assert f"{project.root} (restart" in refused.err
    assert over_hosts.faults(cluster=False) == []


def test_a_cluster_forms_although_ansible_used_up_the_time(over_hosts: OnHosts) -> None:
    over_hosts.init(*_CLUSTER)
    over_hosts.project.run("up", "--timeout", "500ms", check=0, seconds=100)
    assert over_hosts.faults() == []


def test_five_hosts_with_three_copies_of_each_shard(project: Project, tmp_path: Path) -> None:
    with opened(tmp_path / "lab", 5) as lab:
        over = OnHosts(project, lab)
        over.init('shape = "cluster"', "shards = 3", "replicas = 2", "node_timeout = 2000")
        _up(over)
        assert len(over.addresses()) == 9
        assert over.colocated() == []
        assert over.faults() == []
        lab["h4"].crash()
        lost = project.run("verify", check=3, seconds=60)
        assert "h4" in lost.out
        until(lambda: _serving(over, lab), 60, what="the other hosts serve all slots")
        lab.boot(lab["h4"])
        _up(over)
        assert len(over.addresses()) == 9
        assert over.faults() == []
        project.run("verify", check=0)
        over.cleanup()


def _serving(over: OnHosts, lab: Lab) -> bool:
    for at in over.addresses():
        with over.client(at) as node:
            if node.execute_command("CLUSTER INFO")["cluster_state"] != "ok":
                return False
    return bool(lab.hosts)
