"""Data through the network: each engine sends its file as to a new replica, and goes on."""

import pytest
from support.engines import ENGINES
from support.forms import spread
from support.project import Project

from redistopo.client.rdb_stream import RdbStream
from redistopo.errors import Unreachable
from redistopo.model.protocol.credentials import Login
from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.protocol.rdb import ends_whole, first_counts, is_rdb


@pytest.mark.parametrize("name", spread(list(ENGINES), 2))
def test_a_file_of_each_engine(project: Project, name: str) -> None:
    """It tells the number of its keys, and is longer than what is received at once."""
    project.init("standalone", engine=ENGINES[name].path)
    project.up()
    with project.client() as node:
        node.mset({f"key{n}": f"{n:x}" * 40 for n in range(5000)})
        node.set("gone", "soon", ex=1000)
    login = Login(password=project.password)
    stream = RdbStream(Endpoint("127.0.0.1", project.port), login, 10)
    stream.begin()
    found = b"".join(stream.parts(10))
    assert is_rdb(found)
    assert ends_whole(found)
    assert first_counts(found[:4096]) == (5001, 1)
    assert len(found) > 1 << 16
    with project.client() as node:
        assert node.dbsize() == 5001


def test_a_server_that_is_gone(project: Project) -> None:
    project.init("standalone")
    project.up()
    stream = RdbStream(Endpoint("127.0.0.1", project.port), Login(password=project.password), 10)
    project.run("kill", "node1", "--yes", check=0)
    with pytest.raises(Unreachable, match="does not send its data"):
        stream.begin()
