"""redistopo ends by SIGKILL, or by Ctrl-C, while it moves a topology to another engine."""

import signal

import pytest
from support.engines import INSTALLED
from support.forms import spread
from support.mortal import nursery
from support.project import Project

NEWER, OLDER = (
    next(one.name for one in INSTALLED.values() if one.name.startswith(start))
    for start in ("valkey 9.1", "valkey 8.1")
)
"""Each can replicate from the other: so the upgrade can be tried again and again."""


def _versions(project: Project) -> set[str]:
    return {
        f"valkey {project.client(port).info('server')['valkey_version']}" for port in project.ports
    }


@pytest.mark.fault(
    "redistopo is killed at any point of `upgrade`",
    "no data is lost; `up` starts a stopped node, and the next `upgrade` finishes",
)
def test_upgrade(project: Project) -> None:
    project.init("replication", "--replicas", "1", engine=OLDER)
    project.up()
    with project.client() as node:
        node.set("kept", "yes")
    topology = project.root / "redistopo.toml"
    now, then = OLDER, NEWER

    def ask(engine: str) -> None:
        text = topology.read_text()
        topology.write_text(text.replace(f'"{now}"', f'"{engine}"'))

    ask(then)
    with nursery() as mortal:
        count = len(mortal.run("upgrade", project.root).boundaries)
        assert count > 20
        for n in spread(range(count // 5, count + 1, 3), 2):
            now, then = then, now
            ask(then)
            assert mortal.run("upgrade", project.root, end_at=n).code in (0, -9)
            refused = project.run("up")
            if refused.code == 4:  # it stopped a node on whose files the older engine can't start
                assert f'redistopo up --engine "{now}"; then redistopo upgrade' in refused.err
                project.run("up", "--engine", now, check=0)
            ended = mortal.run("upgrade", project.root)
            assert ended.code == 0, ended
            assert _versions(project) == {then}
            assert project.faults(cluster=False) == []
            for port in project.ports:
                with project.client(port) as node:
                    assert node.get("kept") == "yes"


def test_ctrl_c_leaves_no_node_stopped_and_says_what_is_left(project: Project) -> None:
    project.init("replication", "--replicas", "1", engine=OLDER)
    project.up()
    working = project.begin("upgrade", "--engine", NEWER, "--no-snapshot")
    assert working.stderr is not None
    for line in working.stderr:
        if line.startswith("ok: stop replicas"):
            working.send_signal(signal.SIGINT)
            break
    _, told = working.communicate(timeout=30)
    assert working.returncode == 130
    assert "it stopped at: restart node2" in told
    assert "left: " in told
    assert "to continue: redistopo upgrade" in told
    assert f'to go back: redistopo upgrade --engine "{OLDER}"' in told
    assert len(_versions(project)) == 2
    project.run("upgrade", check=0)
    assert _versions(project) == {NEWER}
