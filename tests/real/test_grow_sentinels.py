"""More and fewer Sentinels and replicas below them: each Sentinel knows exactly what there is."""

from typing import Any

import redis
from support.editing import edit
from support.engines import BUNDLED
from support.judge import roles
from support.project import Project
from support.waiting import until


def _counts(client: Any) -> tuple[int, int, int]:
    """Replicas, other Sentinels and quorum, as a Sentinel reports them."""
    said = client.execute_command("SENTINEL MASTERS")[0]
    values = dict(zip(said[::2], said[1::2], strict=True))
    fields = ("num-slaves", "num-other-sentinels", "quorum")
    return tuple(int(values[name]) for name in fields)  # type: ignore[return-value]


def _leads(port: int, password: str) -> bool:
    try:
        return roles([port], password) == {port: "master"}
    except redis.ConnectionError:  # a Sentinel that promotes a node closes its clients' connections
        return False


def test_sentinels_and_replicas_come_and_go(project: Project) -> None:
    project.init("sentinel", "--replicas", "1", engine=BUNDLED.path)
    project.up()
    project.run("scale", "--replicas", "2", "--sentinels", "5", check=0)
    for number in range(1, 6):
        assert _counts(project.sentinel(number)) == (2, 4, 3)
    edit(project, "replicas = 2", "replicas = 1")
    edit(project, "sentinels = 5", "sentinels = 3")
    edit(project, "quorum = 3", "quorum = 2")
    project.up()
    # what is gone isn't counted any more: it would be forever, and in each majority
    for number in range(1, 4):
        assert _counts(project.sentinel(number)) == (1, 2, 2)
        assert project.sentinel(number).execute_command("SENTINEL DEBUG")[1] == "10000"
    assert len(project.servers()) == 5
    # and they still fail over
    first, second = project.port, project.port + 1
    project.crash(1)
    until(lambda: _leads(second, project.password), 30)
    project.up()
    assert roles([first, second], project.password) == {first: "slave", second: "master"}
