"""A suite of tests, run by pytest with our fixtures and with those of pytest-redis.

Both sides load no other plugin. pytest-redis has a standalone server, ours is a cluster of six.
"""

import subprocess
import sys

from benchmarks import recipe
from benchmarks.stage import Stage

_SUITE = """
import pytest

@pytest.mark.parametrize("number", range({count}))
def test_small({client}, number):
    assert {client}.set(f"key{{number}}", number)
    assert {client}.get(f"key{{number}}") == str(number).encode()
"""

_UNUSED = """
import pytest, time
manager = pytest.PytestPluginManager()
began = time.perf_counter()
import redistopo.pytest_plugin
manager.register(redistopo.pytest_plugin, "redistopo")
print(time.perf_counter() - began)
"""


def unused(stage: Stage) -> tuple[float, None]:
    """What a pytest start takes longer where no test asks."""
    argv, env = [sys.executable, "-c", _UNUSED], stage.environment
    done = subprocess.run(argv, env=env, capture_output=True, text=True, check=True)
    return float(done.stdout), None


def start_of_a_suite(stage: Stage) -> tuple[float, float]:
    """One test, and all that pytest does before and after it."""
    return _ours(stage, 1), _pytest_redis(stage, 1)


def start_and_recipe(stage: Stage) -> tuple[float, float]:
    """One test, and the servers alone, by hand."""
    return _ours(stage, 1), recipe.cluster(stage, 3, 1)


def many_tests(stage: Stage) -> tuple[float, float]:
    """Small tests, after each of which everything is reset; pytest-redis deletes keys."""
    return _ours(stage, stage.tests_of_many), _pytest_redis(stage, stage.tests_of_many)


def many_tests_by_workers(stage: Stage) -> tuple[float, float]:
    """The same by four workers, each with servers of its own."""
    workers = ("-p", "xdist", "-n", str(stage.workers))
    return (
        _ours(stage, stage.tests_of_many, *workers),
        _pytest_redis(stage, stage.tests_of_many, *workers),
    )


def _ours(stage: Stage, count: int, *words: str) -> float:
    more = ("-p", "redistopo.pytest_plugin", f"--redistopo-engine={stage.server}", *words)
    return _timed(stage, _SUITE.format(client="redis_cluster", count=count), *more)


def _pytest_redis(stage: Stage, count: int, *words: str) -> float:
    more = ("-p", "pytest_redis.plugin", f"--redis-exec={stage.server}", *words)
    return _timed(stage, _SUITE.format(client="redisdb", count=count), *more)


def _timed(stage: Stage, suite: str, *words: str) -> float:
    folder = stage.folder("suite")
    (folder / "test_suite.py").write_text(suite)
    (folder / "pytest.ini").write_text("[pytest]\n")
    pytest = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(folder))
    return stage.timed(["env", "PYTEST_DISABLE_PLUGIN_AUTOLOAD=1", *pytest, *words])
