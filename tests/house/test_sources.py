"""Rules on the sources of the package."""

import re
import subprocess
from pathlib import Path

import pytest

MOST_LINES = 350


def test_no_file_is_too_long_to_be_read_in_one_go(root: Path) -> None:
    lengths = {
        path.relative_to(root).as_posix(): len(path.read_text(encoding="utf-8").splitlines())
        for path in (root / "redistopo").rglob("*.py")
    }
    assert len(lengths) > 50
    assert {path: n for path, n in lengths.items() if n > MOST_LINES} == {}


def test_no_file_has_the_marks_of_a_conflict(root: Path) -> None:
    files = subprocess.run(
        ["git", "grep", "-lE", "^(<<<<<<<|>>>>>>>) "],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    if files.returncode == 128:
        pytest.skip("this is not a checkout of git")
    assert files.stdout.split() == []


@pytest.mark.fault(
    "the system clock is changed",
    "no effect: waits and deadlines use the monotonic clock; the wall clock is read only for dates",
)
def test_the_wall_clock_is_read_only_for_dates(root: Path) -> None:
    reads = re.compile(r"\btime\.time\(|\bdatetime\.(now|today|utcnow)\(|\bdate\.today\(")
    found = {
        path.relative_to(root).as_posix()
        for path in (root / "redistopo").rglob("*.py")
        if reads.search(path.read_text(encoding="utf-8"))
    }
    # each writes a date into a record, a report, a stream or a certificate, or reads one from a
    # log, or compares a process's start with one of ours; the moment of a drill's fault is compared
    # with servers' logs, which know no other clock, and so are the beginning of a user's test and
    # of its topology; the clocks of other hosts are compared with ours
    assert found == {
        "redistopo/client/execute_each.py",
        "redistopo/host/fleet/library/redistopo_host.py",
        "redistopo/host/fleet/seen.py",
        "redistopo/drill/fault_injection.py",
        "redistopo/ops/bundle.py",
        "redistopo/ops/drill.py",
        "redistopo/ops/drill_all.py",
        "redistopo/ops/drill_grow.py",
        "redistopo/session/diagnosis.py",
        "redistopo/project/topology_record.py",
        "redistopo/ops/logs.py",
        "redistopo/session/slot_job.py",
        "redistopo/ops/metrics.py",
        "redistopo/ops/snapshot.py",
        "redistopo/ops/upgrade.py",
        "redistopo/pytest_plugin/__init__.py",
        "redistopo/pytest_plugin/own_servers.py",
        "redistopo/pytest_plugin/shared_topology.py",
        "redistopo/snapshot/take.py",
        "redistopo/host/archive.py",
        "redistopo/host/server_process.py",
        "redistopo/project/certificates.py",
        "redistopo/project/certificate_authority.py",
        "redistopo/project/export_certificates.py",
        "redistopo/ops/events.py",
        "redistopo/demo/backend.py",
        "redistopo/demo/page_state.py",
        "redistopo/project/progress_log.py",
        "redistopo/client/tls.py",
    }


def test_only_the_one_polling_loop_sleeps(root: Path) -> None:
    found = {
        path.relative_to(root).as_posix()
        for path in (root / "redistopo").rglob("*.py")
        if "time.sleep(" in path.read_text(encoding="utf-8")
    }
    # the pattern to copy can't import it, nor can what runs on another host, and the demo's
    # database is slow on purpose
    assert found == {
        "redistopo/host/polling.py",
        "redistopo/host/fleet/module_utils/redistopo_processes.py",
        "redistopo/host/fleet/module_utils/redistopo_seen.py",
        "redistopo/cache_aside/cache.py",
        "redistopo/demo/database.py",
    }


def test_processes_are_listed_as_they_are_now(root: Path) -> None:
    """psutil.process_iter keeps what it knew of a pid's former process."""
    found = [
        str(path)
        for folder in ("redistopo", "tests", "benchmarks")
        for path in (root / folder).rglob("*.py")
        if f"process_{'iter'}(" in path.read_text(encoding="utf-8")
    ]
    assert found == []


def test_classes_are_declared_by_the_quick_dataclass(root: Path) -> None:
    """That of the standard library takes 1 ms for each class, at each start that imports it."""
    apart = ("cache_aside/", "host/fleet/library/", "host/fleet/module_utils/", "quick_dataclass")
    package = root / "redistopo"
    paths = {path.relative_to(package).as_posix(): path for path in package.rglob("*.py")}
    slow = re.compile(r"^ *from dataclasses import .*\bdataclass\b", re.M)
    found = [
        name
        for name, path in paths.items()
        if not name.startswith(apart) and slow.search(path.read_text(encoding="utf-8"))
    ]
    assert found == [], "from redistopo.quick_dataclass import dataclass"
