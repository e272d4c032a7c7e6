"""docs/cache-aside.md: its example runs as it stands, and a copy of the folder is enough."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.loads import served

from redistopo import cache_aside, demo

ROOT = Path(__file__).parents[2]
LIBRARY = ROOT / "redistopo" / "cache_aside"


@pytest.fixture(scope="module")
def page() -> str:
    return (ROOT / "docs" / "cache-aside.md").read_text(encoding="utf-8")


def _run(folder: Path, code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def _example(page: str, port: int) -> str:
    found = re.search(r"```python\n(.*?)```", page, re.DOTALL)
    assert found
    return found[1].replace("6379", str(port))


def test_the_example_prints_what_its_comments_say(page: str, tmp_path: Path) -> None:
    with served(tmp_path) as server:
        code = _example(page, server.port)
        assert code.strip().count("\n") <= 15
        said = _run(ROOT, code).split()
    assert said == re.findall(r"^print\(.*#\s*(\S+)$", code, re.MULTILINE)


def test_a_copy_of_the_folder_works_as_a_package_of_ones_own(page: str, tmp_path: Path) -> None:
    shutil.copytree(LIBRARY, tmp_path / "mine" / "cache_aside")
    with served(tmp_path) as server:
        code = _example(page, server.port).replace(
            "from redistopo.cache_aside import", "from mine.cache_aside import"
        )
        check = "\nimport sys, mine.cache_aside.slot_refresh\nprint('redistopo' in sys.modules)"
        assert _run(tmp_path, code + check).split() == ["database", "cache", "25", "False"]


def test_the_page_and_the_module_name_every_file(page: str) -> None:
    library = {path.name for path in LIBRARY.glob("*.py")} - {"__init__.py"}
    module = (LIBRARY / "cache.py").read_text(encoding="utf-8").split('"""')[1]
    assert set(re.findall(r"`(\w+\.py)`", page)) <= library
    assert set(re.findall(r"`(\w+\.py)`", module)) == library - {"cache.py"}


def test_the_demo_still_offers_the_library() -> None:
    for name in cache_aside.__all__:
        assert getattr(demo, name) is getattr(cache_aside, name)
