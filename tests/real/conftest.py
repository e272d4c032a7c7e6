"""What real tests share: a bare server for all tests of a module."""

from collections.abc import Iterator

import pytest
from support.loads import Server, served


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
