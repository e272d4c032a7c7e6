"""A topology over the machines of an Ansible inventory, which has a vault."""

import subprocess
import sys

import pytest
from hosts.lab import Lab
from support.forms import FULL
from support.on_hosts import OnHosts
from support.terminal import Terminal
from support.waiting import until

pytestmark = pytest.mark.skipif(not FULL, reason="in the whole form only: make test-hosts")
_PASSWORD = "open sesame"
_VARIABLE = "REDISTOPO_VAULT_PASSWORD"


def _write(over_hosts: OnHosts, lab: Lab) -> None:
    """An inventory in Ansible's INI format, whose user of SSH is in a vault."""
    root = over_hosts.project.root
    hosts = [f"{name} ansible_host={one.address}" for name, one in lab.hosts.items()]
    (root / "inventory.ini").write_text("\n".join(["[cache]", *hosts, ""]))
    (root / "group_vars").mkdir()
    values, secret = root / "group_vars" / "cache.yml", root / "vault-password"
    values.write_text("ansible_user: root\n")
    secret.write_text(_PASSWORD)
    words = ["vault", "encrypt", "--vault-password-file", str(secret), str(values)]
    subprocess.run([sys.executable, "-m", "ansible", *words], check=True, timeout=60)
    secret.unlink()


def test_a_vault_is_opened_for_every_command_that_needs_ansible(
    over_hosts: OnHosts, lab: Lab
) -> None:
    project = over_hosts.project
    project.env.update(lab.env)
    over_hosts.name = project.root.name
    _write(over_hosts, lab)
    words = ("--inventory", "inventory.ini", "--group", "cache", "--port", str(project.port))
    project.run("init", "replication", *words, check=0, seconds=60)
    refused = project.run("up", check=1, seconds=60)
    assert "Ansible can't read the inventory" in refused.err
    assert _VARIABLE in refused.err
    project.env[_VARIABLE] = _PASSWORD
    project.run("up", check=0, seconds=200)
    assert over_hosts.faults(cluster=False) == []
    project.env[_VARIABLE] = "open barley"
    before = over_hosts.servers()
    refused = project.run("kill", "node2", "--yes", check=1, seconds=60)
    assert _VARIABLE in refused.err
    assert over_hosts.servers() == before
    del project.env[_VARIABLE]
    terminal = Terminal(project, "kill", "node2", "--yes", columns=200)
    until(lambda: "Password of its vault:" in terminal.read(), 60, terminal.read)
    terminal.type(f"{_PASSWORD}\n")
    assert terminal.end() == 0, terminal.read()
    assert len(over_hosts.servers()) == 2
