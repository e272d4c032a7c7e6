"""`export ansible`: its playbooks run on three hosts without redistopo."""

import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from support.exported import exported
from support.forms import FULL
from support.on_hosts import OnHosts
from support.stand_in_for_systemd import enabled, start_enabled, units
from support.waiting import until

pytestmark = pytest.mark.skipif(not FULL, reason="in the whole form only: make test-hosts")


def _run(over_hosts: OnHosts, folder: Path, name: str) -> "subprocess.CompletedProcess[str]":
    """Ansible ran the playbook, without redistopo."""
    env = {
        **os.environ, **over_hosts.lab.env, "LC_ALL": "C.UTF-8",
        "ANSIBLE_SSH_CONTROL_PATH_DIR": str(over_hosts.lab.keys.folder),
    }  # fmt: skip
    return subprocess.run(
        [sys.executable, "-m", "ansible", "playbook", name],
        cwd=folder, env=env, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def _play(over_hosts: OnHosts, folder: Path, name: str) -> str:
    """The playbook succeeded; what it changed, host by host."""
    done = _run(over_hosts, folder, name)
    assert done.returncode == 0, done
    assert "WARNING" not in done.stdout + done.stderr
    assert over_hosts.project.password not in done.stdout + done.stderr
    return "".join(re.findall(r"changed=(\d)", done.stdout))


@pytest.mark.parametrize("shape", ["cluster", "sentinel"])
def test_its_playbooks_start_and_stop_the_topology(over_hosts: OnHosts, shape: str) -> None:
    clustered = shape == "cluster"
    sizes = ("shards = 3", "replicas = 1") if clustered else ("replicas = 2", "sentinels = 3")
    over_hosts.init(f'shape = "{shape}"', *sizes)
    folder = exported(over_hosts.project, "ansible")
    for path in folder.rglob("*"):
        open_to_others = stat.S_IMODE(path.stat().st_mode) & 0o077
        if path.is_file() and over_hosts.project.password in path.read_text():
            assert not open_to_others, path
    assert _play(over_hosts, folder, "up.yml") == "111"
    assert len(over_hosts.addresses()) == (6 if clustered else 3)
    assert len(over_hosts.sentinels()) == (0 if clustered else 3)
    assert over_hosts.faults(cluster=clustered) == []
    assert over_hosts.colocated() == []
    before = sorted(over_hosts.servers())
    assert _play(over_hosts, folder, "up.yml") == "000"
    assert sorted(over_hosts.servers()) == before
    assert _play(over_hosts, folder, "probe.yml") == "000"
    assert _play(over_hosts, folder, "down.yml") == "111"
    assert over_hosts.servers() == []
    assert _play(over_hosts, folder, "down.yml") == "000"


def test_its_units_start_with_their_hosts(by_units: OnHosts) -> None:
    """Where systemd runs, and without being asked for, as the units of redistopo itself."""
    hosts = by_units.lab.hosts.values()
    by_units.init('shape = "cluster"', "shards = 3", "replicas = 0", service="")
    folder = exported(by_units.project, "ansible")
    assert _play(by_units, folder, "up.yml") == "111"
    assert {name for host in hosts for name in enabled(host)} == {
        f"redistopo-demo-node{number}.service" for number in (1, 2, 3)
    }
    assert (
        '\nExecStart="/usr/bin/redis-server" /var/lib/redistopo'
        in units(by_units.lab["h1"]).popitem()[1]
    )
    for host in hosts:
        host.crash()
    by_units.lab.boot(*hosts)
    for host in hosts:
        start_enabled(host)
    until(lambda: by_units.faults() == [], 30, what="the cluster serves by itself")
    assert len(by_units.addresses()) == 3
    assert _play(by_units, folder, "up.yml") == "000"
    assert _play(by_units, folder, "down.yml") == "111"
    assert by_units.servers() == []
    assert {name for host in hosts for name in enabled(host)} == set()


def test_servers_with_certificates_reply_to_the_probe(over_hosts: OnHosts) -> None:
    """Of Redis's own client, which has the CA and the certificates that the playbook wrote."""
    over_hosts.init('shape = "cluster"', "shards = 3", "replicas = 0", "tls = true")
    folder = exported(over_hosts.project, "ansible")
    assert _play(over_hosts, folder, "up.yml") == "111"
    assert _play(over_hosts, folder, "probe.yml") == "000"
    assert _play(over_hosts, folder, "down.yml") == "111"


def test_a_folder_of_another_is_refused(over_hosts: OnHosts) -> None:
    over_hosts.init('shape = "replication"', "replicas = 1")
    folder = exported(over_hosts.project, "ansible")
    theirs = over_hosts.lab["h1"].path(f"/var/lib/redistopo/{over_hosts.name}/precious")
    theirs.parent.mkdir()
    theirs.write_text("1")
    done = _run(over_hosts, folder, "up.yml")
    assert done.returncode == 2, done
    assert f"{theirs.parent.name} has files that are not of this topology" in done.stdout, done
    assert theirs.read_text() == "1"
    assert over_hosts.servers() == []


@pytest.mark.skipif(not shutil.which("ansible-lint"), reason="ansible-lint isn't on this machine")
def test_ansible_lint_finds_nothing(over_hosts: OnHosts) -> None:
    over_hosts.init('shape = "cluster"', "shards = 3", "replicas = 1")
    folder = exported(over_hosts.project, "ansible")
    done = subprocess.run(
        ["ansible-lint", "--offline", "--profile", "production"],
        cwd=folder, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done
