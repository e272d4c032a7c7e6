"""What can be wrong with one host of three: it is named, and nothing is left behind."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from hosts.lab import BASE, CONTROLLER, Host
from support.forms import FULL
from support.on_hosts import OnHosts
from support.waiting import until

pytestmark = pytest.mark.skipif(not FULL, reason="in the whole form only: make test-hosts")
_CLUSTER = ('shape = "cluster"', "shards = 3", "replicas = 1", "node_timeout = 2000")

_FAULTS: dict[str, tuple[Callable[[Host], AbstractContextManager[None]], str]] = {
    "ssh refused": (Host.ssh_refused, "refused"),
    "another key": (Host.key_changed, "verification failed"),
    "no Python": (Host.without_python, "python"),
    "disk full": (Host.disk_full, "No space left"),
}


@pytest.mark.parametrize("fault", _FAULTS)
def test_up_refuses_and_starts_nothing(over_hosts: OnHosts, fault: str) -> None:
    """And works once the fault is gone."""
    broken, reason = _FAULTS[fault]
    over_hosts.init(*_CLUSTER)
    with broken(over_hosts.lab["h2"]):
        done = over_hosts.project.run("up")
        said = done.out + done.err
        assert done.code in {1, 4}, done
        assert "h2" in said, done
        assert reason.lower() in said.lower(), done
        assert "Traceback" not in said
        assert over_hosts.servers() == []
    over_hosts.project.up()
    assert over_hosts.faults() == []


def test_a_folder_of_another_is_refused(over_hosts: OnHosts) -> None:
    over_hosts.init(*_CLUSTER)
    theirs = over_hosts.lab["h3"].path(BASE / over_hosts.name / "precious")
    theirs.parent.mkdir()
    theirs.write_text("1")
    done = over_hosts.project.run("up")
    assert done.code in {1, 2, 4}, done
    assert "h3" in done.out + done.err, done
    assert str(BASE / over_hosts.name) in done.out + done.err, done
    assert over_hosts.servers() == []
    over_hosts.project.run("down", "--wipe", "--yes")
    assert theirs.read_text() == "1"


def test_a_topology_of_another_controller_is_refused(over_hosts: OnHosts, tmp_path: Path) -> None:
    """The same file in another folder is another topology, whose servers are left alone."""
    over_hosts.init(*_CLUSTER)
    over_hosts.project.up()
    before = over_hosts.servers()
    second = tmp_path / "second"
    second.mkdir()
    (second / "redistopo.toml").write_text((over_hosts.project.root / "redistopo.toml").read_text())
    done = over_hosts.project.run("up", "--trust", "--dir", str(second))
    assert done.code in {1, 2, 4}, done
    over_hosts.project.run("down", "--wipe", "--yes", "--dir", str(second))
    assert over_hosts.servers() == before
    assert over_hosts.faults() == []


def test_a_partition_between_hosts_is_reported_and_heals(over_hosts: OnHosts) -> None:
    """The controller still reaches every host."""
    over_hosts.init(*_CLUSTER)
    over_hosts.project.up()
    with over_hosts.lab.network.cut(["h1"], ["h2", "h3"]):

        def reported() -> bool:
            return over_hosts.project.run("verify").code == 3

        until(reported, 30, what="verify reports the partition")
    until(lambda: not over_hosts.faults(), 60, what="the cluster heals")
    over_hosts.project.up()
    over_hosts.project.run("verify", check=0)


def test_a_host_that_the_controller_does_not_reach_is_named(over_hosts: OnHosts) -> None:
    over_hosts.init(*_CLUSTER)
    over_hosts.project.run("up", check=0, seconds=300)
    before = over_hosts.servers()
    with over_hosts.lab.network.cut([CONTROLLER], ["h1"]):
        done = over_hosts.project.run("verify", seconds=200)
        assert done.code == 3, done
        assert "h1" in done.out + done.err, done
        # no host is changed unless all are reached
        refused = over_hosts.project.run("kill", "node2", check=1, seconds=200)
        assert "host h1" in refused.err
        assert over_hosts.servers() == before
        _without_it(over_hosts, before)
    over_hosts.project.run("up", check=0, seconds=300)
    over_hosts.project.run("verify", check=0)
    assert over_hosts.faults() == []


def _without_it(over_hosts: OnHosts, before: list[int]) -> None:
    """What takes nodes of other hosts away is possible without h1, whose nodes stay as they are."""
    project = over_hosts.project
    for words in (("kill", "node4"), ("pause", "node5"), ("stop", "node3")):
        done = project.run(*words, "--skip-unreachable", check=0, seconds=200)
        assert done.err.count("host h1 (") == 1, done
        assert "can't be reached by SSH; it is left out" in done.err
    assert len(set(before) - set(over_hosts.servers())) == 2
    for verb in ("kill", "pause", "stop"):
        refused = project.run(verb, "node1", "--skip-unreachable", check=1, seconds=200)
        assert "its host can't be reached" in refused.out + refused.err, refused
    assert len(set(before) - set(over_hosts.servers())) == 2
