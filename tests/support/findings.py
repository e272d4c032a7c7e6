"""Findings out of the JSON of `doctor` and `verify`."""

from typing import Any

from support.project import Done


def found_in(done: Done, check: str, status: str) -> list[dict[str, Any]]:
    """The findings of a check with that status, out of the JSON."""
    findings = done.json["result"]["findings"]
    return [one for one in findings if (one["check"], one["status"]) == (check, status)]


def only(done: Done, check: str, status: str) -> dict[str, Any]:
    found = found_in(done, check, status)
    assert len(found) == 1, done.out
    return found[0]
