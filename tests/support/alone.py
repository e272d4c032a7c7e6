"""A second look at the few tests that failed beside others: `python -m support.alone CODE`.

The suite keeps more servers than the machine has cores, so that a test's own condition may come too
late, although nothing is wrong. Such a test has to pass several times alone, and is named at the
end of the run: it awaits something that it doesn't name, and is to be mended. A test that fails
because something is wrong fails here, too, and a run with many failures is never looked at again.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

MOST = 3
"""More failures than these aren't bad luck."""

TIMES = 3
"""A test that fails every third time passes this with a probability of 30 %."""

_FAILED = Path(".pytest_cache/v/cache/lastfailed")


def failed() -> list[str]:
    """The tests that failed in the last run in this folder."""
    return sorted(json.loads(_FAILED.read_text())) if _FAILED.exists() else []


def passes_alone(test: str) -> bool:
    """Whether a test passes several times, with nothing beside it but itself: in a row, it would
    take the last minute of the gate."""
    words = [sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", test]
    runs = [subprocess.Popen(words) for _ in range(TIMES)]
    return [run.wait() for run in runs] == [0] * TIMES


def main(code: int) -> int:
    """Return 0 if few tests failed and all of them pass alone; else the code of the run."""
    tests = failed()
    if code != pytest.ExitCode.TESTS_FAILED or not 0 < len(tests) <= MOST:
        return code
    if not all(passes_alone(test) for test in tests):
        return code
    for test in tests:
        sys.stderr.write(f"FAILED BESIDE OTHERS, PASSED ALONE {TIMES} TIMES: {test}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
