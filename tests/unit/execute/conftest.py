"""A topology on a machine in memory."""

from collections.abc import Callable

import pytest
from support.bench import Bench, bench_for

from redistopo.model.planning.plan import Plan


@pytest.fixture
def bench(plan: Callable[..., Plan]) -> Callable[..., Bench]:
    """bench("cluster", shards=3): nothing runs, nothing is on disk, no server ever answers."""

    def made(shape: str = "cluster", *, seconds: float = 0.25, **keys: object) -> Bench:
        return bench_for(plan(shape, **keys), seconds)

    return made
