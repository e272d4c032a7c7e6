"""Shutting down: Sentinels before replicas before primaries, and what is told where one is lost."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from support.bench import Bench

from redistopo.errors import RedistopoError
from redistopo.execute.shutdown import ShutdownRequest, shut_down_saving
from redistopo.host.polling import Deadline
from redistopo.model.protocol.conf import read_conf
from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.state.observed import NodeSeen, Observed
from redistopo.model.topology.spec import Shape
from redistopo.progress import EventKind

MakeBench = Callable[..., Bench]
ROLES = {"node1": "master", "node2": "slave", "node3": "slave", "sentinel1": "sentinel"}


def shutting(on: Bench, *, answers: bool = True, lossy: bool = False) -> ShutdownRequest:
    """All of them run, and were seen so; with `answers` they answered then."""
    nodes = []
    for name, role in ROLES.items():
        pid = on.host.processes.put(name).pid
        info = {"role": role, "process_id": str(pid)} if answers else {"role": role}
        node = NodeSeen(
            name=name, endpoint=Endpoint("127.0.0.1", on.node(name).port), pid=pid, info=info
        )
        nodes.append(node if answers else replace(node, error="timed out"))
    return ShutdownRequest(
        command="redistopo down",
        layout=on.context.plan.layout,
        seen=Observed(shape=Shape.REPLICATION, nodes=tuple(nodes)),
        rendered={name: read_conf("appendonly yes") for name in ROLES},
        client=on.context.client,
        lossy=lossy,
        host=on.host,
    )


@pytest.fixture
def on(bench: MakeBench) -> Bench:
    return bench("replication", replicas=2, sentinels=3)


def test_sentinels_go_first_and_the_primary_last(on: Bench) -> None:
    request = shutting(on, answers=False)
    shut_down_saving(request, ROLES, Deadline(3), on.context.progress)
    told = [one.text for one in on.told if one.kind is EventKind.STARTED]
    assert told == ["stop Sentinels: 1", "stop replicas: 2", "stop primaries: 1"]
    ends = ["sentinel1", "node2", "node3", "node1"]
    assert on.host.journal.of("SIGTERM") == [f"SIGTERM {name}" for name in ends]
    assert on.host.processes.running == []


def test_nodes_that_were_not_named_run_on(on: Bench) -> None:
    shut_down_saving(shutting(on, answers=False), ["node2"], Deadline(3), on.context.progress)
    assert on.host.processes.running == ["node1", "node3", "sentinel1"]
    assert on.done == ["SIGTERM node2", "forget node2"]


def test_who_answered_is_asked_to_save_before_any_signal(on: Bench) -> None:
    request = shutting(on)
    shut_down_saving(request, ["node1"], Deadline(1), on.context.progress)
    port = on.node("node1").port
    assert on.done[:2] == [f"ask {port} INFO", f"ask {port} SHUTDOWN SAVE"]
    # it hung up, and did not end: then a signal does it, and it may still save
    assert on.host.journal.of("SIGTERM", "forget") == ["SIGTERM node1", "forget node1"]
    # what it had is on record for its next start
    assert on.done[-1] == "write /project/.redistopo/stopped/node1.json"


def test_a_stranger_at_the_address_is_never_told_to_shut_down(on: Bench) -> None:
    request = shutting(on)
    other = tuple(
        replace(node, info={**node.info, "process_id": "77"}) for node in request.seen.nodes
    )
    request = replace(request, seen=replace(request.seen, nodes=other))
    shut_down_saving(request, ROLES, Deadline(3), on.context.progress)
    assert on.host.journal.of("ask") == []
    assert on.host.processes.running == []


def test_what_was_killed_before_it_had_saved_is_an_error(on: Bench) -> None:
    request = shutting(on, answers=False)
    on.host.processes.known["node1"].stubborn = True
    on.host.put("node1", log="saving")
    with pytest.raises(RedistopoError, match="node1 was killed before it had saved") as caught:
        shut_down_saving(request, ["node1"], Deadline(0.4), on.context.progress)
    assert caught.value.detail == "saving"
    assert on.host.journal.of("SIGKILL") == ["SIGKILL node1"]


def test_with_force_the_same_is_none(on: Bench) -> None:
    request = shutting(on, answers=False, lossy=True)
    on.host.processes.known["node1"].stubborn = True
    shut_down_saving(request, ["node1"], Deadline(0.4), on.context.progress)
    assert on.host.processes.running == ["node2", "node3", "sentinel1"]
