"""Paths that servers write to: no other server's socket is taken, however the path is set."""

import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import redis
from support.byhand import ByHand, listening
from support.editing import own_templates
from support.engines import BUNDLED
from support.project import Project


@pytest.fixture
def path() -> Iterator[Path]:
    """A socket's path, short enough for the system."""
    with tempfile.TemporaryDirectory(prefix="rt-") as folder:
        yield Path(folder) / "r.sock"


@pytest.fixture
def pair(project: Project) -> Project:
    """A primary and a replica, not started yet."""
    project.init("replication", "--replicas", "1", engine=BUNDLED.path)
    return project


def _answering(path: Path, password: str = "") -> int:
    """The pid of the server that answers at the socket."""
    with closing(redis.Redis(unix_socket_path=str(path), password=password or None)) as client:
        return int(client.info("server")["process_id"])


def _set(project: Project, line: str, way: str) -> None:
    """A line of redis.conf for node2, set in one of the ways there are."""
    if way == "template":
        template = own_templates(project) / "network.conf.j2"
        line = f"{{% if node.name == 'node2' %}}\n{line}\n{{% endif %}}\n"
        template.write_text(f"{template.read_text()}\n{line}")
        return
    directive, _, value = line.partition(" ")
    if way == "include":
        (project.root / "own.conf").write_text(f"{line}\n")
        directive, value = "include", str(project.root / "own.conf")
    with (project.root / "redistopo.toml").open("a") as file:
        file.write(f'\n[nodes.node2]\n{directive} = "{value}"\n')


@pytest.mark.parametrize("way", ["file", "template", "include"])
def test_up_refuses_the_socket_of_another_running_server_and_leaves_it(
    pair: Project, by_hand: ByHand, path: Path, way: str
) -> None:
    other = by_hand.start(pair.port + 15, "--unixsocket", str(path))
    listening(pair.port + 15)
    _set(pair, f"unixsocket {path}", way)
    refused = pair.run("up", check=4)
    assert f"unixsocket of node2 is {path}: " in refused.err, refused.err
    assert f"(pid {other}) listens there" in refused.err
    assert [one.pid for one in pair.servers()] == [other]
    assert _answering(path) == other
    dry = pair.run("up", "--dry-run", check=4)
    assert f"(pid {other}) listens there" in dry.err


def test_up_takes_a_socket_that_a_killed_server_left(
    pair: Project, by_hand: ByHand, path: Path
) -> None:
    by_hand.start(pair.port + 15, "--unixsocket", str(path))
    listening(pair.port + 15)
    by_hand.close()
    assert path.is_socket()
    _set(pair, f"unixsocket {path}", "file")
    pair.up()
    assert _answering(path, pair.password) == pair.pid(2)
    pair.crash(2)
    pair.up()
    assert _answering(path, pair.password) == pair.pid(2)
    pair.run("restart", "node2", check=0)
    assert _answering(path, pair.password) == pair.pid(2)


def test_up_refuses_a_file_in_the_socket_s_place(pair: Project, path: Path) -> None:
    path.write_text("mine")
    _set(pair, f"unixsocket {path}", "template")
    assert "something that isn't a socket is there" in pair.run("up", check=4).err
    assert path.read_text() == "mine"


def test_a_running_topology_does_not_take_another_server_s_socket_when_it_is_set(
    pair: Project, by_hand: ByHand, path: Path
) -> None:
    pair.up()
    other = by_hand.start(pair.port + 15, "--unixsocket", str(path))
    listening(pair.port + 15)
    _set(pair, f"unixsocket {path}", "file")
    for words in (["up"], ["restart", "node2"], ["restart", "--rolling"]):
        assert f"(pid {other}) listens there" in pair.run(*words, check=4).err, words
    assert _answering(path) == other
    assert len(pair.servers()) == 3  # with the other one


def test_verify_names_a_server_that_took_a_node_s_socket_and_down_leaves_it(
    pair: Project, by_hand: ByHand, path: Path
) -> None:
    _set(pair, f"unixsocket {path}", "file")
    pair.up()
    assert _answering(path, pair.password) == pair.pid(2)
    other = by_hand.start(pair.port + 15, "--unixsocket", str(path))
    listening(pair.port + 15)
    assert _answering(path) == other
    told = pair.run("verify", check=3)
    assert f"at its Unix socket's path {path}, " in told.out, told.out
    assert f"(pid {other}) listens" in told.out
    pair.run("down", check=0)
    assert _answering(path) == other
    assert list(path.parent.iterdir()) == [path]


def test_verify_names_a_removed_socket_and_restart_brings_it_back(
    pair: Project, path: Path
) -> None:
    _set(pair, f"unixsocket {path}", "file")
    pair.up()
    path.unlink()
    told = pair.run("verify", check=3)
    assert f"its Unix socket {path} was removed" in told.out, told.out
    pair.run("restart", "node2", check=0)
    assert _answering(path, pair.password) == pair.pid(2)
    pair.run("verify", check=0)


@pytest.mark.parametrize("value", ["{path}", "../shared.sock"])
def test_a_socket_that_a_template_gives_to_all_nodes_is_refused(
    pair: Project, path: Path, value: str
) -> None:
    template = own_templates(pair) / "network.conf.j2"
    template.write_text(f"{template.read_text()}\nunixsocket {value.format(path=path)}\n")
    refused = pair.run("up", check=2)
    assert "for node1, node2: each would remove the socket" in refused.err, refused.err
    assert not pair.servers()


@pytest.mark.parametrize("directive", ["dir", "logfile", "pidfile", "aclfile"])
def test_a_path_that_a_template_sets_elsewhere_is_refused(
    pair: Project, path: Path, directive: str
) -> None:
    theirs = path.parent if directive == "dir" else path.with_name(directive)
    if directive != "dir":
        theirs.write_text("")
    _set(pair, f"{directive} {theirs}", "template")
    refused = pair.run("up", check=2)
    assert f"the configuration of node2 has {directive} {theirs}" in refused.err, refused.err
    assert not pair.servers()
    assert [one.read_text() for one in path.parent.iterdir()] == [""] * (directive != "dir")
