"""How machines keep servers: what is chosen, and which nodes start with their machine."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from redistopo.errors import MissingPrerequisite
from redistopo.host.fleet.fleet import Fleet
from redistopo.host.fleet.fleet_file import FleetFile, Place, load_fleet_file, save_fleet_file
from redistopo.host.fleet.units import choose_service, kept_by, unit_of, units_on
from redistopo.model.topology.boot_start import held_back, unit_name
from redistopo.model.topology.hosts import Hosts, Machine, Service
from redistopo.model.topology.project_paths import Layout

_HOSTS = Hosts(
    machines=(
        Machine(name="h1", address="10.0.0.1"),
        Machine(name="h2", address="127.0.0.2", ssh="local"),
    )
)
_SYSTEMD: dict[str, Any] = {"systemd": 252, "init": "systemd", "uid": 0}


@pytest.mark.parametrize(
    ("wanted", "machine", "recorded", "facts", "chosen"),
    [
        ("", "h1", "", {}, "systemd"),
        ("", "h1", "systemd", {}, "systemd"),
        ("", "h1", "process", {}, "process"),
        ("", "h1", "", {"systemd": 0, "init": "sh"}, "process"),
        ("", "h1", "systemd", {"systemd": 0, "init": "sh"}, "process"),
        ("", "h1", "", {"systemd": 239}, "process"),
        ("", "h1", "", {"uid": 1000}, "process"),
        ("", "h2", "", {}, "process"),
        ("systemd", "h2", "", {}, "systemd"),
        ("systemd", "h1", "process", {}, "systemd"),
        ("process", "h1", "systemd", {}, "process"),
        ("process", "h1", "", {"systemd": 0}, "process"),
    ],
)
def test_how_a_machine_keeps_servers(
    wanted: str, machine: str, recorded: str, facts: dict[str, Any], chosen: str
) -> None:
    hosts = replace(_HOSTS, service=wanted)
    assert choose_service(hosts, machine, recorded, {**_SYSTEMD, **facts}) == chosen


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ({"systemd": 0, "init": "sh"}, "its process 1 is sh, and no systemd"),
        ({"systemd": 239}, "systemd 239 is older than 240"),
        ({"uid": 1000}, "units take root, and this is user 1000"),
    ],
)
def test_systemd_that_is_asked_for_and_impossible_is_refused(
    facts: dict[str, Any], why: str
) -> None:
    with pytest.raises(MissingPrerequisite) as raised:
        choose_service(replace(_HOSTS, service="systemd"), "h1", "", {**_SYSTEMD, **facts})
    assert raised.value.message == "host h1 (10.0.0.1) can't keep servers as units of systemd"
    assert raised.value.detail == why
    assert "become = true" in raised.value.hint
    assert 'service = "process"' in raised.value.hint


def test_the_record_says_how_each_machine_keeps_servers(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    layout.state.mkdir()
    file = FleetFile(id="1", base="/b", hosts=_HOSTS, services={"h1": Service.SYSTEMD})
    save_fleet_file(layout, file)
    assert load_fleet_file(layout) == file
    assert kept_by(file, "h1") is Service.SYSTEMD
    assert kept_by(file, "h2") is Service.PROCESS, "of an older record"
    explicit = replace(file, hosts=replace(_HOSTS, service="process"))
    assert kept_by(explicit, "h1") is Service.PROCESS


@pytest.mark.parametrize(
    ("base", "name"),
    [
        ("/var/lib/redistopo/shop", "redistopo-shop-node1.service"),
        ("/srv/a b%c\\d", "redistopo-a_b_c_d-node1.service"),
    ],
)
def test_the_name_of_a_unit_is_from_the_folder(base: str, name: str) -> None:
    assert unit_name(base, "node1") == name


def test_only_machines_with_systemd_have_units(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    conf = layout.node("node1").config
    conf.parent.mkdir(parents=True)
    conf.write_text("cluster-enabled yes\nappendonly yes\n")
    places = {
        name: Place(machine=machine, host="10.0.0.1", ports=(7000,))
        for name, machine in (("node1", "h1"), ("node2", "h2"))
    }
    services = {"h1": "systemd", "h2": "process"}
    file = FleetFile(id="77", base="/srv/shop", hosts=_HOSTS, places=places, services=services)
    fleet = Fleet(layout, file)
    fleet.unit_text = lambda node, folder: f"{node} in {folder}"
    assert unit_of(fleet, layout, "node1") == {
        "name": "redistopo-shop-node1.service",
        "id": "77",
        "text": "node1 in /srv/shop/nodes/node1",
        "boot": True,
    }
    assert unit_of(fleet, layout, "node2")["text"] == ""
    names = {"node1": "redistopo-shop-node1.service"}
    assert units_on(fleet, "h1") == {"units": {"id": "77", "names": names}}
    assert units_on(fleet, "h2") == {}


_CLUSTER, _LOG, _SNAPSHOT = (
    {"cluster-enabled": ("yes",)},
    {"appendonly": ("yes",)},
    {"save": ("60 1",)},
)
_EMPTY = {"appendonly": ("no",), "save": ("",)}


@pytest.mark.parametrize(
    ("conf", "data_nodes", "watched", "why"),
    [
        (_CLUSTER | _LOG, 6, False, ""),
        (_CLUSTER | _SNAPSHOT, 6, False, ""),
        (_CLUSTER | _EMPTY, 6, False, "keeps no data"),
        (_LOG, 3, True, ""),
        (_EMPTY, 3, True, "keeps no data"),
        (_LOG, 3, False, "which node is primary"),
        (_EMPTY, 1, False, ""),
        ({"sentinel": ("monitor",)}, 3, True, ""),
    ],
)
def test_a_node_is_held_back_where_it_could_come_back_wrong(
    conf: dict[str, tuple[str, ...]], data_nodes: int, watched: bool, why: str
) -> None:
    found = held_back(conf, data_nodes=data_nodes, watched=watched)
    assert why in found
    assert bool(found) is bool(why)
