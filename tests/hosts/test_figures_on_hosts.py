"""How long verbs take over several hosts, printed with ``-s``; the bars are those of a machine that
does nothing else: ``TESTS_FULL=1 pytest tests/hosts/test_figures_on_hosts.py -n 0 -s``."""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hosts.lab import CONTROLLER, NEEDED, opened, why_not
from support.forms import FULL
from support.on_hosts import OnHosts
from support.project import Project

from redistopo.model.planning.node_numbers import number_nodes
from redistopo.model.planning.plan_nodes import make_plan
from redistopo.model.protocol.engine import Engine, Product, Version
from redistopo.project.load import load_project

pytestmark = pytest.mark.skipif(not FULL, reason="in the whole form only: make test-hosts")
_ENGINE = Engine(product=Product.REDIS, version=Version(7, 0, 15), path="/usr/bin/redis-server")
_CLUSTER = ('shape = "cluster"', "shards = 3", "replicas = 1")
_TIMES = 3
_ANSIBLE = 4.0
"""Seconds of a start of Ansible with a run on three hosts: 1 to 2 on a machine that does nothing
else."""


def _seconds(work: Callable[[], object], times: int = 1) -> float:
    """What the fastest of so many runs took."""
    took = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        took.append(time.perf_counter() - began)
    return min(took)


def _figure(what: str, seconds: float, bar: float) -> None:
    """Printed; it is held to the bar, the longer the more the machine has to do besides."""
    sys.stdout.write(f"{what}: {seconds:.3f} s (at most {bar:.3g} s)\n")
    load = os.getloadavg()[0] / (os.cpu_count() or 1)
    assert seconds <= bar * max(1.0, load), what


def test_verbs_on_three_hosts(over_hosts: OnHosts, tmp_path: Path) -> None:
    """A second `up`, `verify` beside that of the same cluster here, and an unreachable host."""
    project = over_hosts.project
    over_hosts.init(*_CLUSTER)
    project.up()
    _figure("a second up", _seconds(lambda: project.run("up", check=0), _TIMES), 2.0)
    local = Project(tmp_path / "local", project.port)
    local.root.mkdir()
    local.init("cluster", "--shards", "3", "--replicas", "1")
    local.up()
    try:
        here = _seconds(lambda: local.run("verify", check=0), _TIMES)
    finally:
        local.cleanup()
    there = _seconds(lambda: project.run("verify", check=0), _TIMES)
    _figure(f"verify on hosts, {there / here:.2f} x that of one machine", there, 1.5 * here)
    reaching = _seconds(lambda: project.run("verify", "--reach", check=0))
    _figure("verify --reach, with a run of Ansible", reaching, 1.5 * here + _ANSIBLE)
    with over_hosts.lab.network.cut([CONTROLLER], ["h1"]):
        for words, code in ((("verify",), 3), (("restart", "node2"), 1)):
            began = time.perf_counter()
            done = project.run(*words, check=code, seconds=60)
            took = time.perf_counter() - began
            assert "h1" in done.out + done.err, done
            _figure(f"{words[0]} names a host that is not reached", took, 12.0)


def test_thirty_hosts_with_two_nodes_each(project: Project, tmp_path: Path) -> None:
    if reason := why_not():
        assert not NEEDED, reason
        pytest.skip(reason)
    with opened(tmp_path / "lab", 30) as lab:
        over = OnHosts(project, lab)
        over.init('shape = "cluster"', "shards = 30", "replicas = 1")
        made = load_project(project.root)

        def plan() -> None:
            make_plan(made.topology, made.layout, _ENGINE, "", number_nodes(made.topology, None))

        _figure("30 hosts: planned", _seconds(plan, 5), 0.2)
        _figure("30 hosts: redistopo plan", _seconds(lambda: project.run("plan", check=0)), 60)
        _figure("30 hosts: up", _seconds(lambda: project.run("up", check=0, seconds=300)), 180)
        assert len(over.addresses()) == 60
        assert over.faults() == []
        assert over.colocated() == []
        _figure("30 hosts: a second up", _seconds(lambda: project.run("up", check=0)), 10)
        _figure("30 hosts: verify", _seconds(lambda: project.run("verify", check=0)), 10)
        _figure("30 hosts: down", _seconds(lambda: project.run("down", check=0, seconds=120)), 60)
        assert over.servers() == []
        over.cleanup()
