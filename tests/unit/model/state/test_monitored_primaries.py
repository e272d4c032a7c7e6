"""The parts of a snapshot in which Sentinels monitor several primaries."""

from redistopo.checks.several_primaries import of_each_primary
from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.protocol.sentinel_replies import MonitoredPrimary, Peer
from redistopo.model.state.finding import Finding, Status
from redistopo.model.state.monitored_primaries import by_primary
from redistopo.model.state.observed import NodeSeen, Observed
from redistopo.model.topology.spec import Shape


def _at(port: int) -> Endpoint:
    return Endpoint("127.0.0.1", port)


def _data(port: int, follows: int = 0) -> NodeSeen:
    info = {"role": "slave" if follows else "master"}
    if follows:
        info |= {"master_host": "127.0.0.1", "master_port": str(follows)}
    return NodeSeen(name=str(port), endpoint=_at(port), info=info)


def _peer(port: int) -> Peer:
    return Peer(id="", endpoint=_at(port), flags=frozenset())


def _watch(name: str, primary: int, *replicas: int, others: tuple[int, ...]) -> MonitoredPrimary:
    return MonitoredPrimary(
        name=name,
        endpoint=_at(primary),
        flags=frozenset(),
        epoch=0,
        settings={},
        replicas=tuple(map(_peer, replicas)),
        sentinels=tuple(map(_peer, others)),
    )


def _sentinel(port: int, *watches: MonitoredPrimary) -> NodeSeen:
    info = {"redis_mode": "sentinel"}
    return NodeSeen(name=str(port), endpoint=_at(port), info=info, watches=watches)


def _seen(*nodes: NodeSeen) -> Observed:
    return Observed(shape=Shape.SENTINEL, nodes=nodes)


TWO = _seen(
    _data(1),
    _data(2, follows=1),
    _data(3, follows=2),
    _data(4),
    _sentinel(8, _watch("b", 4, others=(9,)), _watch("a", 1, 2, others=(9, 7))),
    _sentinel(9, _watch("b", 4, others=(8,))),
    NodeSeen(name="7", endpoint=_at(7), error="down"),
)


def _names(seen: Observed) -> list[str]:
    return [node.name for node in seen.nodes]


def test_a_part_has_the_nodes_of_one_primary_its_chains_and_every_sentinel_it_should_have() -> None:
    parts = by_primary(TWO)
    assert {name: _names(part) for name, part in parts.items()} == {
        "a": ["1", "2", "3", "8", "9", "7"],
        "b": ["4", "8", "9"],
    }
    assert [[watch.name for watch in node.watches] for node in parts["a"].sentinels] == [["a"], []]


def test_one_topology_is_not_divided() -> None:
    both = (_watch("a", 1, others=()), _watch("again", 1, others=()))
    elsewhere = (_watch("a", 1, others=()), _watch("far", 6, others=()))
    for watches in (both, elsewhere, both[:1]):
        assert by_primary(_seen(_data(1), _sentinel(8, *watches))) == {}


def _judged(part: Observed) -> tuple[Finding, ...]:
    """A fault of the silent Sentinel, and one of the topology that follows from it."""
    first, ref = part.nodes[0].name, "alive 7"
    return (
        Finding(check="alive", subject="8", status=Status.FAIL, evidence="down"),
        Finding(check="alive", subject=first, status=Status.FAIL, evidence="down"),
        Finding(
            check="quorum", subject="topology", status=Status.FAIL, evidence=first,
            because_of=("alive 8", f"alive {first}", ref),
        ),
    )  # fmt: skip


def test_findings_begin_with_the_primarys_name_but_not_what_is_the_same_for_all() -> None:
    found = of_each_primary(TWO, _judged)
    assert [one.ref for one in found] == [
        "alive 8", "alive a 1", "quorum a topology", "alive b 4", "quorum b topology",
    ]  # fmt: skip
    assert found[2].because_of == ("alive 8", "alive a 1", "alive 7")
