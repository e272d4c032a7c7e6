"""Machines of an inventory, read by the real Ansible."""

from pathlib import Path

import pytest
from support.forms import spread

from redistopo.errors import RedistopoError, UsageError
from redistopo.host.fleet.read_inventory import machines_in
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
            h3: {ansible_host: h3.example, redistopo_address: 10.0.0.3}
            here: {ansible_connection: local, redistopo_address: 127.0.0.2}
    nameless:
      hosts:
        h9: {ansible_host: h9.example}
"""


def test_machines_have_an_address_a_zone_and_a_way_by_ssh(tmp_path: Path) -> None:
    path = tmp_path / "inventory.yml"
    path.write_text(INVENTORY)
    assert machines_in(path, "redis") == (
        Machine(name="h1", address="10.0.0.1", zone="rack-1"),
        Machine(name="10.0.0.2", address="10.0.0.2"),
        Machine(name="h3", address="10.0.0.3", ssh="h3.example"),
        Machine(name="here", address="127.0.0.2", ssh="local"),
    )


@pytest.mark.parametrize(
    ("group", "says"),
    spread(
        [
            ("redi", "has no group redi with machines"),
            ("nameless", "has no address for h9"),
        ],
        1,
    ),
)
def test_a_group_without_machines_or_addresses_is_refused(
    tmp_path: Path, group: str, says: str
) -> None:
    path = tmp_path / "inventory.yml"
    path.write_text(INVENTORY)
    with pytest.raises(UsageError, match=says):
        machines_in(path, group)


def test_a_broken_inventory_is_refused_with_what_ansible_says(tmp_path: Path) -> None:
    path = tmp_path / "inventory.yml"
    path.write_text(INVENTORY + "  x: [")
    with pytest.raises(RedistopoError, match="can't read the inventory") as raised:
        machines_in(path, "redis")
    assert "inventory.yml" in raised.value.detail
    with pytest.raises(UsageError, match="there is no inventory"):
        machines_in(tmp_path / "other.yml", "redis")
