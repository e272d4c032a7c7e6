"""`export compose`: accepted by a validator of the Compose specification, and consistent."""

import re
from ipaddress import IPv4Address, ip_address, ip_network
from typing import Any

import pytest
import yaml
from support.exported import rendered

from redistopo.errors import UsageError
from redistopo.export.compose import compose_files, compose_names
from redistopo.export.exported_file import ExportedFile
from redistopo.model.protocol.engine import Engine, Product, Version

_REDIS_6 = Engine(product=Product.REDIS, version=Version(6, 2, 14))
_VALKEY = Engine(product=Product.VALKEY, version=Version(8, 1, 8))

_CASES: dict[str, dict[str, Any]] = {
    "cluster": {"engine": _VALKEY, "name": "a.B_c-1"},
    "cluster-6.2": {"engine": _REDIS_6, "acl": True},
    "replication": {"shape": "replication", "acl": True, "nodes": {"node2": {"maxclients": 70000}}},
    "sentinel": {"shape": "sentinel"},
    "standalone": {"shape": "standalone"},
    "tls": {"tls": True, "acl": True, "announce_host": "shop.example"},
    "tls-sentinel": {"tls": True, "shape": "sentinel"},
}
_HOSTILE = "p ${HOME} $x %n \"q' \\ {{ 7*7 }} #: é"


def _composed(files: dict[str, ExportedFile]) -> dict[str, Any]:
    """compose.yaml with its variables' defaults, as Compose reads it."""
    text = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", files["compose.yaml"].text)
    found: dict[str, Any] = yaml.safe_load(text)
    return found


@pytest.mark.parametrize("name", _CASES)
def test_a_validator_of_the_specification_accepts_it(name: str) -> None:
    spec = pytest.importorskip("compose_spec", reason="no compose-spec for this platform")
    made = _composed(rendered(compose_files, **_CASES[name]))
    spec.PyCompose.from_yaml(yaml.safe_dump(made)).validate()
    made["services"]["node1"]["restrat"] = "no"
    with pytest.raises(ValueError, match="restrat"):
        spec.PyCompose.from_yaml(yaml.safe_dump(made)).validate()


@pytest.mark.parametrize("name", _CASES)
def test_what_it_refers_to_is_there(name: str) -> None:
    files = rendered(compose_files, **_CASES[name])
    made = _composed(files)
    for secret in made["secrets"].values():
        path = secret["file"].removeprefix("./")
        assert files[path].secret is (path != "tls/ca.crt")
    for service in made["services"].values():
        names = [one if isinstance(one, str) else one["source"] for one in service["secrets"]]
        assert set(names) <= set(made["secrets"])
        for volume in service.get("volumes", []):
            source = volume.partition(":")[0]
            assert source in made["volumes"] or files[source.removeprefix("./")]
        assert set(service.get("depends_on", ())) <= set(made["services"])
    data = [service["volumes"][0] for name, service in made["services"].items() if name != "form"]
    assert len(set(data)) == len(data)


@pytest.mark.parametrize("name", _CASES)
def test_a_hostile_password_is_only_in_files_for_their_owner(name: str) -> None:
    case = {**_CASES[name]}
    files = rendered(compose_files, **case, password=_HOSTILE)
    assert files["password"].text in {_HOSTILE, "admin-horse"}
    for one in files.values():
        assert ("7*7" in one.text and not one.secret) is False, one.path


def test_clients_outside_are_given_addresses_that_are_published() -> None:
    made = _composed(rendered(compose_files, **_CASES["cluster"]))
    for number in range(6):
        node = made["services"][f"node{number + 1}"]
        assert node["command"] == ["--cluster-announce-hostname", "127.0.0.1"]
        assert node["ports"] == [f"127.0.0.1:{7000 + number}:{7000 + number}"]
    conf = rendered(compose_files, **_CASES["cluster"])["nodes/node2/redis.conf"].text
    assert "\ncluster-preferred-endpoint-type hostname\n" in conf
    assert "\nport 7001\n" in conf


def _addresses(made: dict[str, Any]) -> list[IPv4Address]:
    return [
        ip_address(service["networks"]["default"]["ipv4_address"])
        for name, service in made["services"].items()
        if name != "form"
    ]


@pytest.mark.parametrize("shards", [3, 60])
def test_each_node_of_a_cluster_has_an_address_that_lasts(shards: int) -> None:
    """In the project's own network, and not among those that Docker assigns."""
    made = _composed(rendered(compose_files, shards=shards, replicas=1))
    (config,) = made["networks"]["default"]["ipam"]["config"]
    network, others = ip_network(config["subnet"]), ip_network(config["ip_range"])
    assert network.is_private
    assert others.subnet_of(network)
    found = _addresses(made)
    assert len({*found, ip_address(config["gateway"])}) == 2 * shards + 1
    for address in (*found, ip_address(config["gateway"])):
        assert address in network
        assert address not in others
    assert _addresses(_composed(rendered(compose_files, shards=shards, replicas=2)))[0] in found
    elsewhere = _composed(rendered(compose_files, name="other"))["networks"]["default"]
    assert elsewhere["ipam"]["config"][0]["subnet"] != config["subnet"]


@pytest.mark.parametrize("name", ["sentinel", "cluster-6.2", "replication", "standalone"])
def test_other_nodes_have_none(name: str) -> None:
    made = _composed(rendered(compose_files, **_CASES[name]))
    assert "networks" not in made
    assert not any("networks" in one for one in made["services"].values())


@pytest.mark.parametrize("name", ["sentinel", "cluster-6.2"])
def test_nodes_that_have_one_address_share_the_network_of_the_host(name: str) -> None:
    made = _composed(rendered(compose_files, **_CASES[name]))
    for service in made["services"].values():
        assert service["network_mode"] == "host"
        assert "ports" not in service


def test_the_image_is_the_official_one_of_the_engine() -> None:
    assert _composed(rendered(compose_files, engine=_VALKEY))["services"]["form"]["image"] == (
        "valkey/valkey:8.1.8"
    )
    assert _composed(rendered(compose_files, engine=_REDIS_6))["services"]["form"]["image"] == (
        "redis:6.2.14"
    )


def test_containers_without_a_password_are_refused() -> None:
    with pytest.raises(UsageError, match="export compose"):
        rendered(compose_files, auth=False)


def test_a_certificate_has_every_name_by_which_its_node_is_reached() -> None:
    """By other nodes, by its health check, by clients here and in containers, and by others."""
    made = rendered(compose_files, names=compose_names, **_CASES["tls"])
    named = made["nodes/node2/tls.pem"].text.strip().partition(": ")[2].split(", ")
    here = {"node2", "localhost", "127.0.0.1", "host.docker.internal", "shop.example"}
    assert set(named) == here
    service = _composed(made)["services"]["node2"]
    assert service["command"] == ["--cluster-announce-hostname", "shop.example"]
    assert [service["hostname"], service["healthcheck"]["test"][-1]] == ["node2", "127.0.0.1"]
    assert "--user admin --cacert tls/ca.crt --cert tls/client.pem\n" in made["README.md"].text
    private = {path for path, one in made.items() if one.secret}
    assert (
        {path for path, one in made.items() if "key" in one.text and "BEGIN" in one.text}
        == {"tls/client.pem"}
        <= private
    )
