"""The topology file: every problem told, with its key and what to write instead."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redistopo.errors import ExitCode, UsageError
from redistopo.model.topology.check_key import TopologyProblem, shape_named
from redistopo.model.topology.parse import (
    parse_topology,
    read_toml,
    topology_file_error,
)
from redistopo.model.topology.spec import (
    TOPOLOGY_KEYS,
    TOPOLOGY_TABLES,
    Formation,
    Persistence,
    Shape,
)
from redistopo.model.topology.validate import validate

GOOD: dict[str, object] = {"format": 1, "shape": "cluster"}

# What the document has besides GOOD (None: has not), and the one problem: key, part of the text.
BAD: list[tuple[dict[str, object], str, str]] = [
    ({"format": None}, "format", "is missing"),
    ({"shape": None}, "shape", "is missing"),
    ({"format": 2}, "format", "this version reads format 1"),
    ({"format": 0}, "format", "this version reads format 1"),
    ({"format": "1"}, "format", "must be an integer"),
    ({"format": True}, "format", "must be an integer"),
    ({"format": 1.0}, "format", "must be an integer"),
    ({"shape": "ring"}, "shape", "must be one of cluster, replication, sentinel, standalone"),
    ({"shape": "Cluster"}, "shape", "did you mean cluster?"),
    ({"shape": "master-slave"}, "shape", "did you mean replication?"),
    ({"shape": 3}, "shape", "must be a string"),
    ({"shards": 0}, "shards", "is 0; must be 1 to 1000"),
    ({"shards": -1}, "shards", "is -1; must be 1 to 1000"),
    ({"shards": 1001}, "shards", "must be 1 to 1000"),
    ({"shards": True}, "shards", "is True; must be an integer"),
    ({"shards": "3"}, "shards", "must be an integer"),
    ({"replicas": -1}, "replicas", "must be 0 to 10"),
    ({"replicas": 11}, "replicas", "must be 0 to 10"),
    ({"port": 1023}, "port", "must be 1024 to 65535"),
    ({"port": 65536}, "port", "must be 1024 to 65535"),
    ({"port": 7000.0}, "port", "must be an integer"),
    ({"port": [7000]}, "port", "must be an integer"),
    ({"node_timeout": 499}, "node_timeout", "must be 500 to 600000"),
    ({"node_timeout": "5s"}, "node_timeout", "must be an integer"),
    ({"name": ""}, "name", "letters, digits"),
    ({"name": "-x"}, "name", "letters, digits"),
    ({"name": "two words"}, "name", "letters, digits"),
    ({"name": "x\n"}, "name", "letters, digits"),
    ({"name": "x" * 64}, "name", "at most 63"),
    ({"name": 7}, "name", "must be a string"),
    ({"host": "localhost"}, "host", "one IP address"),
    ({"host": "127.0.0.1 ::1"}, "host", "one IP address"),
    ({"engine": 7.2}, "engine", "must be a string"),
    ({"engine": "/bin/redis\nserver"}, "engine", "control character"),
    ({"formation": "instnat"}, "formation", "did you mean instant?"),
    ({"formation": "INSTANT"}, "formation", "did you mean instant?"),
    ({"persistence": "disk"}, "persistence", "must be one of aof, rdb, none"),
    ({"auth": "yes"}, "auth", "must be true or false"),
    ({"auth": 1}, "auth", "must be true or false"),
    ({"password_file": "secret\x00"}, "password_file", "control character"),
    ({"templates": False}, "templates", "must be a string"),
    ({"shard": 3}, "shard", "did you mean shards?"),
    ({"node-timeout": 900}, "node-timeout", "did you mean node_timeout?"),
    ({"maxmemory": "1gb"}, "maxmemory", "redis.conf directives belong in the [redis] table"),
    ({"redis": "maxmemory 1gb"}, "redis", "must be a table"),
    ({"redis": {"maxmemory": {"a": 1}}}, "redis.maxmemory", "a string, a number, true or false"),
    ({"redis": {"save": ["900 1", None]}}, "redis.save", "or an array of these"),
    ({"redis": {"save": [["900 1"]]}}, "redis.save", "or an array of these"),
    ({"redis": {"max memory": "1gb"}}, "redis.max memory", "letters, digits and '-'"),
    ({"redis": {"": "1gb"}}, "redis.", "letters, digits and '-'"),
    ({"redis": {"#hz": "10"}}, "redis.#hz", "letters, digits and '-'"),
    ({"redis": {"hz": "10\nport 1"}}, "redis.hz", "control character"),
    ({"redis": {"hz": ["10", "\r"]}}, "redis.hz", "control character"),
    ({"nodes": ["node1"]}, "nodes", "must be a table"),
    ({"nodes": {"node1": 3}}, "nodes.node1", "must be a table"),
    ({"nodes": {"node1": {"hz": None}}}, "nodes.node1.hz", "a string, a number"),
    ({"nodes": {"node1": {"hz": "1\n2"}}}, "nodes.node1.hz", "control character"),
]


def _document(changes: Mapping[str, object]) -> dict[str, object]:
    return {key: value for key, value in {**GOOD, **changes}.items() if value is not None}


@pytest.mark.parametrize(("changes", "key", "says"), BAD)
def test_a_bad_key_is_one_problem_that_names_it(
    changes: dict[str, object], key: str, says: str
) -> None:
    topology, problems = parse_topology(_document(changes))
    assert topology is None
    assert [problem.key for problem in problems] == [key]
    assert says in str(problems[0])


def test_all_problems_are_told_at_once() -> None:
    _, problems = parse_topology(
        {
            "format": 9,
            "prot": 7000,
            "shards": 0,
            "auth": "no",
            "redis": {"hz": "1\n2", "a b": "c"},
            "nodes": {"node1": 1, "node2": {"hz": {}}},
        }
    )
    assert sorted(problem.key for problem in problems) == [
        "auth",
        "format",
        "nodes.node1",
        "nodes.node2.hz",
        "prot",
        "redis.a b",
        "redis.hz",
        "shape",
        "shards",
    ]


@pytest.mark.parametrize(
    ("shape", "port", "shards", "replicas"),
    [("cluster", 7000, 3, 1), ("replication", 6379, 1, 2), ("standalone", 6379, 1, 0)],
)
def test_what_a_file_leaves_out_has_its_shapes_default(
    shape: str, port: int, shards: int, replicas: int
) -> None:
    topology, _ = parse_topology({"format": 1, "shape": shape})
    assert topology is not None
    assert (topology.port, topology.shards, topology.replicas) == (port, shards, replicas)


def test_what_a_file_says_goes_before_the_defaults() -> None:
    topology, _ = parse_topology(
        {
            **GOOD,
            "name": "shop",
            "host": "::1",
            "port": 8000,
            "shards": 5,
            "replicas": 0,
            "engine": "valkey 9",
            "formation": "instant",
            "node_timeout": 900,
            "persistence": "none",
            "auth": False,
            "password_file": "p",
            "templates": "t",
        }
    )
    assert topology is not None
    assert (topology.name, topology.shape, topology.host) == ("shop", Shape.CLUSTER, "::1")
    assert (topology.port, topology.shards, topology.replicas) == (8000, 5, 0)
    assert (topology.engine, topology.formation) == ("valkey 9", Formation.INSTANT)
    assert (topology.node_timeout, topology.persistence) == (900, Persistence.NONE)
    assert (topology.auth, topology.password_file, topology.templates) == (False, "p", "t")


@pytest.mark.parametrize(
    ("value", "lines"),
    [
        ("100mb", ("100mb",)),
        (10, ("10",)),
        (0.5, ("0.5",)),
        (True, ("yes",)),
        (False, ("no",)),
        ("", ("",)),
        (["900 1", "300 10"], ("900 1", "300 10")),
    ],
)
def test_a_directives_value_becomes_lines(value: object, lines: tuple[str, ...]) -> None:
    topology, _ = parse_topology({**GOOD, "redis": {"Some-Thing": value}})
    assert topology is not None
    assert topology.redis == {"some-thing": lines}


def test_a_directive_in_two_spellings_is_not_silently_halved() -> None:
    topology, problems = parse_topology({**GOOD, "redis": {"Save": "900 1", "save": "300 10"}})
    assert problems or (topology and topology.redis == {"save": ("900 1", "300 10")})


def test_a_directive_without_any_line_is_a_problem() -> None:
    _, problems = parse_topology({**GOOD, "redis": {"maxmemory": []}})
    assert [problem.key for problem in problems] == ["redis.maxmemory"]


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("cluster", Shape.CLUSTER),
        (" Cluster ", Shape.CLUSTER),
        ("master-slave", Shape.REPLICATION),
        ("single", Shape.STANDALONE),
        ("sentinel", Shape.SENTINEL),
        ("sentry", None),
        ("", None),
    ],
)
def test_a_shape_is_named_by_its_aliases_too(text: str, shape: Shape | None) -> None:
    assert shape_named(text) is shape


def test_a_refusal_tells_every_problem_and_what_to_type() -> None:
    problems = [
        TopologyProblem("port", "is 1", "must be 1024 to 65535"),
        TopologyProblem("shrads", "is unknown", "no", hint="did you mean shards?"),
    ]
    error = topology_file_error(problems, "redistopo.toml")
    assert error.message == "redistopo.toml has 2 problems"
    assert error.detail == (
        "port: is 1; must be 1024 to 65535\nshrads: is unknown; no (did you mean shards?)"
    )
    assert "redistopo schema" in error.hint
    assert error.code is ExitCode.USAGE


@pytest.mark.parametrize("text", ["format = ", "a", 'name = "x', "format = 1\nformat = 1", "[[["])
def test_a_text_that_is_no_toml_is_refused_with_its_place(text: str) -> None:
    with pytest.raises(UsageError, match="not valid TOML") as caught:
        read_toml(text, "redistopo.toml")
    assert "(at " in caught.value.detail


@pytest.mark.parametrize(
    "text", [f"port = {'9' * 5000}", "a = " + "[" * 5000], ids=["huge number", "deep array"]
)
def test_a_toml_text_beyond_the_readers_limits_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        read_toml(text, "redistopo.toml")


@given(st.data())
def test_any_document_is_a_topology_or_problems(
    json_like: st.SearchStrategy[object], data: st.DataObject
) -> None:
    names = st.sampled_from([*(key.name for key in TOPOLOGY_KEYS), *TOPOLOGY_TABLES]) | st.text()
    values = json_like | st.sampled_from([1, "cluster", "replication", 7000, True])
    _judged(data.draw(st.dictionaries(names, values, max_size=6)))


@given(st.data())
def test_any_tables_of_directives_are_a_topology_or_problems(
    json_like: st.SearchStrategy[object], data: st.DataObject
) -> None:
    tables = st.dictionaries(st.text(), json_like, max_size=4)
    nodes = st.dictionaries(st.sampled_from(["node1", "node7"]) | st.text(), tables, max_size=3)
    _judged({**GOOD, "redis": data.draw(tables), "nodes": data.draw(nodes)})


def _judged(document: Mapping[str, object]) -> None:
    topology, problems = parse_topology(document)
    assert (topology is None) == bool(problems)
    if topology is not None:
        assert all(str(problem) for problem in validate(topology))
