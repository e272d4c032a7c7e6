"""What redistopo knows of machines without asking them."""

from dataclasses import replace
from pathlib import Path

import pytest

from redistopo.errors import ExitCode, MissingPrerequisite, UsageError
from redistopo.host.fleet.encoding import decode, encode
from redistopo.host.fleet.fleet import Fleet
from redistopo.host.fleet.fleet_file import (
    FleetFile,
    Place,
    load_fleet_file,
    new_fleet_file,
    save_fleet_file,
)
from redistopo.host.fleet.host_results import HostResults, result_of
from redistopo.host.fleet.refusals import refusal
from redistopo.host.fleet.run_ansible import inventory_of
from redistopo.model.topology.hosts import Hosts, Machine
from redistopo.model.topology.project_paths import Layout
from redistopo.project.load import load_project

_HOSTS = Hosts(
    user="ops",
    machines=(
        Machine(name="h1", address="10.0.0.1"),
        Machine(name="h2", address="10.0.0.2", ssh="bastion-h2", port=2222, user="root"),
        Machine(name="h3", address="127.0.0.1", ssh="local"),
    ),
)


def test_the_inventory_has_what_the_file_says_of_each_machine() -> None:
    found = inventory_of(_HOSTS)["all"]["hosts"]
    assert found["h1"]["ansible_host"] == "10.0.0.1"
    assert found["h1"]["ansible_user"] == "ops"
    assert "ansible_port" not in found["h1"]
    assert (found["h2"]["ansible_host"], found["h2"]["ansible_port"]) == ("bastion-h2", 2222)
    assert found["h2"]["ansible_user"] == "root"
    assert found["h3"]["ansible_connection"] == "local"


def test_paths_below_nodes_with_a_place_are_on_its_machine(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    places = {"node1": Place(machine="h1", host="10.0.0.1", ports=(7000,))}
    file = FleetFile(id="1", base="/srv/x", hosts=_HOSTS, places=places)
    fleet = Fleet(layout, file)
    assert fleet.located(layout.node("node1").config) == ("node1", "redis.conf")
    assert fleet.located(layout.node("node1").root) == ("node1", "")
    assert fleet.located(layout.node("node2").config) is None
    assert fleet.located(layout.record) is None
    assert fleet.remote("node1", "redis.conf") == "/srv/x/nodes/node1/redis.conf"
    assert fleet.there(layout.tls.ca) == "/srv/x/tls/ca.crt"


def test_the_file_of_machines_is_read_as_written(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    assert load_fleet_file(layout) is None
    file = new_fleet_file(_HOSTS, "demo")
    assert file.base == "/var/lib/redistopo/demo"
    layout.state.mkdir()
    save_fleet_file(layout, file)
    assert load_fleet_file(layout) == file
    assert layout.hosts.stat().st_mode & 0o777 == 0o600
    layout.hosts.write_text("{}")
    assert load_fleet_file(layout) is None


def test_machines_of_an_inventory_with_one_address_are_refused_with_its_name(
    tmp_path: Path,
) -> None:
    layout, inventory = Layout(tmp_path), tmp_path / "inventory.yml"
    text = 'format = 1\nshape = "cluster"\n[hosts]\ninventory = "inventory.yml"\n'
    layout.topology.write_text(text)
    inventory.write_text("")
    both = tuple(Machine(name=name, address="10.0.0.1") for name in ("h1", "h2"))
    layout.state.mkdir()
    known = Hosts(inventory=str(inventory), machines=both)
    save_fleet_file(layout, new_fleet_file(known, "demo"))  # later than the inventory
    with pytest.raises(UsageError, match=f"with the machines of {inventory}, has 1 problem") as one:
        load_project(tmp_path)
    assert "hosts.h2.address: is 10.0.0.1, as of h1" in one.value.detail


@pytest.mark.parametrize(
    ("result", "message", "hint"),
    [
        (
            {"refused": "unreachable", "why": "Connection refused"},
            "host h1 (10.0.0.1) can't be reached by SSH",
            "the same connection: ssh ops@10.0.0.1",
        ),
        (
            {"refused": "unreachable", "why": "Host key verification failed."},
            "host h1 (10.0.0.1) can't be reached by SSH",
            "correct known_hosts (ssh-keygen -R 10.0.0.1, then ssh ops@10.0.0.1)",
        ),
        (
            {"refused": "failed", "why": "/bin/sh: 1: /usr/bin/python3: not found"},
            "host h1 (10.0.0.1) has no Python",
            "Python 3.8",
        ),
        (
            {"refused": "failed", "why": "sudo: a password is required"},
            "host h1 (10.0.0.1) doesn't allow sudo without a password",
            "become = false",
        ),
        (
            {"refused": "marker", "base": "/b", "found": "77"},
            "/b on host h1 (10.0.0.1) belongs to another topology",
            "another base",
        ),
        (
            {"refused": "locked", "who": "alice@ctl", "path": "/b/.lock"},
            "host h1 (10.0.0.1) is being changed by another controller",
            "60 s",
        ),
        (
            {"refused": "file", "errno": 13, "why": "Permission denied", "path": "/b"},
            "can't write /b on host h1 (10.0.0.1)",
            "become = true",
        ),
        (
            {"refused": "file", "errno": 28, "why": "No space left on device", "path": "/b"},
            "can't write /b on host h1 (10.0.0.1)",
            "free some space",
        ),
        (
            {"refused": "systemd", "why": "systemd isn't its process 1"},
            "host h1 (10.0.0.1) can't keep servers as units of systemd",
            'service = "process"',
        ),
        (
            {"refused": "unit", "path": "/etc/systemd/system/redistopo-b-node1.service"},
            "host h1 (10.0.0.1) has a unit /etc/systemd/system/redistopo-b-node1.service",
            "another base",
        ),
        (
            {"refused": "unit_start", "unit": "redistopo-b-node1.service", "why": "timeout"},
            "systemd doesn't start redistopo-b-node1.service on host h1 (10.0.0.1)",
            "systemctl status redistopo-b-node1.service",
        ),
        (
            {"refused": "engine", "program": "/x/redis-server", "why": "No such file"},
            "can't run /x/redis-server on host h1 (10.0.0.1)",
            "install it there",
        ),
    ],
)
def test_a_refusal_says_where_why_and_what_to_do(
    result: dict[str, object], message: str, hint: str
) -> None:
    found = refusal(_HOSTS, "h1", result)
    assert found.message.startswith(message)
    assert hint in found.hint
    assert found.code in (ExitCode.FAILED, ExitCode.LACKING)


@pytest.mark.parametrize(
    ("inventory", "connect"),
    [("", "ssh -p 2222 root@bastion-h2"), ("/i.yml", "ansible -i /i.yml h2 -m ping")],
)
def test_the_command_for_a_connection_can_be_typed(inventory: str, connect: str) -> None:
    result = {"refused": "unreachable", "why": "Host key verification failed."}
    found = refusal(replace(_HOSTS, inventory=inventory), "h2", result)
    assert f"(ssh-keygen -R '[bastion-h2]:2222', then {connect})" in found.hint


@pytest.mark.parametrize(
    "preamble",
    [
        "",
        "Failed to connect to the host via ssh: ",
        'Data could not be sent to remote host "h1". Make sure this host can be reached over ssh: ',
    ],
)
def test_what_ssh_printed_is_shown_without_what_ansible_adds(preamble: str) -> None:
    said = "ssh: connect to host h1 port 22: Connection refused"
    found = result_of({"event": "unreachable", "text": f"{preamble}{said}\r\n"})
    assert found.unreachable == said


def test_what_was_done_on_other_machines_is_known_if_it_fails_on_one(tmp_path: Path) -> None:
    """Otherwise what was started there could not be stopped again."""
    places = {
        f"node{n}": Place(machine=f"h{n}", host=f"10.0.0.{n}", ports=(7000,)) for n in (1, 2, 3)
    }
    fleet = Fleet(Layout(tmp_path), FleetFile(id="1", base="/b", hosts=_HOSTS, places=places))
    refused = {"refused": "engine", "program": "/x", "why": "gone"}
    results = {"h1": {}, "h2": refused, "h3": {}}
    fleet.run = lambda _hosts, ops, _required: {  # type: ignore[method-assign]
        name: HostResults(results=(results[name],)) for name in ops
    }
    done: list[str] = []
    for name in places:
        fleet.queue(name, {"op": "start"}, lambda _result, name=name: done.append(name))
    with pytest.raises(MissingPrerequisite, match="can't run /x on host h2"):
        fleet.flush()
    assert done == ["node1", "node3"]


def test_operations_survive_the_template_engine() -> None:
    ops = [{"op": "write", "text": "{{ lookup('pipe', 'id') }} {% raw %} é \udcff"}]
    assert "{" not in encode(ops)
    assert decode(encode(ops)) == ops
