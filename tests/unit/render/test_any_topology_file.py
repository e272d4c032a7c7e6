"""Any topology file: a plan and its files, or a UsageError; never another exception."""

import json
import math
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.forms import examples

from redistopo.errors import UsageError
from redistopo.model.planning.plan_nodes import make_plan
from redistopo.model.protocol.conf import read_conf
from redistopo.model.protocol.credentials import Credentials, Login
from redistopo.model.protocol.engine import Engine
from redistopo.model.topology.project_paths import Layout
from redistopo.model.topology.spec import TOPOLOGY_KEYS, Shape, Topology, shape_defaults
from redistopo.project.load import read_topology
from redistopo.render.conf import node_conf, sentinel_conf, users_acl
from redistopo.render.topology_file import topology_file

EXAMPLES = examples(2000)
"""Of each of the five kinds below: ten thousand in the whole form."""

LAYOUT = Layout(Path("/project"))

ODD = [
    *("", " ", "auto", "yes", "redis", "node1", "é漢", "\x00", "\x7f", "\u2028", "a\nb", '"', "'"),
    *("127.0.0.1", "::1", "0.0.0.0", "256.1.1.1", "/bin/x", "../..", "{{ 1/0 }}", "{% x %}", "#"),
    *("7.2", "valkey 9", "redis 99999999999999999999", "\\", "$(x)", "x" * 5000, "-", "=", "[x]"),
]  # fmt: skip
NUMBERS = [
    -(2**63),
    -1,
    0,
    1,
    2,
    3,
    10,
    11,
    500,
    1000,
    1001,
    1024,
    6379,
    55535,
    55536,
    65535,
    2**63,
]
VALUES = (
    st.sampled_from([*ODD, *NUMBERS, True, False, 1.5, math.inf, math.nan, date(2026, 1, 1)])
    | st.text(max_size=5)
    | st.lists(st.sampled_from([*ODD, 1, True, date(2026, 1, 1)]), max_size=3)
    | st.dictionaries(st.sampled_from(ODD), st.sampled_from([*ODD, 1]), max_size=2)
)
DIRECTIVES = [
    *("maxmemory", "save", "port", "bind", "requirepass", "appendonly", "slave-read-only", "user"),
    *("client-output-buffer-limit", "Loadmodule", "rename-command", "no such", "x.y", "-", "é", ""),
    *("cluster-enabled", "replica-announce-ip", "dir", "include", "tls-port", "REPLICAOF"),
]  # fmt: skip
NAMES = [
    *(key.name for key in TOPOLOGY_KEYS),
    "redis",
    "nodes",
    "ports",
    "Shape",
    "",
    "a.b",
    "é",
    "node1",
]


def _toml(value: object) -> str:
    """A value as TOML, also one that no topology file should hold."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_key(k)} = {_toml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, float):
        return str(value)
    if isinstance(value, date):
        return value.isoformat()
    return _quoted(value) if isinstance(value, str) else json.dumps(value)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _key(name: str) -> str:
    return _quoted(name)


def _document(table: dict[str, object]) -> str:
    return "".join(f"{_key(name)} = {_toml(value)}\n" for name, value in table.items())


def _base(shape: Shape, kept: int) -> dict[str, object]:
    """A valid file's keys; some are left out: those of the bits that aren't set."""
    usual = shape_defaults(shape).items()
    held = {name: value for bit, (name, value) in enumerate(usual) if kept >> bit & 1}
    return {"format": 1, "shape": shape.value, **held}


# made once, and one number says what is kept: making strategies and drawing costs most here
BASES = st.builds(_base, st.sampled_from(Shape), st.integers(0, 2 ** len(TOPOLOGY_KEYS) - 1))
CHANGED = st.lists(st.tuples(st.sampled_from(NAMES), VALUES), min_size=1, max_size=3)
SIZED = ("port", "shards", "replicas", "node_timeout", "sentinels", "quorum")
SIZES = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(SIZED, st.sampled_from(NUMBERS) | st.integers(-5, 70_000))
)
LINES = st.dictionaries(st.sampled_from(DIRECTIVES) | st.text(max_size=3), VALUES, max_size=3)
NODES = st.dictionaries(st.sampled_from(["node1", "node2", "x"]), LINES, max_size=2)


@st.composite
def changed_keys(draw: st.DrawFn) -> str:
    """One to three keys with any value, or new."""
    return _document({**draw(BASES), **dict(draw(CHANGED))})


@st.composite
def sizes(draw: st.DrawFn) -> str:
    """Whole numbers everywhere, also where limits meet."""
    return _document({**draw(BASES), **draw(SIZES)})


@st.composite
def directives(draw: st.DrawFn) -> str:
    """Any directives, for all nodes or for one."""
    return _document({**draw(BASES), "redis": draw(LINES), "nodes": draw(NODES)})


CUTS = st.lists(
    st.tuples(
        st.integers(0, 2**20),
        st.integers(0, 6),
        st.sampled_from([None, *ODD[:-2], "[", "]", "=", "\n", "[[", "9" * 30]),
    ),
    min_size=1,
    max_size=4,
)


@st.composite
def garbled(draw: st.DrawFn) -> str:
    """A valid file's text with pieces cut out, doubled or put in."""
    text = _document(draw(BASES))
    for place, length, new in draw(CUTS):
        first = place % (len(text) + 1)
        last = min(len(text), first + length)
        text = text[:first] + (text[first:last] * 2 if new is None else new) + text[last:]
    return text


KINDS: dict[str, st.SearchStrategy[str]] = {
    "changed keys": changed_keys(),
    "sizes": sizes(),
    "directives": directives(),
    "garbled": garbled(),
    "any text": st.text(max_size=60),
}


SECRET = 'pass "word\\'
KEYRING = Credentials(
    own=Login(user="admin", password="a"),
    application=Login(password=SECRET),
    replication=Login(user="replication", password="r"),
    sentinel=Login(user="sentinel", password="s"),
)


def _planned(topology: Topology, engine: Engine) -> None:
    """Its file says the same again; its first and last node get a configuration."""
    assert read_topology(topology_file(topology), "again") == topology
    plan = make_plan(topology, LAYOUT, engine, "asked for")
    assert len(plan.nodes) == topology.count
    for node in {plan.nodes[0].name: plan.nodes[0], plan.nodes[-1].name: plan.nodes[-1]}.values():
        watches = node in plan.sentinels
        conf = read_conf((sentinel_conf if watches else node_conf)(plan, node, KEYRING))
        # nothing that the file says can add a line of its own, or shadow one of ours
        assert conf["tls-port" if topology.tls else "port"] == (str(node.port),)
        assert conf["bind"] == (topology.host,)
        if topology.acl:
            assert conf["aclfile"] == (str(node.folder.users),)
            users = users_acl(plan, KEYRING, sentinel=watches)
            assert all(line.startswith("user ") for line in users.splitlines())
        else:
            assert conf.get("requirepass") == ("s" if watches else SECRET,)
        if watches:
            start = f"monitor {topology.name} {topology.host} {topology.port} "
            assert f"{start}{topology.quorum}" in conf["sentinel"]
        assert conf["dir"] == (str(node.folder.root),)
        assert ("cluster-enabled" in conf) is topology.clustered


def _refused(text: str, engine: Engine) -> UsageError | None:
    try:
        _planned(read_topology(text, "redistopo.toml"), engine)
    except UsageError as error:
        return error
    return None


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_is_a_plan_or_a_wrong_request(kind: str, engine: Callable[..., Engine]) -> None:
    read: list[bool] = []

    @settings(max_examples=EXAMPLES)
    @given(KINDS[kind])
    def any_file(text: str) -> None:
        refused = _refused(text, engine())
        assert refused is None or (refused.message and refused.hint)
        read.append(refused is None)

    any_file()
    # a strategy that never makes a valid file, or always, would prove little
    assert kind == "any text" or {True, False} <= set(read)
