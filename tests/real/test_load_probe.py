"""The probe of a drill on real servers: downtime is the service's, whenever clients notice it."""

import os
import signal
import time
from dataclasses import replace
from threading import Timer

from support.engines import BUNDLED
from support.loads import Server, frozen, keys, request
from support.project import Project
from support.waiting import until

from redistopo.drill.load_generator import LoadGenerator
from redistopo.drill.load_result import OperationKind
from redistopo.drill.outage import outage
from redistopo.drill.service_probe import ServiceProbe
from redistopo.host.polling import Deadline
from redistopo.model.protocol.endpoint import Endpoint

PRECISION = 0.15


def test_a_pause_is_measured_as_long_as_it_was_or_within_bounds(server: Server) -> None:
    """Clients have a timeout of 0.5 s: by them it would be up to 0.5 s longer."""
    asked = replace(request(server), nodes={1: (Endpoint("127.0.0.1", server.port),)})
    with LoadGenerator(asked) as load:
        assert load.warm(10) == ""
        since = time.monotonic()
        until(lambda: load.served(since, writes=40))
        with frozen(server.pid()):
            began = time.monotonic()
            until(lambda: time.monotonic() - began > 1.2)
        paused = time.monotonic() - began
        since = time.monotonic()
        until(lambda: load.served(since, writes=40))
        seen = load.check(10)
        assert load.clean(10) > seen.acknowledged  # the key of the probe, too
    assert keys(server) == set()
    for kind in OperationKind:
        found = outage(seen, kind, hurt=True)
        assert found.at_least / 1000 - PRECISION < paused < found.at_most / 1000 + PRECISION
        assert found.at_least <= found.milliseconds <= found.at_most
    assert seen.lost == 0


def test_a_probe_that_ends_late_makes_no_outage(server: Server) -> None:
    """On a busy machine a drill's own process can be away while the load ends."""
    asked = replace(request(server), nodes={1: (Endpoint("127.0.0.1", server.port),)})
    with LoadGenerator(asked) as load:
        assert load.warm(10) == ""
        since = time.monotonic()
        until(lambda: load.served(since, writes=40))
        assert load._probe is not None
        probe = load._probe._child._process.pid
        thaw = Timer(1.0, os.kill, (probe, signal.SIGCONT))
        os.kill(probe, signal.SIGSTOP)
        thaw.start()
        seen = load.check(10)
        thaw.join()
        load.clean(10)
    assert {one.kind for one in seen.served} == set(OperationKind)
    for kind in OperationKind:
        assert outage(seen, kind, hurt=True).gaps == ()


def test_a_replica_that_answers_reads_is_no_service_of_writes_or_reads(project: Project) -> None:
    project.init("replication", "--replicas", "1", engine=BUNDLED.path)
    project.up()
    nodes = {1: tuple(Endpoint("127.0.0.1", port) for port in project.ports)}
    asked = replace(request(project), nodes=nodes, shards={1: ()}, hurt=frozenset({1}))
    probe = ServiceProbe(asked, {1: "key"})
    assert probe.ready(Deadline(10))
    with frozen(project.pid(1)):
        began = time.monotonic()
        until(lambda: time.monotonic() - began > 0.8)
        spans = probe.finish()
    for kind in OperationKind:
        served = [one for one in spans if one.kind is kind]
        assert served
        assert all(one.end < began + PRECISION for one in served)


def test_the_probe_ends_with_the_input_of_a_drill_that_was_killed(server: Server) -> None:
    asked = replace(request(server), nodes={1: (Endpoint("127.0.0.1", server.port),)})
    probe = ServiceProbe(asked, {1: "key"})
    process = probe._child._process
    try:
        assert probe.ready(Deadline(10))
        assert process.stdin is not None
        process.stdin.close()  # as the system does when the drill's process is gone
        assert process.wait(5) == 0
    finally:
        probe._child.kill()
