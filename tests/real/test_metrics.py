"""`redistopo metrics`, read by the parser of Prometheus' own client library."""

import re
import signal
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from prometheus_client.parser import text_string_to_metric_families
from support.engines import BUNDLED
from support.project import Project
from support.waiting import until

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def _read(text: str) -> Samples:
    """Every sample; no series is there twice."""
    found: Samples = {}
    for family in text_string_to_metric_families(text):
        assert family.type == "gauge"
        assert family.documentation
        for one in family.samples:
            place = (one.name, frozenset(one.labels.items()))
            assert place not in found
            found[place] = one.value
    return found


def _of(samples: Samples, name: str, label: str = "node") -> dict[str, float]:
    """A gauge's values by one of its labels."""
    return {dict(labels)[label]: value for (one, labels), value in samples.items() if one == name}


@contextmanager
def _served(project: Project) -> Iterator[str]:
    """The URL of `redistopo metrics --listen`."""
    process = project.begin("metrics", "--listen", "127.0.0.1:0")
    try:
        assert process.stderr
        found = re.search(r"http://\S+", process.stderr.readline())
        assert found
        yield found[0]
    finally:
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=10)
    assert process.returncode == 130, errors


def _scraped(url: str) -> Samples:
    with urllib.request.urlopen(url, timeout=10) as reply:
        assert reply.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        return _read(reply.read().decode())


def test_gauges_follow_a_failover_and_what_is_down(project: Project) -> None:
    project.init("cluster", "--name", "shop.a_B-1", engine=BUNDLED.path)
    with _served(project) as url:
        assert _of(_scraped(url), "redistopo_up", "topology") == {"shop.a_B-1": 0}
        project.up()
        before = _scraped(url)
        assert _of(before, "redistopo_healthy", "topology") == {"shop.a_B-1": 1}
        slots = _of(before, "redistopo_node_slots")
        assert sum(slots.values()) == 16384
        replica = next(
            dict(labels) for (name, labels) in before
            if name == "redistopo_node_role" and ("role", "replica") in labels
        )  # fmt: skip
        with project.client(int(replica["address"].rpartition(":")[2])) as client:
            client.execute_command("CLUSTER FAILOVER")
            until(lambda: client.info("replication")["role"] == "master")
        until(lambda: _of(_scraped(url), "redistopo_healthy", "topology") == {"shop.a_B-1": 1})
        after = _scraped(url)
        assert replica["node"] in _of(after, "redistopo_node_slots")
        assert _of(after, "redistopo_failovers", "topology") == {"shop.a_B-1": 1}
        epochs = [_of(one, "redistopo_epoch", "topology")["shop.a_B-1"] for one in (before, after)]
        assert epochs[1] > epochs[0]
        project.crash(int(replica["node"].removeprefix("node")))
        down = _scraped(url)
        assert _of(down, "redistopo_node_up")[replica["node"]] == 0
        assert _of(down, "redistopo_healthy", "topology") == {"shop.a_B-1": 0}
        failed = {
            dict(labels)["check"] for (name, labels), value in down.items()
            if name == "redistopo_check_findings" and ("status", "fail") in labels and value
        }  # fmt: skip
        assert "node.alive" in failed
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(url.replace("metrics", "other"), timeout=10)


def test_metrics_of_servers_elsewhere_and_of_nothing(project: Project) -> None:
    project.init("replication", "--replicas", "1", engine=BUNDLED.path)
    nothing = project.run("metrics", check=1)
    assert "redistopo up" in nothing.err
    project.up()
    project.env["REDISTOPO_PASSWORD"] = project.password
    told = _read(project.run("metrics", "--connect", f"127.0.0.1:{project.port}", check=0).out)
    assert set(_of(told, "redistopo_replica_lag_bytes", "address")) == {
        f"127.0.0.1:{project.port + 1}"
    }
    taken = project.run("metrics", "--listen", f"127.0.0.1:{project.port}", check=4)
    assert f"port {project.port} is in use" in taken.err
    assert project.run("metrics", "--listen", "nowhere", check=2).err
