"""Asynchronous clients are closed in the loop in which the test used them."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

Registering = Callable[[Any], Any]
"""Takes a client, closes it after the test, and returns it."""


async def closing() -> AsyncIterator[Registering]:
    """Close what was registered; as a fixture, it runs in the loop of the test."""
    made: list[Any] = []

    def register(client: Any) -> Any:
        made.append(client)
        return client

    yield register
    for client in made:
        await client.aclose()


def closed_later(request: pytest.FixtureRequest) -> Registering:
    """What closes clients of the requesting test; the test fails if nothing runs it in a loop."""
    if "anyio_backend" in request.fixturenames:
        backend = request.getfixturevalue("anyio_backend_name")
        if backend != "asyncio":
            pytest.fail(
                f"redis.asyncio needs asyncio, and this test runs on {backend}: have a fixture "
                'anyio_backend return "asyncio"',
                pytrace=False,
            )
        name = "_redistopo_closing_in_anyio"
    elif request.config.pluginmanager.has_plugin("asyncio"):
        name = f"_redistopo_closing_in_{_loop_scope(request)}_loop"
    else:
        pytest.fail(
            f"{request.fixturename} needs pytest-asyncio or anyio; to install one, type: "
            "pip install pytest-asyncio",
            pytrace=False,
        )
    found: Registering = request.getfixturevalue(name)
    return found


def _loop_scope(request: pytest.FixtureRequest) -> str:
    """The scope of the loop in which pytest-asyncio runs the test."""
    mark = request.node.get_closest_marker("asyncio")
    own = mark.kwargs.get("loop_scope") if mark else None
    try:
        return str(own or request.config.getini("asyncio_default_test_loop_scope") or "function")
    except ValueError:  # a version without that option
        return str(own or "function")


closing_in_anyio = pytest.fixture(closing, name="_redistopo_closing_in_anyio")
"""anyio runs it in the loop of the test, whatever the test's scope."""
