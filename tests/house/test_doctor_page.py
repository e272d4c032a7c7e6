"""docs/doctor.md lists every check and every known flaw; REDISTOPO_UPDATE_GOLDENS=1 writes them."""

import os
import re
from pathlib import Path

import pytest

from redistopo.doctor.catalogue import AILMENTS, EXAMS
from redistopo.doctor.vulnerabilities import AS_OF, FLAWS


def _exams() -> str:
    rows = ["| check | asks |", "| --- | --- |"]
    rows += [f"| `{one.id}` | {one.asks} |" for one in (*EXAMS, *AILMENTS)]
    return "\n".join(rows)


def _flaws() -> str:
    rows = ["| of | what | from | mended in | |", "| --- | --- | --- | --- | --- |"]
    for flaw in FLAWS:
        fixed = ", ".join(map(str, flaw.fixed))
        since = str(flaw.since) if flaw.since.major else "the first"
        notes = "; ".join(
            ["without a password"] * flaw.anybody + ["only where it listens by TLS"] * flaw.tls
        )
        ids = ", ".join(flaw.ids)
        rows.append(f"| {flaw.product.label} | {ids}: {flaw.what} | {since} | {fixed} | {notes} |")
    return "\n".join(rows)


@pytest.mark.parametrize(("name", "table"), [("exams", _exams()), ("flaws", _flaws())])
def test_the_table_is_as_the_code_says(root: Path, name: str, table: str) -> None:
    page = root / "docs" / "doctor.md"
    text = page.read_text(encoding="utf-8")
    block = re.compile(rf"(<!-- {name}: [^\n]*-->\n).*?(<!-- end -->)", re.DOTALL)
    wanted = block.sub(lambda found: f"{found[1]}{table}\n{found[2]}", text)
    if os.environ.get("REDISTOPO_UPDATE_GOLDENS"):
        page.write_text(wanted, encoding="utf-8")
        return
    assert text == wanted
    assert table in text


def test_the_date_of_the_table_is_told(root: Path) -> None:
    page = (root / "docs" / "doctor.md").read_text(encoding="utf-8")
    assert f"<!-- as of --> {AS_OF} <!-- end -->" in page
