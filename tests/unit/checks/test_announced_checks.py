"""Endpoints that nodes give to clients, on changed snapshots of real servers."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from support.cases import Case, among, table

from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.state.announced import Announced
from redistopo.model.state.finding import Status

OK, WARN, FAIL, SKIP, UNKNOWN = Status.OK, Status.WARN, Status.FAIL, Status.SKIP, Status.UNKNOWN


def _given(scene: Any, name: str, host: str = "", **fields: Any) -> Any:
    """node1 gives clients all nodes, that one differently."""
    told = [
        Announced(endpoint=node.endpoint, id=node.myself.id, told_by="node1")
        for node in scene.seen.nodes
    ]
    at = [node.name for node in scene.seen.nodes].index(name)
    where = Endpoint(host or told[at].host, told[at].port)
    told[at] = replace(told[at], endpoint=where, **fields)
    return scene._with(replace(scene.seen, announced=tuple(told)))


def _mapped(scene: Any, *, announce_port: int, **fields: Any) -> Any:
    """node2 gives clients port 17001, at which no server is."""
    mapped = {"error": "connection refused", "closed": True, **fields}
    scene = scene.expect(announce_port=announce_port)
    given = _given(scene.config("node2", cluster_announce_client_port="17001"), "node2", **mapped)
    told = (
        replace(one, endpoint=Endpoint(one.host, 17001)) if one.error else one
        for one in given.seen.announced
    )
    return given._with(replace(given.seen, announced=tuple(told)))


CASES: list[Case] = [
    ("announce.reachable", SKIP, "topology", "not inspected", lambda s: s),
    ("announce.reachable", OK, "topology", "6 endpoints that clients are given lead to",
     lambda s: _given(s, "node2")),
    ("announce.reachable", FAIL, "node2",
     "(cluster-announce-hostname): the name can't be resolved; it replied at 127.0.0.1:",
     lambda s: _given(s, "node2", "redis.invalid", error="the name can't be resolved")),
    ("announce.reachable", FAIL, "node2", "(cluster-announce-ip): the connection timed out",
     lambda s: _given(s.member("node2", "node2", endpoint=Endpoint("10.9.8.7", 1)), "node2",
                      "10.9.8.7", error="the connection timed out")),
    ("announce.reachable", FAIL, "node2", "connection refused",
     lambda s: _mapped(s, announce_port=0)),
    ("announce.reachable", FAIL, "node2", "another server replies there",
     lambda s: _mapped(s, announce_port=17000, closed=False,
                       error="another server replies there")),
    ("announce.reachable", WARN, "topology", ":17001 (announce_port), which could not be reached",
     lambda s: _mapped(s, announce_port=17000)),
    ("announce.reachable", FAIL, "topology", "node1 gives clients '?' as the host of node3",
     lambda s: _given(s, "node3", "?", error="no hostname is announced")),
    ("announce.reachable", UNKNOWN, "node4", "it refuses CLUSTER SLOTS: NOPERM",
     lambda s: _given(s, "node4", refused="NOPERM no permissions")),
]  # fmt: skip


@table(CASES)
def test_what_clients_are_given(
    engine_name: str, scene: Callable[[str, str], Any], case: Case
) -> None:
    among(scene(engine_name, "cluster"), case)
