"""Nodes as units of systemd on hosts: they are started, found, ended and started again at boot.

What runs the units is a stand-in, see support.stand_in_for_systemd; systemd's own tools judge them.
"""

import shutil
import subprocess
from pathlib import Path

import pytest
from support.forms import FULL
from support.on_hosts import OnHosts
from support.output_schema import document
from support.stand_in_for_systemd import (
    UNITS,
    enabled,
    main_pid,
    start_enabled,
    units,
)
from support.waiting import until

whole = pytest.mark.skipif(not FULL, reason="in the whole form only: make test-hosts")
_CLUSTER = ('shape = "cluster"', "shards = 3", "replicas = 1", "node_timeout = 2000")


def _accepted(texts: dict[str, str], folder: Path) -> None:
    """systemd's own tools accept the units, as they are, and that they are confined."""
    if not shutil.which("systemd-analyze"):
        return
    for name, text in texts.items():
        (folder / name).write_text(text)
        for words in (["verify"], ["security", "--offline=yes", "--threshold=24"]):
            done = subprocess.run(
                ["systemd-analyze", *words, folder / name],
                capture_output=True, text=True, timeout=60, check=False,
            )  # fmt: skip
            assert done.returncode == 0, done
            assert words[0] == "security" or done.stdout + done.stderr == "", done


def _findings(project: object, *options: str) -> list[tuple[str, str]]:
    done = project.run("verify", "--json", *options, seconds=300)  # type: ignore[attr-defined]
    found = document(done.out)["result"]["findings"]
    return [(one["subject"], one["status"]) for one in found if one["check"] == "hosts.restart"]


def test_a_cluster_of_units(by_units: OnHosts, tmp_path: Path) -> None:
    """From `up` to `down --wipe`, which leaves no unit."""
    project, lab = by_units.project, by_units.lab
    by_units.init('shape = "cluster"', "shards = 3", "replicas = 0", service="")
    project.up()
    assert by_units.faults() == []
    for number, host in enumerate(lab.hosts.values(), start=1):
        (name,) = enabled(host)
        assert name == f"redistopo-demo-node{number}.service"
        (server,) = host.processes("redis-server", "valkey-server")
        with by_units.client((host.address, project.port)) as node:
            assert node.info()["process_id"] == main_pid(host, name)
        assert server.cwd() == f"/var/lib/redistopo/demo/nodes/node{number}"
    _accepted(units(lab["h1"]), tmp_path)
    assert _findings(project) == [("topology", "ok")]
    project.run("down", "--wipe", "--yes", check=0)
    assert by_units.servers() == []
    assert {name for host in lab.hosts.values() for name in (*units(host), *enabled(host))} == set()


@whole
def test_a_unit_of_another_owner_is_left_as_it_is(by_units: OnHosts) -> None:
    """And so is everything: what was started on other hosts is stopped again."""
    project, lab = by_units.project, by_units.lab
    by_units.init('shape = "cluster"', "shards = 3", "replicas = 0", service="")
    theirs = lab["h2"].path(f"{UNITS}/redistopo-demo-node2.service")
    theirs.write_text("[Service]\nExecStart=/bin/true\n")
    refused = project.run("up", check=4, seconds=300)
    assert "redistopo-demo-node2.service that isn't this topology's" in refused.err
    assert by_units.servers() == []
    assert enabled(lab["h1"]) | enabled(lab["h3"]) == set()
    project.run("down", "--wipe", "--yes", check=0)
    assert theirs.read_text() == "[Service]\nExecStart=/bin/true\n"
    assert units(lab["h1"]) == units(lab["h3"]) == {}


@whole
def test_a_unit_is_found_by_its_server_and_off_once_it_was_killed(by_units: OnHosts) -> None:
    """Also if the server works in another folder, and nothing on record leads to it."""
    project, lab = by_units.project, by_units.lab
    movable = ("[redis]", 'enable-protected-configs = "yes"')
    by_units.init('shape = "cluster"', "shards = 3", "replicas = 0", *movable, service="")
    project.up()
    lab["h3"].run("sh", "-c", "mkdir /tmp/other && rm /var/lib/redistopo/demo/nodes/*/process.json")
    with by_units.client((lab["h3"].address, project.port)) as node:
        node.config_set("appendonly", "no")
        node.config_set("dir", "/tmp/other")
        before = node.info()["process_id"]
    (project.root / ".redistopo/nodes/node3/process.json").unlink()
    assert main_pid(lab["h3"], "redistopo-demo-node3.service") == before
    project.run("kill", "node3", check=0)
    assert len(by_units.servers()) == 2
    assert enabled(lab["h3"]) == set()


@whole
def test_a_host_that_is_started_again_brings_its_nodes_back_by_itself(by_units: OnHosts) -> None:
    """Crashed, all of them, and started: the cluster serves without redistopo; what was stopped
    before stays stopped."""
    project, lab = by_units.project, by_units.lab
    by_units.init(*_CLUSTER, service="")
    project.up()
    with by_units.client(by_units.addresses()[0]) as node:
        ids = {line.split()[0] for line in node.execute_command("CLUSTER NODES")}
    project.run("stop", "node6", check=0)
    for host in lab.hosts.values():
        host.crash()
    lab.boot(*lab.hosts.values())
    for host in lab.hosts.values():
        start_enabled(host)
    until(lambda: len(by_units.addresses()) == 5, 30, what="five nodes are back")
    until(lambda: _state(by_units) == "ok", 30, what="the cluster serves")
    assert _findings(project) == [("topology", "ok")]
    project.run("status", check=0)
    project.up()
    assert by_units.faults() == []
    with by_units.client(by_units.addresses()[0]) as node:
        assert {line.split()[0] for line in node.execute_command("CLUSTER NODES")} == ids
    project.run("pause", "node1", check=0)
    project.run("resume", "node1", check=0)
    project.run("restart", "--rolling", check=0, seconds=300)
    project.run("drill", "failover", "--yes", check=0, seconds=300)
    assert by_units.faults() == []
    assert sum(len(enabled(host)) for host in lab.hosts.values()) == 6
    project.run("down", check=0)
    assert by_units.servers() == []
    assert {name for host in lab.hosts.values() for name in enabled(host)} == set()
    project.up()
    assert by_units.faults() == []


def _state(by_units: OnHosts) -> str:
    with by_units.client(by_units.addresses()[0]) as node:
        return str(node.execute_command("CLUSTER INFO")["cluster_state"])


@whole
def test_how_servers_are_kept_changes_at_their_next_start(by_units: OnHosts) -> None:
    project, lab = by_units.project, by_units.lab
    by_units.init(*_CLUSTER, service="process")
    project.up()
    assert {name for host in lab.hosts.values() for name in units(host)} == set()
    file = project.root / "redistopo.toml"
    file.write_text(file.read_text().replace('service = "process"\n', 'service = "systemd"\n'))
    project.run("restart", "--rolling", check=0, seconds=300)
    assert sum(len(enabled(host)) for host in lab.hosts.values()) == 6
    assert _findings(project, "--reach") == [("topology", "ok")]
    lab["h1"].run("/usr/local/sbin/systemctl", "disable", "redistopo-demo-node1.service")
    assert _findings(project, "--reach") == [("h1", "warn")]
    file.write_text(file.read_text().replace('service = "systemd"\n', 'service = "process"\n'))
    project.run("restart", "--rolling", check=0, seconds=300)
    assert {name for host in lab.hosts.values() for name in units(host)} == set()
    assert by_units.faults() == []


@whole
def test_a_replication_is_left_to_up(by_units: OnHosts) -> None:
    """A former primary must not come back as one."""
    project, lab = by_units.project, by_units.lab
    by_units.init('shape = "replication"', "replicas = 2", service="systemd")
    project.up()
    assert sum(len(units(host)) for host in lab.hosts.values()) == 3
    assert {name for host in lab.hosts.values() for name in enabled(host)} == set()
    assert _findings(project) == [("topology", "warn")]


@whole
def test_systemd_that_is_not_there_is_refused_before_anything_starts(over_hosts: OnHosts) -> None:
    over_hosts.init(*_CLUSTER, service="systemd")
    refused = over_hosts.project.run("up", check=4, seconds=300)
    assert "can't keep servers as units of systemd" in refused.err
    assert "its process 1 is " in refused.err
    assert over_hosts.servers() == []
