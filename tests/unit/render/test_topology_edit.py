"""A directive changed in a topology file's text: comments and layout stay, whatever they are."""

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redistopo.errors import UsageError
from redistopo.model.topology.parse import parse_topology
from redistopo.render.topology_edit import with_directive
from redistopo.render.topology_file import topology_file

PLAIN = """\
format = 1
shape = "cluster" # the shape

# all nodes
[redis]
hz = 10   # often
save = [ # points
  "900 1", # one
]

# single nodes
[nodes.node1]
appendfsync = "no"
"""


def _changed(text: str, *edit: Any) -> list[str]:
    """The lines that went (-) and came (+)."""
    before, after = text.split("\n"), with_directive(text, *edit).split("\n")
    return [f"-{line}" for line in before if line not in after] + [
        f"+{line}" for line in after if line not in before
    ]


@pytest.mark.parametrize(
    ("place", "directive", "lines", "changed"),
    [
        (("redis",), "hz", ["20"], ["-hz = 10   # often", "+hz = 20   # often"]),
        (("redis",), "maxmemory", ["100mb"], ['+maxmemory = "100mb"']),
        (("redis",), "maxclients", ["10"], ["+maxclients = 10"]),
        (("redis",), "port-like", ["007"], ['+port-like = "007"']),
        (("nodes", "node1"), "hz", ["5"], ["+hz = 5"]),
        (("nodes", "node2"), "hz", ["5"], ["+[nodes.node2]", "+hz = 5"]),
        (
            ("nodes", "node1"),
            "appendfsync",
            ["always"],
            ['-appendfsync = "no"', '+appendfsync = "always"'],
        ),
    ],
)
def test_one_directive(
    place: tuple[str, ...], directive: str, lines: list[str], changed: list[str]
) -> None:
    assert _changed(PLAIN, place, directive, lines) == changed


def test_a_new_one_follows_the_last_of_its_table() -> None:
    text = with_directive(PLAIN, ("redis",), "maxmemory", ["1gb"])
    assert ']\nmaxmemory = "1gb"\n\n# single nodes\n' in text


@pytest.mark.parametrize(
    ("text", "changed"),
    [
        ("redis = {hz = 10}\n", "redis = {hz = 20}\n"),
        ("redis.hz = 10 # often\n", "redis.hz = 20 # often\n"),
        ("[redis]\nHZ = true\n", "[redis]\nHZ = 20\n"),
        ('[redis]\nhz = "10"', '[redis]\nhz = "20"'),
        ("[nodes.a]\nx=1\n[redis]\nhz=1\n[nodes.b]\nx=1", "[nodes.a]\nx=1\n[redis]\nhz=20\n"
         "[nodes.b]\nx=1"),
        ("a = 1\r\n[redis]\r\nhz = 1 # x\r\n", "a = 1\r\n[redis]\r\nhz = 20 # x\r\n"),
        ("a = 1\n", "a = 1\n\n[redis]\nhz = 20\n"),
    ],
)  # fmt: skip
def test_other_layouts(text: str, changed: str) -> None:
    assert with_directive(text, ("redis",), "hz", ["20"]) == changed


def test_older_names_of_it_are_the_same_directive() -> None:
    text = "[redis]\nslave-priority = 1 # old\nreplica-priority = 2\n"
    changed = with_directive(text, ("redis",), "replica-priority", ["3"])
    assert tomllib.loads(changed) == {"redis": {"slave-priority": 3}}
    assert "# old" in changed


def test_true_and_false_stay_such() -> None:
    assert "x = true" in with_directive("[redis]\nx = false", ("redis",), "x", ["yes"])


def test_tables_out_of_order() -> None:
    text = "[nodes.a]\nx = 1\n[redis]\nhz = 1\n[nodes.b]\nx = 1\n"
    changed = with_directive(text, ("nodes", "c"), "hz", ["2"])
    assert tomllib.loads(changed)["nodes"] == {"a": {"x": 1}, "b": {"x": 1}, "c": {"hz": 2}}


def test_what_is_not_sure_is_refused() -> None:
    with pytest.raises(UsageError, match="can't be edited reliably") as error:
        with_directive("nodes = {a = {x = 1}}\n", ("nodes", "b"), "hz", ["2"])
    assert error.value.hint == "set hz there by hand, then redistopo up"


_VALUES = st.text(st.characters(min_codepoint=32, exclude_characters="\x7f"), max_size=12)


@given(value=_VALUES, hz=st.none() | st.integers(1, 500))
def test_any_value_is_read_back(value: str, hz: int | None) -> None:
    made, _ = parse_topology({"format": 1, "shape": "cluster", "redis": {"hz": hz} if hz else {}})
    assert made is not None
    text = topology_file(made)
    for place in (("redis",), ("nodes", "node2")):
        text = with_directive(text, place, "maxmemory-policy", [value])
    read, problems = parse_topology(tomllib.loads(text))
    assert read is not None, problems
    assert read.redis["maxmemory-policy"] == read.nodes["node2"]["maxmemory-policy"] == (value,)
    assert read.redis.get("hz") == ((str(hz),) if hz else None)
