"""Paths of a project that was moved while its servers ran."""

from pathlib import Path

import pytest

from redistopo.model.state.relocation import moved_from, relocated_directives, relocated_path
from redistopo.model.topology.project_paths import Layout

LAYOUT = Layout(Path("/new/place"))


@pytest.mark.parametrize(
    ("config", "former"),
    [
        ("/new/place/.redistopo/nodes/node1/redis.conf", ""),
        ("/old/.redistopo/nodes/node1/redis.conf", "/old"),
        ("/old/.redistopo/nodes/node2/redis.conf", ""),
        ("/etc/redis.conf", ""),
        ("", ""),
    ],
)
def test_where_a_node_was_started(config: str, former: str) -> None:
    assert moved_from(LAYOUT, "node1", config) == former


@pytest.mark.parametrize(
    ("value", "today"),
    [
        ("/old/.redistopo/nodes/node1/redis.log", "/new/place/.redistopo/nodes/node1/redis.log"),
        ("/older/redis.log", "/older/redis.log"),
        ("yes", "yes"),
    ],
)
def test_a_path_as_it_is_today(value: str, today: str) -> None:
    assert relocated_path(value, "/old", LAYOUT) == today
    assert relocated_path(value, "", LAYOUT) == value


def test_a_whole_configuration() -> None:
    conf = {"dir": ("/old/.redistopo/nodes/node1",), "port": ("7000",), "aclfile": ("/etc/acl",)}
    assert relocated_directives(conf, LAYOUT, "node1") == {
        **conf,
        "dir": ("/new/place/.redistopo/nodes/node1",),
    }
    assert relocated_directives({"port": ("7000",)}, LAYOUT, "node1") == {"port": ("7000",)}
