"""Finding a topology by replies that no server should send: an error of ours at worst."""

import re
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from redis.exceptions import ResponseError

from redistopo.client.connection import Connections
from redistopo.client.discovery import discover
from redistopo.errors import RedistopoError, UsageError
from redistopo.model.protocol.credentials import Login, single_credential
from redistopo.model.protocol.endpoint import Endpoint

Sample = Callable[[str, str], Mapping[str, Mapping[str, str]]]


class Told(Connections):
    """Answers with what it was given, whoever is asked; all else it refuses, as servers do."""

    def __init__(self, replies: Mapping[str, str]) -> None:
        super().__init__(single_credential(Login()))
        self.replies = replies

    def execute(self, endpoint: Endpoint, commands: Any) -> list[Any]:
        assert 0 < endpoint.port < 65536
        return [
            self.replies.get(" ".join(command), ResponseError("unknown command"))
            for command in commands
        ]


LINES = ("role", "master_host", "master_port", "connected_slaves", "slave", "redis_mode")
WORDS = ["slave", "master", "sentinel", "", "0", "-1", "70000", "9" * 12, "9" * 30, "x", "::1"]


@st.composite
def _changed(draw: st.DrawFn, text: str) -> str:
    lines = text.split("\n")
    for at in [n for n, line in enumerate(lines) if line.startswith(LINES)]:
        if draw(st.integers(0, 2)) == 0:
            parts = re.split(r"([:,=\r])", lines[at])
            parts[draw(st.integers(0, len(parts) - 1))] = draw(st.sampled_from(WORDS))
            lines[at] = "".join(parts)
    return "\n".join(lines)


@settings(max_examples=200)
@given(data=st.data())
def test_any_info_leads_to_nodes_or_an_error(
    engine_name: str, sample: Sample, data: st.DataObject
) -> None:
    replies = sample(engine_name, "replication")[data.draw(st.sampled_from(["node1", "node3"]))]
    info = data.draw(_changed(replies["INFO"]))
    try:
        found = discover(Endpoint("127.0.0.1", 7000), Told({"INFO": info}))
    except RedistopoError:
        return
    assert 1 <= len(found.targets) <= 4
    assert all(0 < target.port < 65536 for target in found.targets)


def test_a_sentinel_that_watches_nobody_is_refused(engine_name: str, sample: Sample) -> None:
    info = sample(engine_name, "replication")["node1"]["INFO"]
    told, count = re.subn(r"(redis|server)_mode:\w+", r"\1_mode:sentinel", info)
    assert count == 1
    with pytest.raises(UsageError, match="is a Sentinel"):
        discover(Endpoint("127.0.0.1", 7000), Told({"INFO": told, "SENTINEL MASTERS": []}))
