"""The table of faults in docs/reliability.md: written by the tests that bear the marker.

`@pytest.mark.fault(what happens, what redistopo does)` makes a test one row. With
REDISTOPO_UPDATE_GOLDENS=1 a run writes the rows of the marked tests that it ran and that
passed, takes out those that failed, and leaves the rows of tests that it didn't run.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"
_BLOCK = re.compile(r"(<!-- faults: [^\n]*-->\n)(.*?)(<!-- end -->)", re.DOTALL)
_HEAD = "| fault | what redistopo does | test |\n| --- | --- | --- |\n"
_PROPERTY = "fault"


@dataclass(frozen=True, slots=True, order=True)
class Row:
    """One fault: the test that makes it, what happens, and what redistopo does."""

    test: str
    fault: str
    does: str

    def __str__(self) -> str:
        return f"| {self.fault} | {self.does} | `{self.test}` |\n"


def rows_of(item: pytest.Item) -> Iterator[Row]:
    """The rows that a test stands for; one for all of its parameters, or one for each."""
    for mark in item.iter_markers(_PROPERTY):
        fault, does = mark.args
        yield Row(item.nodeid.partition("[")[0].removeprefix("tests/"), fault, does)


def read_rows() -> set[Row]:
    """The rows in the page."""
    block = _BLOCK.search(PAGE.read_text(encoding="utf-8"))
    assert block is not None, f"{PAGE} has no block for the faults"
    cells = re.findall(r"^\| (.+) \| (.+) \| `(.+)` \|$", block[2], re.MULTILINE)
    return {Row(test, fault, does) for fault, does, test in cells}


def write_rows(rows: set[Row]) -> None:
    """The page holds these rows, by test."""
    text = PAGE.read_text(encoding="utf-8")
    table = _HEAD + "".join(map(str, sorted(rows)))
    PAGE.write_text(_BLOCK.sub(lambda found: found[1] + table + found[3], text), encoding="utf-8")


class Keeper:
    """Gathers outcomes where all reports arrive: in the one process, or xdist's controller."""

    def __init__(self) -> None:
        self.passed: set[Row] = set()
        self.failed: set[Row] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        rows = {Row(*value) for name, value in report.user_properties if name == _PROPERTY}
        if report.when == "call" and report.passed:
            self.passed |= rows
        elif report.failed or report.skipped:
            self.failed |= rows

    def pytest_sessionfinish(self) -> None:
        ran = {row.test for row in self.passed | self.failed}
        kept = {row for row in read_rows() if row.test not in ran}
        write_rows(kept | (self.passed - self.failed))


def pytest_configure(config: pytest.Config) -> None:
    if os.environ.get("REDISTOPO_UPDATE_GOLDENS") and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Keeper(), "fault-table")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for row in rows_of(item):
            item.user_properties.append((_PROPERTY, (row.test, row.fault, row.does)))
