"""docs/testing.md: its suites for Node run as they are printed, on what `run` starts."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from support.engines import BUNDLED
from support.forked import FORKER
from support.pages import ROOT
from support.project import Project

PAGE = (ROOT / "docs" / "testing.md").read_text("utf-8")
NODE = PAGE.partition("## Node")[2].partition("## Go")[0]
FILES = dict(re.findall(r"`([\w.]+\.js)`:\n\n```js\n(.*?)```", NODE, re.DOTALL))
LINES = re.findall(r"^\$ (.+)$", NODE, re.MULTILINE)

NEEDED = bool(os.environ.get("TESTS_NEED_NODE"))


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the clients of the page, in exactly these versions."""
    from support.network import outside

    if shutil.which("npm") is None:
        assert not NEEDED, "no npm, and the gate needs it"
        pytest.skip("no npm")
    folder = tmp_path_factory.mktemp("node")
    words = [*LINES[0].split(), "--no-audit", "--no-fund", "--ignore-scripts"]
    with outside():
        done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode and not NEEDED:
        pytest.skip("no way to the npm registry")
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.parametrize("line", LINES[1:])
def test_a_suite_in_node_runs_as_it_is_printed(project: Project, packages: Path, line: str) -> None:
    (project.root / "node_modules").symlink_to(packages / "node_modules")
    for name, text in FILES.items():
        (project.root / name).write_text(text)
    line = line.replace("redistopo ", f"'{FORKER.put_into(project.root)}' ", 1)
    # node's runner has another format on a terminal, and one in which a failure can't hide
    env = project.environment() | {"REDISTOPO_SERVER": BUNDLED.path, "NODE_OPTIONS": ""}
    words = ["sh", "-c", line.replace("--test ", "--test --test-reporter=tap ")]
    done = subprocess.run(
        words, cwd=project.root, env=env, capture_output=True, text=True, timeout=90, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.findall(r"^ok \d - (.*)$", done.stdout, re.MULTILINE) == ["ioredis", "node-redis"]


def test_a_suite_that_fails_fails_the_run(project: Project) -> None:
    node = shutil.which("node")
    if node is None:
        assert not NEEDED, "no node, and the gate needs it"
        pytest.skip("no node")
    (project.root / "a.test.js").write_text(
        'require("node:test")("a", () => { throw new Error(process.env.REDIS_PORT) })'
    )
    assert project.run("run", "standalone", "--", node, "--test", "a.test.js").code == 1
