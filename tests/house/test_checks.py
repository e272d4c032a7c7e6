"""Every check has a name of its own, a question, and samples that it passes and fails."""

from collections.abc import Callable
from typing import Any

import pytest

from redistopo.checks.catalogue import CHECKS
from redistopo.checks.subject import Check
from redistopo.model.findings import Status

TABLES = [
    "checks/test_node_checks.py",
    "checks/test_cluster_checks.py",
    "checks/test_replication_checks.py",
    "checks/test_sentinel_checks.py",
]

IDS = [check.id for check in CHECKS]


@pytest.fixture(scope="module")
def samples(table: Callable[[str], Any]) -> set[tuple[str, Status]]:
    """What the unit tests prove: (check, status) of each of their samples."""
    found: set[tuple[str, Status]] = set()
    for path in TABLES:
        for case in table(path):
            status = next(part for part in case if isinstance(part, Status))
            found.add((case[0], status))
    return found


def test_no_two_checks_share_an_id() -> None:
    assert len(set(IDS)) == len(IDS)


@pytest.mark.parametrize("check", CHECKS, ids=IDS)
def test_a_check_asks_a_question(check: Check) -> None:
    assert check.asks.strip().endswith("?")


@pytest.mark.parametrize("check", CHECKS, ids=IDS)
def test_a_check_is_explained_where_it_judges(check: Check) -> None:
    assert check.judge.__doc__


@pytest.mark.parametrize("status", [Status.OK, Status.FAIL])
@pytest.mark.parametrize("check", IDS)
def test_a_check_has_a_sample(samples: set[tuple[str, Status]], check: str, status: Status) -> None:
    assert (check, status) in samples


def test_no_sample_is_of_a_check_that_is_gone(samples: set[tuple[str, Status]]) -> None:
    assert {check for check, _ in samples} <= set(IDS)
