"""The house's rules on its own sources and on what the README promises."""

import re
from pathlib import Path

import pytest

from redistopo.errors import ExitCode
from redistopo.model.topology.spec import TOPOLOGY_KEYS

MOST_LINES = 350


def test_no_file_is_too_long_to_be_read_in_one_go(root: Path) -> None:
    lengths = {
        path.relative_to(root).as_posix(): len(path.read_text(encoding="utf-8").splitlines())
        for path in (root / "redistopo").rglob("*.py")
    }
    assert len(lengths) > 50
    assert {path: n for path, n in lengths.items() if n > MOST_LINES} == {}


@pytest.mark.fault(
    "the system's clock is changed",
    "no wait and no deadline goes by it: the wall clock is read only to write a date down",
)
def test_the_wall_clock_is_read_only_for_dates(root: Path) -> None:
    reads = re.compile(r"\btime\.time\(|\bdatetime\.(now|today|utcnow)\(|\bdate\.today\(")
    found = {
        path.relative_to(root).as_posix()
        for path in (root / "redistopo").rglob("*.py")
        if reads.search(path.read_text(encoding="utf-8"))
    }
    # each writes a date into a record, a report, a stream or a certificate, or reads one from a
    # log; the moment of a drill's fault is compared with servers' logs, which know no other clock
    assert found == {
        "redistopo/drill/fault_injection.py",
        "redistopo/ops/bundle.py",
        "redistopo/ops/drill.py",
        "redistopo/ops/drill_all.py",
        "redistopo/session/diagnosis.py",
        "redistopo/project/lifecycle.py",
        "redistopo/ops/logs.py",
        "redistopo/host/archive.py",
        "redistopo/project/certificates.py",
        "redistopo/client/poller.py",
        "redistopo/project/progress_log.py",
        "redistopo/client/tls.py",
    }


@pytest.mark.parametrize("code", list(ExitCode))
def test_an_exit_code_is_named_in_the_readme(code: ExitCode, readme: str) -> None:
    # a line of its own, as `| 0 | done |` in a table or "- `0`: done" in a list
    assert re.search(rf"^[|*\s-]+`?{int(code)}`?\b", readme, re.MULTILINE)


@pytest.mark.parametrize("key", [key.name for key in TOPOLOGY_KEYS])
def test_a_key_of_the_topology_file_is_named_in_the_readme(key: str, readme: str) -> None:
    assert f"`{key}`" in readme
