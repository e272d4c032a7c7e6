"""What the unit tests share: samples from real servers, plans, and Hypothesis's manner.

`samples/ENGINE/SHAPE/NODE.txt` holds what one node of a real topology answered: a line
``> COMMAND``, then its reply, and at the end the redis.conf that it was started with.
They were captured after `redistopo up` on each engine.
"""

import os
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from support.forms import FULL, spread
from support.scene import scene

from redistopo.model.planning.plan import Plan
from redistopo.model.planning.plan_nodes import make_plan
from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.protocol.engine import Engine, Product, Version
from redistopo.model.protocol.replies import parse_info, parse_nodes
from redistopo.model.state.observed import NodeSeen, Observed, ProcessState
from redistopo.model.topology.parse import parse_topology
from redistopo.model.topology.project_paths import Layout
from redistopo.model.topology.spec import Shape, Topology

# The same examples in each run, so that a build never fails by chance. To look for new
# ones: REDISTOPO_EXPLORE=1 pytest tests/unit
settings.register_profile(
    "unit",
    deadline=None,
    derandomize=True,
    max_examples=100 if FULL else 40,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    "explore",
    parent=settings.get_profile("unit"),
    derandomize=False,
    max_examples=5000,
    print_blob=True,
)
settings.load_profile("explore" if os.environ.get("REDISTOPO_EXPLORE") else "unit")

__all__ = ["scene"]

SAMPLES = Path(__file__).parent / "samples"
ENGINES = sorted(folder.name for folder in SAMPLES.iterdir())

Replies = Mapping[str, str]
"""Command -> what the server answered, as it answered; also redis.conf -> that file."""


@pytest.fixture(scope="session", params=spread(ENGINES, 3))
def engine_name(request: pytest.FixtureRequest) -> str:
    """Each engine that samples were captured from, as redis-7.0."""
    return str(request.param)


@pytest.fixture(scope="session")
def sample() -> Callable[[str, str], Mapping[str, Replies]]:
    """The replies of a captured topology: (engine, shape) -> node -> command -> reply."""
    return _sample


@cache
def _sample(engine: str, shape: str) -> Mapping[str, Replies]:
    files = sorted((SAMPLES / engine / shape).glob("node*.txt"))
    return {file.stem: _replies(file.read_text(encoding="utf-8")) for file in files}


def _replies(text: str) -> Replies:
    found: dict[str, str] = {}
    for part in text.removeprefix("> ").split("\n> "):
        command, _, reply = part.partition("\n")
        reply = reply.rstrip("\n") + "\n"
        # servers end the lines of INFO and CLUSTER INFO with CR LF; git shouldn't hold that
        found[command] = reply.replace("\n", "\r\n") if command.endswith("INFO") else reply
    return found


@pytest.fixture(scope="session")
def observed() -> Callable[[str, str], Observed]:
    """A captured topology as it would be observed in full: (engine, shape) -> snapshot."""
    return _observed


@cache
def _observed(engine: str, shape: str) -> Observed:
    nodes = tuple(_node(name, replies) for name, replies in _sample(engine, shape).items())
    return Observed(shape=Shape(shape), nodes=nodes)


def _node(name: str, replies: Replies) -> NodeSeen:
    info = parse_info(replies["INFO"])
    lines = (line.partition(" ") for line in replies["CONFIG GET *"].splitlines())
    return NodeSeen(
        name=name,
        endpoint=Endpoint("127.0.0.1", int(info["tcp_port"])),
        process=ProcessState.RUNNING,
        pid=int(info["process_id"]),
        info=info,
        cluster=parse_info(replies.get("CLUSTER INFO", "")),
        members=parse_nodes(replies["CLUSTER NODES"]) if "CLUSTER NODES" in replies else (),
        config={directive: value for directive, _, value in lines},
        anonymous="NOAUTH Authentication required.",
        listening=("127.0.0.1",),
    )


@pytest.fixture(scope="session")
def topology() -> Callable[..., Topology]:
    """A valid topology from the keys that matter: topology(shape="cluster", shards=5)."""
    return _topology


def _topology(shape: str = "cluster", **keys: object) -> Topology:
    made, problems = parse_topology({"format": 1, "shape": shape, **keys})
    assert made is not None, problems
    return made


@pytest.fixture(scope="session")
def engine() -> Callable[..., Engine]:
    """An engine by product and version: engine("redis", 7, 0); with a CLI unless told."""
    return _engine


def _engine(product: str = "redis", *numbers: int, cli: str = "/bin/redis-cli") -> Engine:
    return Engine(
        product=Product(product),
        version=Version(*(numbers or (7, 0, 15))),
        path=f"/bin/{product}-server",
        cli=cli,
    )


@pytest.fixture(scope="session")
def plan() -> Callable[..., Plan]:
    """A plan from the keys that matter, in /project: plan(shape="cluster", shards=5)."""

    def made(shape: str = "cluster", *, on: Engine | None = None, **keys: object) -> Plan:
        layout = Layout(Path("/project"))
        return make_plan(_topology(shape, **keys), layout, on or _engine(), "asked for")

    return made


@pytest.fixture(scope="session")
def json_like() -> st.SearchStrategy[object]:
    """Any value that a TOML or JSON document may hold."""
    return st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.dates(),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
        max_leaves=8,
    )
