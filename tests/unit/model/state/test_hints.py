"""What is told to be typed: by redistopo where it started the node, else without it."""

from collections.abc import Callable

import pytest

from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.state import hints as remedies
from redistopo.model.state.observed import NodeSeen, ProcessState

OURS = NodeSeen(
    name="node2",
    endpoint=Endpoint("127.0.0.1", 7002),
    process=ProcessState.RUNNING,
    pid=5,
    paused=True,
)
FOREIGN = NodeSeen(name="10.0.0.7:7002", endpoint=Endpoint("10.0.0.7", 7002))


@pytest.mark.parametrize(
    ("remedy", "ours", "foreign"),
    [
        (remedies.restart_command, "redistopo up", "start it the way it was started before"),
        (
            remedies.command_prefix,
            "redistopo call --node node2",
            "redis-cli -h 10.0.0.7 -p 7002",
        ),
        (remedies.continue_command, "redistopo resume node2", "kill -CONT PID"),
        (
            lambda node: remedies.cli_prefix(node, acl=False),
            "redistopo cli node2 --",
            "redis-cli",
        ),
        (
            lambda node: remedies.cli_prefix(node, acl=True),
            "redistopo cli node2 --user admin --",
            "redis-cli",
        ),
    ],
)
def test_whose_node_it_is_decides(
    remedy: Callable[[NodeSeen], str], ours: str, foreign: str
) -> None:
    assert (remedy(OURS), remedy(FOREIGN)) == (ours, foreign)
