"""`init` and `plan` of a topology over several hosts, none of which is reached."""

import subprocess
import sys

import pytest
from support.forms import FULL
from support.project import Project
from support.terminal import Terminal
from support.waiting import until

THREE = "h1=127.0.0.2,h2=127.0.0.3,h3=127.0.0.4"
"""Addresses of this machine: without a login by SSH, a try ends at once."""


def test_init_writes_the_hosts_and_plan_shows_them_by_shards(project: Project) -> None:
    made = project.run("init", "cluster", "--hosts", THREE, "--tls", check=0)
    assert "cluster of 6 nodes, on 3 hosts, ports from 7000" in made.out
    text = (project.root / "redistopo.toml").read_text()
    assert "\nhost = " not in text
    planned = project.run("plan", check=0).out
    rows = [" ".join(line.split()) for line in planned.splitlines()]
    assert "1 node1 on h1 node4 on h2" in rows
    assert "h3 127.0.0.4 node3 (primary) node5 7000-7001, 17000-17001" in rows
    assert f"/var/lib/redistopo/{project.root.name}/nodes/<node> on each host" in planned
    assert not (project.root / ".redistopo").exists()


def test_too_few_hosts_are_refused_with_the_arithmetic(project: Project) -> None:
    two = "127.0.0.2,127.0.0.3"
    refused = project.run("init", "cluster", "--replicas", "2", "--hosts", two, check=2)
    assert "3 shards x 2 replicas need 3 hosts, 2 are there; nothing was changed" in refused.err
    assert not (project.root / "redistopo.toml").exists()
    words = ("init", "cluster", "--replicas", "2", "--hosts", two, "--allow-colocated")
    project.run(*words, check=0)
    planned = project.run("plan", check=0).out
    assert "h1 has 2 of 3 primaries: if it is lost, no replica is promoted" in planned


def test_an_inventory_is_named_from_the_folder_of_the_file(project: Project) -> None:
    path = project.root / "inventories" / "cache.yml"
    project.run("init", "sentinel", "--inventory", path, "--group", "cache", check=0)
    text = (project.root / "redistopo.toml").read_text()
    assert f'\ninventory = "{path}"\n' in text
    assert '\ngroup = "cache"\n' in text
    wrong = project.run("init", "sentinel", "--inventory", path, "--hosts", THREE, check=2)
    assert "either in the inventory or in tables" in wrong.err


def test_ports_on_other_hosts_are_not_reserved_here(project: Project) -> None:
    project.run("init", "cluster", "--hosts", THREE, "--port", "25100", check=0)
    other = project.root / "other"
    made = project.run("init", "cluster", "--port", "25100", "--dir", other, check=0)
    assert "reserved" not in made.err


@pytest.mark.skipif(not FULL, reason="Ansible starts slowly")
def test_the_password_of_a_vault_is_asked_for_on_a_terminal(project: Project) -> None:
    inventory, secret = project.root / "inventory.yml", project.root / "secret"
    machines = ", ".join(f"h{n}: {{ansible_host: 10.0.0.{n}}}" for n in (1, 2, 3))
    inventory.write_text(f"redis: {{hosts: {{{machines}}}}}\n")
    (project.root / "group_vars").mkdir()
    values = project.root / "group_vars" / "all.yml"
    values.write_text("redistopo_zone: rack-7\n")
    secret.write_text("open sesame\n")
    words = ("vault", "encrypt", "--vault-password-file", secret, values)
    subprocess.run([sys.executable, "-m", "ansible", *words], check=True, timeout=60)
    secret.unlink()
    project.run("init", "cluster", "--inventory", inventory, check=0)
    refused = project.run("plan", check=1)
    assert "REDISTOPO_VAULT_PASSWORD" in refused.err
    terminal = Terminal(project, "plan", columns=160)
    until(lambda: "Password of its vault" in terminal.read(), 60)
    terminal.type("open sesame\r")
    assert terminal.end() == 0
    assert "rack-7" in terminal.read()
    assert "open sesame" not in terminal.raw.decode()
