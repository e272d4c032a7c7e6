"""Machines of an inventory, read by the real Ansible."""

import subprocess
import sys
from pathlib import Path

import pytest
from support.forms import FULL, spread

from redistopo.errors import MissingPrerequisite, RedistopoError, UsageError, VaultLocked
from redistopo.host.fleet.read_inventory import machines_in, refuse_unchecked_keys
from redistopo.model.topology.hosts import Machine

INVENTORY = """
all:
  children:
    redis:
      hosts:
        h1: {ansible_host: 10.0.0.1, redistopo_zone: rack-1}
        10.0.0.2: {}
      children:
        late:
          hosts:
            h1: {}
            h3: {ansible_host: h3.example, redistopo_address: 10.0.0.3}
            here: {ansible_connection: local, redistopo_address: 127.0.0.2}
    unchecked:
      hosts:
        h8: {ansible_host: 10.0.0.8}
      vars: {ansible_ssh_args: -C -o StrictHostKeyChecking=accept-new}
    nameless:
      hosts:
        h9: {ansible_host: h9.example}
"""


def test_machines_have_an_address_a_zone_and_a_way_by_ssh(tmp_path: Path) -> None:
    """Once each, in however many groups they are."""
    path = tmp_path / "inventory.yml"
    path.write_text(INVENTORY)
    assert machines_in(path, "redis") == (
        Machine(name="h1", address="10.0.0.1", zone="rack-1"),
        Machine(name="10.0.0.2", address="10.0.0.2"),
        Machine(name="h3", address="10.0.0.3", ssh="h3.example"),
        Machine(name="here", address="127.0.0.2", ssh="local"),
    )


@pytest.mark.parametrize(
    ("variables", "checked"),
    [
        ({}, True),
        ({"ansible_ssh_args": "-o StrictHostKeyChecking=yes -C"}, True),
        ({"ansible_ssh_args": "-o 'StrictHostKeyChecking  = yes'"}, True),
        ({"ansible_ssh_args": '-o StrictHostKeyChecking="yes"'}, True),
        ({"ansible_ssh_args": "-ostricthostkeychecking=no"}, False),
        ({"ansible_ssh_args": "-o 'StrictHostKeyChecking off'"}, False),
        ({"ansible_ssh_args": "-o StrictHostKeyChecking=yesterday"}, False),
        # our own options come before what Ansible adds for this
        ({"ansible_host_key_checking": False}, True),
        ({"ansible_ssh_args": "-C", "ansible_host_key_checking": True}, True),
        ({"ansible_ssh_args": "-C", "ansible_host_key_checking": False}, False),
        ({"ansible_ssh_args": "-C", "ansible_ssh_host_key_checking": "No"}, False),
    ],
)
def test_host_keys_are_checked_or_the_inventory_is_refused(
    variables: dict[str, object], checked: bool
) -> None:
    if checked:
        refuse_unchecked_keys("h1", variables)
        return
    with pytest.raises(UsageError, match="connect to h1 without checking") as refused:
        refuse_unchecked_keys("h1", variables)
    assert next(iter(variables)) in refused.value.detail


@pytest.mark.parametrize(
    ("group", "says"),
    spread(
        [
            ("redi", "has no group redi with machines"),
            ("nameless", "has no address for h9"),
            ("unchecked", "connect to h8 without checking its host key"),
        ],
        2,
    ),
)
def test_a_group_without_machines_or_addresses_is_refused(
    tmp_path: Path, group: str, says: str
) -> None:
    path = tmp_path / "inventory.yml"
    path.write_text(INVENTORY)
    with pytest.raises(UsageError, match=says):
        machines_in(path, group)


@pytest.mark.skipif(not FULL, reason="Ansible starts slowly")
def test_an_empty_inventory_has_no_group(tmp_path: Path) -> None:
    path = tmp_path / "inventory.yml"
    path.write_text("all:\n  children:\n    redis:\n")
    with pytest.raises(UsageError, match="has no group redis with machines") as raised:
        machines_in(path, "redis")
    assert raised.value.detail == "its groups with machines: none"


@pytest.mark.skipif(not FULL, reason="Ansible starts slowly")
def test_an_inventory_with_a_vault_asks_for_its_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, secret = tmp_path / "inventory.yml", tmp_path / "vault-password"
    path.write_text(INVENTORY)
    secret.write_text("open sesame")
    (tmp_path / "group_vars").mkdir()
    values = tmp_path / "group_vars" / "all.yml"
    values.write_text("redistopo_zone: rack-7\n")
    words = ["vault", "encrypt", "--vault-password-file", str(secret), str(values)]
    subprocess.run([sys.executable, "-m", "ansible", *words], check=True, timeout=60)
    for name in ("ANSIBLE_VAULT_PASSWORD_FILE", "REDISTOPO_VAULT_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(RedistopoError, match="can't read the inventory") as raised:
        machines_in(path, "redis")
    assert isinstance(raised.value, VaultLocked)
    assert "ANSIBLE_VAULT_PASSWORD_FILE" in raised.value.hint
    monkeypatch.setenv("REDISTOPO_VAULT_PASSWORD", "open sesame")
    assert [one.zone for one in machines_in(path, "redis")][1:] == ["rack-7"] * 3
    monkeypatch.setenv("REDISTOPO_VAULT_PASSWORD", "open barley")
    with pytest.raises(VaultLocked):
        machines_in(path, "redis")


def test_without_ansible_the_command_that_installs_it_is_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ansible", None)
    with pytest.raises(MissingPrerequisite, match="which needs Ansible") as raised:
        machines_in(tmp_path / "inventory.yml", "redis")
    assert raised.value.hint == "pip install 'redistopo[hosts]'"
    assert sys.executable in raised.value.detail


def test_a_broken_inventory_is_refused_with_what_ansible_says(tmp_path: Path) -> None:
    path = tmp_path / "inventory.yml"
    path.write_text(INVENTORY + "  x: [")
    with pytest.raises(RedistopoError, match="can't read the inventory") as raised:
        machines_in(path, "redis")
    assert "inventory.yml" in raised.value.detail
    with pytest.raises(UsageError, match="there is no inventory"):
        machines_in(tmp_path / "other.yml", "redis")
