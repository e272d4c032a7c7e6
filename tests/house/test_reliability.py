"""docs/reliability.md promises exactly what marked tests prove."""

import os
import subprocess
import sys
from pathlib import Path

from support.faults import Row, read_rows, write_rows

_COLLECT = """
import sys, pytest
from support.faults import rows_of

class Collector:
    def pytest_collection_finish(self, session):
        for item in session.items:
            for row in rows_of(item):
                print("ROW", row.test, row.fault, row.does, sep="\\t")

sys.exit(pytest.main(
    ["--collect-only", "-qq", "-n", "0", "-p", "no:cacheprovider", "-m", "fault", *sys.argv[1:]],
    plugins=[Collector()],
))
"""


def _marked(root: Path) -> set[Row]:
    files = [
        str(path.relative_to(root))
        for path in (root / "tests").rglob("test_*.py")
        if "mark.fault(" in path.read_text(encoding="utf-8")
    ]
    done = subprocess.run(
        [sys.executable, "-c", _COLLECT, *files],
        cwd=root, capture_output=True, text=True, check=False, timeout=120,
        env={**os.environ, "PYTHONPATH": str(root / "tests"), "REDISTOPO_UPDATE_GOLDENS": ""},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    told = [line.split("\t")[1:] for line in done.stdout.splitlines() if line.startswith("ROW\t")]
    return {Row(*one) for one in told}


def test_the_table_of_faults_is_what_the_marked_tests_say(root: Path) -> None:
    marked = _marked(root)
    assert len(marked) > 40
    if os.environ.get("REDISTOPO_UPDATE_GOLDENS"):
        # rows are added by the tests themselves, when they pass; here only stale ones go
        write_rows(read_rows() & marked)
        return
    assert read_rows() == marked
