"""Tables of cases for checks: what is changed in a healthy topology, and what is said of it."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from redistopo.model.state.finding import Finding, Status

Change = Callable[[Any], Any]

Case = tuple[str, Status, str, str, Change]
"""The check, its finding's status, subject and part of the evidence, and the change."""

Shaped = tuple[str, str, Status, str, str, Change]
"""The same, with the topology's shape behind the check."""


def table(cases: Sequence[Case] | Sequence[Shaped]) -> pytest.MarkDecorator:
    """The test runs with each `case`, told by all but its subject and its change."""
    named = [f"{' '.join(map(str, case[:-3]))}: {case[-2]}" for case in cases]
    return pytest.mark.parametrize("case", cases, ids=named)


def alone(healthy: Any, case: Case) -> str:
    """The evidence of the check's only finding, which has that status and subject."""
    check, status, about, _, change = case
    found = change(healthy).findings(check)
    assert [(one.status, one.subject) for one in found] == [(status, about)], found
    return str(found[0].evidence)


def among(healthy: Any, case: Case) -> tuple[Finding, ...]:
    """The check's findings; one of them has that status, subject and evidence."""
    check, status, about, says, change = case
    found: tuple[Finding, ...] = change(healthy).findings(check)
    told = [one.evidence for one in found if (one.status, one.subject) == (status, about)]
    assert any(says in evidence for evidence in told), found
    return found
