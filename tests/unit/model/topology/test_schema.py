"""The JSON schema, judged by somebody else's validator, says what the validation says."""

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from redistopo.model.topology.parse import parse_topology
from redistopo.model.topology.schema import schema
from redistopo.model.topology.spec import TOPOLOGY_KEYS, TOPOLOGY_TABLES

GOOD: dict[str, object] = {"format": 1, "shape": "cluster"}

ACCEPTED: list[dict[str, object]] = [
    GOOD,
    {"format": 1, "shape": "standalone"},
    {**GOOD, "name": "a.b-c_1", "host": "::1", "port": 1024, "shards": 1000, "replicas": 10},
    {**GOOD, "engine": "valkey 9", "formation": "instant", "node_timeout": 600_000},
    {**GOOD, "persistence": "rdb", "auth": False, "password_file": "", "templates": "mine"},
    {**GOOD, "redis": {"maxmemory": "1gb", "hz": 10, "save": ["900 1", "300 10"]}},
    {**GOOD, "redis": {"activerehashing": True, "active-defrag-threshold-lower": 1.5}},
    {**GOOD, "nodes": {"node1": {"hz": 10}, "node17": {}}},
]

REFUSED: list[dict[str, object]] = [
    {"shape": "cluster"},
    {"format": 1},
    {**GOOD, "format": 2},
    {**GOOD, "format": True},
    {**GOOD, "shape": "ring"},
    {**GOOD, "shape": "Cluster"},
    {**GOOD, "name": ""},
    {**GOOD, "name": "two words"},
    {**GOOD, "name": "x" * 64},
    {**GOOD, "host": "localhost"},
    {**GOOD, "port": 1023},
    {**GOOD, "port": 65536},
    {**GOOD, "port": "7000"},
    {**GOOD, "port": 7000.5},
    {**GOOD, "shards": 0},
    {**GOOD, "shards": -1},
    {**GOOD, "shards": 1001},
    {**GOOD, "replicas": -1},
    {**GOOD, "replicas": 11},
    {**GOOD, "engine": 7.2},
    {**GOOD, "formation": "slow"},
    {**GOOD, "node_timeout": 499},
    {**GOOD, "node_timeout": True},
    {**GOOD, "persistence": "disk"},
    {**GOOD, "auth": 1},
    {**GOOD, "password_file": False},
    {**GOOD, "templates": 3},
    {**GOOD, "shard": 3},
    {**GOOD, "redis": []},
    {**GOOD, "redis": {"maxmemory": {"a": 1}}},
    {**GOOD, "redis": {"save": [["900 1"]]}},
    {**GOOD, "redis": {"max memory": "1gb"}},
    {**GOOD, "redis": {"hz": "10\nport 1"}},
    {**GOOD, "engine": "/bin/redis\nserver"},
    {**GOOD, "nodes": []},
    {**GOOD, "nodes": {"node1": 3}},
]


@pytest.fixture(scope="module")
def validator() -> Draft202012Validator:
    return Draft202012Validator(schema())


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(schema())


@pytest.mark.parametrize("document", ACCEPTED)
def test_what_the_validation_accepts_the_schema_accepts(
    validator: Draft202012Validator, document: dict[str, object]
) -> None:
    assert parse_topology(document)[1] == ()
    assert validator.is_valid(document)


@pytest.mark.parametrize("document", REFUSED)
def test_what_the_validation_refuses_the_schema_refuses(
    validator: Draft202012Validator, document: dict[str, object]
) -> None:
    assert parse_topology(document)[0] is None
    assert not validator.is_valid(document)


@pytest.mark.parametrize("directive", ["port", "requirepass", "cluster-enabled", "dir"])
def test_the_schema_refuses_directives_of_ours(
    validator: Draft202012Validator, directive: str
) -> None:
    assert not validator.is_valid({**GOOD, "redis": {directive: "1"}})


def test_every_key_and_table_is_explained() -> None:
    properties = schema()["properties"]
    assert isinstance(properties, dict)
    assert properties.keys() == {key.name for key in TOPOLOGY_KEYS} | TOPOLOGY_TABLES.keys()
    assert all(one["description"] for one in properties.values())


def test_the_published_schema_is_this_one() -> None:
    published = Path(__file__).parents[4] / "docs" / "redistopo.schema.json"
    # mend it by: redistopo schema > docs/redistopo.schema.json
    assert published.read_text(encoding="utf-8") == json.dumps(schema(), indent=2) + "\n"
