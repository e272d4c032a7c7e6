"""The pytest plugin's asynchronous clients, in loops of pytest-asyncio and of anyio."""

import pytest
from support.forms import spread
from support.suites import Suites

SHAPES = ("cluster", "sentinel", "replication", "standalone")

BODY = """
    assert await client.dbsize() == 0
    assert await client.set("a", 1)
    assert await client.get("a") == b"1"
"""

TESTS = "\n".join(
    f"""
@mark
async def test_{shape}(async_redis_{shape}):
    client = async_redis_{shape}{BODY}

@mark
async def test_{shape}_again(async_redis_{shape}):
    client = async_redis_{shape}{BODY}
"""
    for shape in SHAPES
)

MARKS = {
    "asyncio": "pytest.mark.asyncio",
    "asyncio in a module's loop": "pytest.mark.asyncio(loop_scope='module')",
    "asyncio in a session's loop": "pytest.mark.asyncio(loop_scope='session')",
    "anyio": "pytest.mark.anyio",
}


@pytest.mark.parametrize("name", spread(list(MARKS), 2))
def test_a_client_works_and_is_closed_in_the_loop_of_its_test(suites: Suites, name: str) -> None:
    suites.passes(f"import pytest\nmark = {MARKS[name]}\n{TESTS}")


@pytest.mark.parametrize(
    "words",
    spread(
        [
            ("-p", "no:asyncio", "-o", "anyio_mode=auto"),
            ("-o", "asyncio_mode=auto"),
            ("-p", "no:anyio", "-o", "asyncio_mode=auto"),
        ],
        1,
    ),
    ids=" ".join,
)
def test_in_automatic_mode_no_test_needs_a_mark(suites: Suites, words: tuple[str, ...]) -> None:
    suites.passes("def mark(test): return test\n" + TESTS, *words)


def test_fixtures_that_use_a_client_end_before_it(suites: Suites) -> None:
    suites.passes(
        """
import pytest, pytest_asyncio
from redistopo.pytest_plugin import factories

texts = factories.async_client("redistopo_standalone", decode_responses=True)

@pytest_asyncio.fixture
async def stored(texts):
    await texts.set("a", "text")
    yield texts
    assert await texts.delete("a") == 1

@pytest.mark.asyncio
async def test_stored(stored):
    assert await stored.get("a") == "text"

class TestInAClass:
    pytestmark = pytest.mark.asyncio(loop_scope="class")

    async def test_one(self, async_redis_cluster):
        await async_redis_cluster.set("a", 1)

    async def test_other(self, async_redis_cluster, redis_cluster):
        assert await async_redis_cluster.get("a") is None
        assert redis_cluster.dbsize() == 0
"""
    )


def test_without_a_plugin_for_loops_the_test_is_told_what_to_type(suites: Suites) -> None:
    suites.write(ini="[pytest]\n", test_it="def test(async_redis_cluster): pass")
    done = suites.pytest("-p", "no:asyncio", "-p", "no:anyio")
    assert done.code == 1
    assert "async_redis_cluster needs pytest-asyncio or anyio" in done.out
    assert "pip install pytest-asyncio" in done.out
    suites.nothing_left()
