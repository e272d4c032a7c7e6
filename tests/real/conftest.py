"""What real tests share: a bare server for all tests of a module."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from support.byhand import ByHand
from support.caches import Rows, short
from support.loads import Server, served
from support.programs import Programs
from support.project import Project
from support.suites import Suites


@pytest.fixture(scope="module")
def one_for_all(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with served(tmp_path_factory.mktemp("server")) as made:
        yield made


@pytest.fixture
def server(one_for_all: Server) -> Server:
    """A server without any key."""
    with one_for_all.client() as client:
        client.flushall()
    return one_for_all


@pytest.fixture
def by_hand(project: Project) -> Iterator[ByHand]:
    """Servers that the test starts itself, as somebody else would."""
    with closing(ByHand(project.root)) as made:
        yield made


@pytest.fixture
def client(server: Server) -> Iterator[Any]:
    """A client of the bare server with the short time-outs of a cache."""
    with short(server.port) as made:
        yield made


@pytest.fixture
def suites(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Suites]:
    """A suite of somebody else, for the pytest plugin."""
    made = Suites(tmp_path_factory.mktemp("suites"))
    yield made
    made.cleanup()


@pytest.fixture
def rows() -> Rows:
    """What a cache loads."""
    return Rows(a=1, b=2)


@pytest.fixture
def programs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Programs]:
    """Python programs that use redistopo as a library."""
    made = Programs(tmp_path_factory.mktemp("programs"))
    yield made
    made.cleanup()
