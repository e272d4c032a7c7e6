"""A drill that ends early, by Ctrl-C or SIGKILL, in each of its phases; two at once."""

import signal
import subprocess

import pytest
from support.drilled import cluster, left_over
from support.engines import BUNDLED
from support.forms import FULL, spread
from support.project import Project
from support.remedies import hint_of
from support.waiting import until

_STRUCK = (("freeze", "freeze"), ("partition", "partition"))
_ENDS = (("kill", "preflight"), ("kill", "load"), ("kill", "kill"), ("kill", "wait"), *_STRUCK)
"""A fault, and what was told of last: the load begins, runs, the fault is done, mending."""

_INTERRUPTED = spread(_ENDS, 3)
_KILLED = [one for one in _ENDS[1:] if FULL or one not in _INTERRUPTED]
"""The short form has each phase once, in one of the two ways."""


def _begun(project: Project, fault: str, phase: str) -> "subprocess.Popen[str]":
    words = ("--json", "--fault", fault, "--max-downtime", "9s")
    process = project.begin("drill", "failover", *words)
    assert process.stderr is not None
    for line in process.stderr:
        if '"done"' in line and f'"text": "{phase}' in line:
            return process
    raise AssertionError(f"it never told of {phase!r}")


def _whole(project: Project) -> None:
    until(lambda: project.faults() == [], what="healthy by the suite's own judge")
    assert left_over(project) == []
    assert not (project.root / ".redistopo" / "drill.json").exists()
    assert len(project.servers()) == project.size


@pytest.mark.fault(
    "Ctrl-C in each phase of a drill, with a node killed, frozen or partitioned",
    "the topology is repaired before the drill exits, and no key of its load is left",
)
def test_ctrl_c_in_each_phase_leaves_a_healthy_topology(project: Project) -> None:
    cluster(project, engine=BUNDLED.path)
    for fault, phase in _INTERRUPTED:
        process = _begun(project, fault, phase)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        assert process.returncode == 130, (phase, out, err)
        _whole(project)


@pytest.mark.fault(
    "a drill is killed in each of its phases",
    "the next `up` repairs the topology, including a partition, and deletes the drill's keys",
)
def test_up_repairs_what_a_killed_drill_did(project: Project) -> None:
    cluster(project, engine=BUNDLED.path)
    for fault, phase in _KILLED:
        process = _begun(project, fault, phase)
        process.kill()
        process.communicate()
        assert (project.root / ".redistopo" / "drill.json").exists()
        assert hint_of(project, 1, "scale", "--replicas", "2") == "redistopo up ends it"
        done = project.up()
        assert "was interrupted" in done.err
        _whole(project)


@pytest.mark.fault(
    "a drill is killed, and another drill or `down` follows",
    "these repair the topology as well; two drills at the same time are refused",
)
@pytest.mark.skipif(not FULL, reason="`up` repairs it by the same steps")
def test_down_and_the_next_drill_repair_it_too(project: Project) -> None:
    cluster(project, engine=BUNDLED.path)
    process = _begun(project, "partition", "load")
    # another one at the same time doesn't begin
    second = project.run("drill", "failover", check=1)
    assert "redistopo drill" in second.err
    assert process.poll() is None
    process.kill()
    process.communicate()
    # the next one mends before all else, even if it then does nothing
    assert "was interrupted" in project.run("drill", "failover", "--shard", "9", check=2).err
    _whole(project)
    process = _begun(project, "partition", "partition")
    process.kill()
    process.communicate()
    project.run("down", check=0)
    assert project.servers() == []
    project.up()
    _whole(project)
