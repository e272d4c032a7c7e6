"""What checks say of a topology of one node: in the singular."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest


@pytest.mark.parametrize(
    ("check", "says"),
    [
        ("config.drift", "directives on 1 node match the rendered configuration"),
        ("access.password", "1 of 1 node: refuses a client without a password"),
        ("access.bind", "1 of 1 node: listens only on 127.0.0.1"),
        ("data.kept", "1 of 1 node: data is written to disk"),
    ],
)
def test_one_node_is_told_in_the_singular(
    scene: Callable[[str, str], Any], check: str, says: str
) -> None:
    whole = scene("redis-7.0", "replication")
    alone = replace(whole, seen=replace(whole.seen, nodes=whole.seen.nodes[:1]))
    assert [says in one.evidence for one in alone.findings(check)] == [True]
