"""No finding shows a password."""

from collections.abc import Callable
from typing import Any

import pytest

from redistopo.model.state.finding import Status


@pytest.mark.parametrize(
    "directive", ["requirepass", "masterauth", "primaryauth", "tls-client-key-file-pass"]
)
def test_a_secret_is_never_shown(scene: Callable[[str, str], Any], directive: str) -> None:
    stage = scene("redis-7.0", "cluster")
    rendered = {**stage.expected.config, "node1": {directive: ("planned-secret",)}}
    drifted = stage.expect(config=rendered).config("node1", **{directive: "live-secret"})
    (finding,) = drifted.findings("config.drift")
    assert finding.status is Status.FAIL
    assert "secret" not in finding.evidence


def test_no_finding_of_any_check_shows_the_password(
    engine_name: str, scene: Callable[[str, str], Any]
) -> None:
    stage = scene(engine_name, "cluster")
    for name in ("node1", "node2"):
        stage = stage.config(name, requirepass="p", masterauth="p", maxmemory="1", appendonly="no")
    told = " ".join(f"{one.evidence} {one.hint}" for one in stage.down("node6").judged)
    assert "a-password-only-for-samples" not in told
