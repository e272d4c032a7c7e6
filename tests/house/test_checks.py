"""Every check has a name of its own, a question, and samples that it passes and fails."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.unread import READ_BY, READS, WAYS

from redistopo.checks.catalogue import CHECKS
from redistopo.checks.check_types import Check
from redistopo.doctor.doctor_checks import DOCTOR_CHECKS, EXTRA_CHECKS, DoctorCheck
from redistopo.model.state.finding import Status

UNIT = Path(__file__).parents[1] / "unit"
TABLES = [
    "doctor/test_topology_risks.py",
    *(str(path.relative_to(UNIT)) for path in UNIT.glob("checks/test_*_checks.py")),
]

ALL = (*CHECKS, *EXTRA_CHECKS)
IDS = [check.id for check in ALL]
EXAM_IDS = [exam.id for exam in DOCTOR_CHECKS]


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
    assert len({*IDS, *EXAM_IDS}) == len(IDS) + len(EXAM_IDS)


@pytest.mark.parametrize("check", [*ALL, *DOCTOR_CHECKS], ids=[*IDS, *EXAM_IDS])
def test_a_check_asks_a_question(check: Check | DoctorCheck) -> None:
    assert check.question.strip().endswith("?")


@pytest.mark.parametrize("check", [*ALL, *DOCTOR_CHECKS], ids=[*IDS, *EXAM_IDS])
def test_a_check_is_explained_where_it_judges(check: Check | DoctorCheck) -> None:
    assert check.judge.__doc__


WARNING = {"node.versions", "config.uneven", "placement.majority", "hosts.restart"}
"""Checks of what works, but not as asked for: they only warn."""


@pytest.mark.parametrize("check", [check.id for check in CHECKS])
def test_a_check_has_a_sample(samples: set[tuple[str, Status]], check: str) -> None:
    assert (check, Status.OK) in samples
    assert (check, Status.WARN if check in WARNING else Status.FAIL) in samples


@pytest.mark.parametrize("check", [check.id for check in EXTRA_CHECKS])
def test_an_ailment_has_samples(samples: set[tuple[str, Status]], check: str) -> None:
    assert (check, Status.OK) in samples
    assert {(check, Status.WARN), (check, Status.FAIL)} & samples


def test_no_sample_is_of_a_check_that_is_gone(samples: set[tuple[str, Status]]) -> None:
    assert {check for check, _ in samples} <= set(IDS)


@pytest.mark.parametrize("exam", EXAM_IDS)
def test_an_exam_of_the_doctor_has_samples(table: Callable[[str], Any], exam: str) -> None:
    statuses = {case[1] for case in table("doctor/test_exams.py") if case[0] == exam}
    assert Status.OK in statuses
    assert statuses & {Status.WARN, Status.FAIL}


@pytest.mark.parametrize("check", [check.id for check in CHECKS])
def test_a_check_has_samples_of_every_way_in_which_a_read_fails(check: str) -> None:
    """tests/unit/checks/test_unread_table.py judges each of them."""
    assert READ_BY.get(check), f"say in tests/support/unread.py what {check} reads"
    assert set(READ_BY[check]) <= set(READS)
    assert set(WAYS) == {"refused", "unknown command", "renamed", "no rights", "time-out"}
    assert set(READ_BY) == {one.id for one in CHECKS}
