"""redistopo ends by SIGKILL while it moves a running topology to other ports."""

import pytest
from support.engines import BUNDLED
from support.forms import FULL, spread
from support.mortal import nursery
from support.project import Project


def _holds(project: Project, port: int) -> None:
    project.port = port
    assert project.faults(cluster=project.size > 2) == []
    for one in project.ports:
        with project.client(one) as node:
            assert project.size > 2 or node.get("kept") == "yes"
    assert not project.job.exists()
    assert f"port = {port}\n" in (project.root / "redistopo.toml").read_text()


@pytest.mark.fault(
    "redistopo is killed at any point of `move` of a running topology",
    "the next `up` finishes the move, or `undo` takes it back; no data is lost",
)
@pytest.mark.skipif(not FULL, reason="each kill takes seconds: in the whole form only")
@pytest.mark.parametrize("shape", ["replication", "cluster"])
def test_move(project: Project, shape: str) -> None:
    words = ("--replicas", "1") if shape == "replication" else ("--formation", "instant")
    project.init(shape, *words, engine=BUNDLED.path)
    project.up()
    project.run("cli", "--", "SET", "kept", "yes", check=0)
    here, there, to = project.port, project.port + 7, project.root / "to"
    to.write_text(str(there))
    with nursery() as mortal:
        count = len(mortal.run("readdress", project.root).boundaries)
        assert count > 20
        bounds = spread(range(1 if FULL else count // 2, count + 1, 2 if FULL else 7), 2)
        for turn, n in enumerate(bounds):
            here, there = there, here
            to.write_text(str(there))
            assert mortal.run("readdress", project.root, end_at=n).code in (0, -9)
            left = project.job.exists()
            back = left and turn % 2 == 0
            if back:
                assert "redistopo up finishes it" in project.run("restart", "node1", check=1).err
                ended = mortal.run("undo", project.root)
                assert ended.code == 0, (n, ended)
            elif left:
                project.run("down", check=0)
                told = project.run("undo", check=1).err
                assert "redistopo up starts all nodes at the new addresses" in told
            project.run("up", check=0)
            began = f"port = {there}\n" in (project.root / "redistopo.toml").read_text()
            assert not (began and back)
            here, there = (here, there) if began else (there, here)
            _holds(project, there)
