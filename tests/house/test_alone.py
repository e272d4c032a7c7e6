"""What failed beside others is looked at again, alone; what is wrong fails nevertheless."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support import alone

_SUPPORT = Path(alone.__file__).parents[1]

ONCE = """
def test_{name}(tmp_path_factory):
    import os
    from itertools import count
    for before in count():
        try:
            os.mkdir(f"{name}{{before}}")  # also if several run at once
            break
        except FileExistsError:
            pass
    assert before not in {fails}
"""


def _code(folder: Path, **fails: tuple[int, ...]) -> subprocess.CompletedProcess[str]:
    """A run of tests, each of which fails in the runs that are named, and the second look."""
    folder.joinpath("test_these.py").write_text(
        "".join(ONCE.format(name=name, fails=runs) for name, runs in fails.items())
    )
    environment = os.environ | {
        "PYTHONPATH": str(_SUPPORT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTEST_ADDOPTS": "-p xdist.plugin",  # which knows -n
    }  # fmt: skip
    environment.pop("PYTEST_XDIST_WORKER", None)
    python = [sys.executable, "-m"]
    first = subprocess.run([*python, "pytest", "-q"], cwd=folder, env=environment, check=False)
    return subprocess.run(
        [*python, "support.alone", str(first.returncode)],
        cwd=folder, env=environment, check=False, capture_output=True, text=True,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("fails", "code"),
    [
        ({"one": (0,)}, 0),
        ({"one": (0, 3)}, 1),
        (dict.fromkeys("abcd", (0,)), 1),
    ],
)
def test_a_failure_is_forgiven_only_if_the_test_passes_each_time_alone(
    tmp_path: Path, fails: dict[str, tuple[int, ...]], code: int
) -> None:
    done = _code(tmp_path, **fails)
    assert done.returncode == code
    told = "".join(line for line in done.stderr.splitlines(True) if "PASSED ALONE" in line)
    assert ("::test_one" in told) is (code == 0)


@pytest.mark.parametrize("code", [2, 3, 4, 5, 6])
def test_a_run_that_broke_off_or_lacks_something_stays_failed(code: int) -> None:
    assert alone.main(code) == code
