"""The [hosts] table: machines, an inventory, pins; every problem with its key."""

from collections.abc import Mapping

import pytest
from jsonschema import Draft202012Validator

from redistopo.errors import UsageError
from redistopo.model.topology.hosts import Hosts, Machine
from redistopo.model.topology.parse import parse_topology, read_toml
from redistopo.model.topology.schema import schema
from redistopo.model.topology.spec import Topology
from redistopo.project.load import checked, read_topology
from redistopo.render.topology_edit import with_directive, with_numbers
from redistopo.render.topology_file import topology_file

GOOD: dict[str, object] = {"format": 1, "shape": "cluster"}
H1: dict[str, object] = {"address": "10.0.0.1"}
H2: dict[str, object] = {"address": "10.0.0.2"}


def _parsed(hosts: object, **keys: object) -> Topology:
    found, problems = parse_topology({**GOOD, "hosts": hosts, **keys})
    assert (problems, found is None) == ((), False)
    assert found is not None
    return found


def test_machines_are_read_in_the_order_of_the_file() -> None:
    more = {"address": "10.0.0.2", "zone": "b", "user": "ops", "port": 2222, "ssh": "h2.example"}
    found = _parsed({"h1": H1, "h2": more, "user": "root", "become": True, "base": "/srv/r"}).hosts
    assert found == Hosts(
        user="root",
        become=True,
        base="/srv/r",
        machines=(
            Machine(name="h1", address="10.0.0.1"),
            Machine(
                name="h2", address="10.0.0.2", zone="b", user="ops", port=2222, ssh="h2.example"
            ),
        ),
    )
    assert found.folder("shop") == "/srv/r"
    assert Hosts().folder("shop") == "/var/lib/redistopo/shop"


def test_a_pin_is_no_directive() -> None:
    nodes = {"node1": {"host": "h2", "hz": 20}, "node3": {"host": "h1"}}
    found = _parsed({"h1": H1, "h2": H2}, nodes=nodes)
    assert found.nodes == {"node1": {"hz": ("20",)}}
    assert found.hosts is not None
    assert found.hosts.pins == {"node1": "h2", "node3": "h1"}


def test_an_inventory_names_its_machines_later() -> None:
    found = _parsed({"inventory": "inventory.yml", "group": "cache"}).hosts
    assert found == Hosts(inventory="inventory.yml", group="cache")


# The document beside GOOD, and the one problem: key, part of the text.
BAD: list[tuple[dict[str, object], str, str]] = [
    ({"hosts": "h1"}, "hosts", "must be a table"),
    ({"hosts": {}}, "hosts", "names no machine"),
    ({"hosts": {"inventory": ""}}, "hosts", "names no machine"),
    ({"hosts": {"inventory": "i", "h1": H1}}, "hosts.inventory", "either in the inventory or"),
    ({"hosts": {"h1": H1, "group": "g"}}, "hosts.group", "without inventory"),
    ({"hosts": {"h1": H1, "usr": "x"}}, "hosts.usr", "did you mean user?"),
    ({"hosts": {"h1": H1, "h2": "10.0.0.2"}}, "hosts.h2", "write [hosts.h2] with address"),
    ({"hosts": {"h1": {**H1, "adress": "x"}}}, "hosts.h1.adress", "did you mean address?"),
    ({"hosts": {"h1": {}}}, "hosts.h1.address", "is missing"),
    ({"hosts": {"h1": {"address": 1}}}, "hosts.h1.address", "must be a string"),
    ({"hosts": {"h1": {"address": "h1.example"}}}, "hosts.h1.address", "one IP address"),
    ({"hosts": {"h1": {"address": "10.0.0.300"}}}, "hosts.h1.address", "one IP address"),
    ({"hosts": {"h1": {"address": "0.0.0.0"}}}, "hosts.h1.address", "must be one address"),
    ({"hosts": {"h1": {"address": "::0:1"}}}, "hosts.h1.address", "written as servers do"),
    ({"hosts": {"all": {"address": "10.0.0.1"}}}, "hosts.all", "not all or ungrouped"),
    ({"hosts": {"h1": {**H1, "port": 70000}}}, "hosts.h1.port", "must be 0 to 65535"),
    ({"hosts": {"h1": {**H1, "user": "a b"}}}, "hosts.h1.user", "must be a user name"),
    ({"hosts": {"h 1": H1}}, "hosts.h 1", "no machine's name"),
    ({"hosts": {"h1": H1, "become": "yes"}}, "hosts.become", "must be true or false"),
    ({"hosts": {"h1": H1, "base": "var/lib"}}, "hosts.base", "absolute path"),
    ({"hosts": {"h1": H1, "service": "sysvinit"}}, "hosts.service", "must be systemd or process"),
    ({"hosts": {"h1": H1, "engine": "apt:redis"}}, "hosts.engine", "absolute path"),
    ({"hosts": {"h1": H1, "package": "redis-server"}}, "hosts.package", "apt:redis-server"),
    ({"hosts": {"h1": H1, "package": "apt:redis-server-"}}, "hosts.package", "apt:redis-server"),
    ({"hosts": {"h1": H1, "package": "apt:-oX=1"}}, "hosts.package", "apt:redis-server"),
    (
        {"hosts": {"h1": H1, "package": "apt:redis-server"}, "engine": "valkey 8"},
        "hosts.package",
        "it has Redis, and engine is valkey 8",
    ),
    ({"hosts": {"h1": H1, "h2": H1}}, "hosts.h2.address", "as of h1"),
    ({"hosts": {"h1": H1, "h2": {"address": "fd00::1"}}}, "hosts.h2.address", "one family"),
    ({"hosts": {"h1": H1}, "auth": False}, "auth", "while h1 is 10.0.0.1"),
    ({"hosts": {"h1": H1}, "host": "127.0.0.1"}, "host", "together with [hosts]"),
    ({"hosts": {"h1": H1}, "announce_host": "10.0.0.9"}, "announce_host", "with [hosts]"),
    ({"hosts": {"h1": H1}, "nodes": {"node1": {"host": "h3"}}}, "nodes.node1.host", "one of h1"),
    ({"hosts": {"h1": H1}, "nodes": {"node1": {"host": 3}}}, "nodes.node1.host", "a string"),
    ({"hosts": {"h1": H1}, "nodes": {"node9": {"host": "h1"}}}, "nodes.node9", "not a node"),
    ({"nodes": {"node1": {"host": "h1"}}}, "nodes.node1.host", "without [hosts]"),
]


@pytest.mark.parametrize(("change", "key", "part"), BAD, ids=[f"{k}: {p}" for _, k, p in BAD])
def test_a_problem_names_its_key(change: Mapping[str, object], key: str, part: str) -> None:
    with pytest.raises(UsageError) as raised:
        checked({**GOOD, **change}, "redistopo.toml")
    lines = raised.value.detail.splitlines()
    assert len(lines) == 1, lines
    assert lines[0].startswith(f"{key}: ")
    assert part in lines[0]


def test_a_machine_that_is_there_twice_is_named() -> None:
    text = '[hosts.h1]\naddress = "10.0.0.1"\n[hosts.h1]\naddress = "10.0.0.2"\n'
    with pytest.raises(UsageError, match="not valid TOML") as raised:
        read_topology(f'format = 1\nshape = "cluster"\n{text}', "redistopo.toml")
    assert raised.value.detail.startswith("[hosts.h1] is there twice (at line 5")


def test_all_problems_are_reported_at_once() -> None:
    text = (
        'format = 1\nshape = "cluster"\nshards = 0\n[hosts]\nbecom = true\n[hosts.h1]\nport = "x"\n'
    )
    with pytest.raises(UsageError) as raised:
        read_topology(text, "redistopo.toml")
    keys = {line.partition(": ")[0] for line in raised.value.detail.splitlines()}
    assert keys == {"shards", "hosts.becom", "hosts.h1.port", "hosts.h1.address"}


@pytest.mark.parametrize(
    "hosts",
    [
        Hosts(machines=(Machine(name="h1", address="10.0.0.1"),)),
        Hosts(
            machines=(
                Machine(name="h1", address="fd00::1", zone='rack "1"', port=22, ssh="local"),
                Machine(name="H-2", address="fd00::2", user="ops"),
            ),
            user="root",
            become=True,
            base="/srv/x",
            service="process",
            engine="/usr/bin/redis-server",
            allow_colocated=True,
            pins={"node2": "H-2", "node3": "h1"},
        ),
        Hosts(inventory="inventory.yml", group="cache", engine="/usr/bin/redis-server"),
    ],
    ids=["one", "all keys", "inventory"],
)
def test_a_file_with_hosts_gives_the_same_topology_again(hosts: Hosts) -> None:
    topology = Topology(
        name="shop",
        shape=_parsed({"h1": H1}).shape,
        port=7000,
        shards=3,
        replicas=1,
        hosts=hosts,
        nodes={"node2": {"hz": ("20",)}},
    )
    text = topology_file(topology)
    document = read_toml(text, "")
    assert parse_topology(document) == (topology, ())
    assert Draft202012Validator(schema()).is_valid(document)
    again = parse_topology(read_toml(with_numbers(text, {"shards": 4}), ""))[0]
    assert again is not None
    assert (again.shards, again.hosts) == (4, hosts)
    edited = with_directive(text, ("nodes", "node2"), "hz", ("30",))
    changed = parse_topology(read_toml(edited, ""))[0]
    assert changed is not None
    assert (changed.nodes, changed.hosts) == ({"node2": {"hz": ("30",)}}, hosts)


@pytest.mark.parametrize(
    "change",
    [
        {"hosts": "h1"},
        {"hosts": {"h1": H1, "usr": "x"}},
        {"hosts": {"h1": {}}},
        {"hosts": {"h1": {**H1, "port": 70000}}},
        {"hosts": {"h1": H1, "base": "var/lib"}},
        {"hosts": {"h1": H1}, "nodes": {"sentinel1": {"hz": 3}}},
    ],
)
def test_the_schema_refuses_what_one_key_shows(change: Mapping[str, object]) -> None:
    assert not Draft202012Validator(schema()).is_valid({**GOOD, **change})
