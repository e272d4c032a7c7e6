"""docs/doctor.md lists every check and vulnerability; REDISTOPO_UPDATE_GOLDENS=1 writes them."""

from pathlib import Path

import pytest
from support.pages import hold

from redistopo.doctor.doctor_checks import DOCTOR_CHECKS, EXTRA_CHECKS
from redistopo.doctor.vulnerabilities import AS_OF, VULNERABILITIES


def _exams() -> str:
    rows = ["| check | asks |", "| --- | --- |"]
    rows += [f"| `{one.id}` | {one.question} |" for one in (*DOCTOR_CHECKS, *EXTRA_CHECKS)]
    return "\n".join(rows)


def _flaws() -> str:
    rows = [
        "| product | vulnerability | since | fixed in | condition |",
        "| --- | --- | --- | --- | --- |",
    ]
    for flaw in VULNERABILITIES:
        fixed = ", ".join(map(str, flaw.fixed))
        since = str(flaw.since) if flaw.since.major else "first release"
        notes = "; ".join(
            ["no password needed"] * flaw.unauthenticated + ["only with a TLS port"] * flaw.tls
        )
        ids = ", ".join(flaw.ids)
        rows.append(f"| {flaw.product.label} | {ids}: {flaw.what} | {since} | {fixed} | {notes} |")
    return "\n".join(rows)


@pytest.mark.parametrize(("name", "table"), [("exams", _exams()), ("flaws", _flaws())])
def test_a_table_matches_the_code(root: Path, name: str, table: str) -> None:
    hold(root / "docs" / "doctor.md", name, table)


def test_the_date_of_the_table_is_named(root: Path) -> None:
    page = (root / "docs" / "doctor.md").read_text(encoding="utf-8")
    assert f"<!-- as of --> {AS_OF} <!-- end -->" in page
