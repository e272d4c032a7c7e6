"""redistopo ends by SIGKILL while it changes running servers: passwords, certificates, settings,
or the servers one by one."""

import tomllib
from collections.abc import Iterator

import pytest
from redis.exceptions import AuthenticationError
from support.engines import BUNDLED, TLS
from support.forms import spread
from support.judge import client
from support.mortal import Nursery, nursery
from support.project import Project


@pytest.fixture
def mortal() -> Iterator[Nursery]:
    with nursery() as made:
        yield made


ROTATIONS = {
    "one password": (("standalone",), lambda count: range(1, count + 1)),
    "a password for each user": (("standalone", "--acl"), lambda count: range(1, count + 1)),
    "on three servers": (("replication",), lambda count: range(1, count + 1, 3)),
}


@pytest.mark.fault(
    "redistopo is killed at any point of `secret rotate`",
    "one password works everywhere, the stored one; the next `up` completes the rotation",
)
@pytest.mark.parametrize("case", ROTATIONS)
def test_rotation(project: Project, mortal: Nursery, case: str) -> None:
    words, choose = ROTATIONS[case]
    project.init(*words, engine=BUNDLED.path)
    project.up()
    with project.client() as node:
        node.set("kept", "yes")
    count = len(mortal.run("rotate", project.root).boundaries)
    assert count > 10
    for n in spread(choose(count), 3):
        before = project.password
        assert mortal.run("rotate", project.root, end_at=n).code in (0, -9)
        # whatever is on file opens every server, even before anything is mended
        for port in project.ports:
            with project.client(port) as node:
                assert node.get("kept") == "yes"
        assert mortal.run("up", project.root).code == 0
        assert not (project.root / ".redistopo" / "rotation.json").exists()
        assert project.faults(cluster=False) == []
        if project.password != before:
            for port in project.ports:
                with client(port, before) as node, pytest.raises(AuthenticationError):
                    node.ping()
    assert project.run("verify").code == 0


@pytest.mark.skipif(TLS is None, reason="no server with TLS: apt install redis-server")
@pytest.mark.fault(
    "redistopo is killed at any point of `certs renew`",
    "every certificate matches its key: servers keep running, and can be started again",
)
def test_renewal(project: Project, mortal: Nursery) -> None:
    assert TLS is not None
    project.init("replication", "--replicas", "1", "--tls", engine=TLS.path)
    project.up()
    count = len(mortal.run("renew", project.root).boundaries)
    assert count > 5
    for n in spread(range(1, count + 1), 3):
        assert mortal.run("renew", project.root, end_at=n).code in (0, -9)
        assert mortal.run("up", project.root).code == 0
    project.run("down", check=0)
    project.up()
    assert project.run("verify").code == 0


@pytest.mark.fault(
    "redistopo is killed at any point of `set`",
    "the topology file is complete, the old or the new one; the next `up` applies it to the "
    "servers",
)
def test_set(project: Project, mortal: Nursery) -> None:
    project.init("standalone", engine=BUNDLED.path)
    project.up()
    count = len(mortal.run("set", project.root).boundaries)
    assert count > 2
    for n in spread(range(1, count + 1), 3):
        ended = mortal.run("set", project.root, end_at=n)
        assert ended.code in (0, -9), ended
        assert mortal.run("up", project.root).code == 0
        text = (project.root / "redistopo.toml").read_text()
        asked = tomllib.loads(text)["redis"]["maxmemory"].removesuffix("mb")
        live = project.client().config_get("maxmemory")["maxmemory"]
        assert int(live) == int(asked) * 1024 * 1024
        assert sorted(one.name for one in project.root.iterdir()) == [
            ".redistopo",
            "redistopo.toml",
        ]


@pytest.mark.fault(
    "redistopo is killed at any point of `restart --rolling`",
    "no data is lost; the next `up` starts the stopped nodes, and keeps the current roles",
)
def test_rolling(project: Project, mortal: Nursery) -> None:
    project.init("replication", "--replicas", "1", engine=BUNDLED.path)
    project.up()
    with project.client() as node:
        node.set("kept", "yes")
    count = len(mortal.run("roll", project.root).boundaries)
    assert count > 20
    for n in spread(range(1, count + 1, 5), 3):
        assert mortal.run("roll", project.root, end_at=n).code in (0, -9)
        assert mortal.run("up", project.root).code == 0
        assert project.faults(cluster=False) == []
        for port in project.ports:
            with project.client(port) as node:
                assert node.get("kept") == "yes"
