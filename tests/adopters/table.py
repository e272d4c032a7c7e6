"""The suites: which release, on which topology, and how many of its tests pass."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Adopter:
    """A part of a project's suite, from its source distribution.

    NAME.txt beside this file pins all packages. `options` are those of `redistopo run`; `pytest`
    is run by a shell, with its variables, which reads NAME.sh first, if there is one. `passes` of
    its tests have to pass.
    """

    name: str
    source: str
    options: tuple[str, ...]
    pytest: str
    passes: int


ADOPTERS = (
    Adopter(
        name="redis-py",
        source="redis==8.1.0",
        # a test names the port 16379, that of the project's containers
        options=("cluster", "--no-auth", "--port", "16379", "--engine", "redis 8.2"),
        pytest="tests/test_cluster.py tests/test_cluster_transaction.py "
        '--redis-url "$REDIS_URL" --redis-cluster-nodes 6',
        passes=302,
    ),
    Adopter(
        name="django-redis",
        source="django-redis==7.0.0",
        # its settings name these ports, and 127.0.0.1 as the service
        options=(
            *("sentinel", "--no-auth", "--replicas", "1", "--name", "127.0.0.1"),
            *("--port", "6379", "--sentinel-port", "26379", "--engine", "redis 8.2"),
        ),
        pytest="-o addopts= -p no:django -n 2 tests",
        passes=2010,
    ),
    Adopter(
        name="rq",
        source="rq==3.0.0",
        options=("standalone", "--no-auth", "--port", "6379", "--engine", "redis 8.2"),
        pytest="tests/test_queue.py tests/test_job.py tests/test_registry.py "
        "tests/test_results.py tests/test_group.py tests/test_scheduler.py",
        passes=256,
    ),
    Adopter(
        name="celery",
        source="celery==5.7.0",
        options=(
            *("sentinel", "--no-auth", "--replicas", "1", "--name", "mymaster"),
            *("--engine", "redis 8.2"),
        ),
        # left out: what expects log records at a level that nothing sets, and a race of its own
        pytest="--timeout 100 t/integration/test_tasks.py "
        "-k 'not trace_log_arguments and not nesting_level_0'",
        passes=50,
    ),
)
