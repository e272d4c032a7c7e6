"""What commands import: start-up takes as long as that, so nothing that they don't use."""

import subprocess
import sys

import pytest
from support.engines import BUNDLED
from support.project import Project


def _imported(project: Project, *words: str) -> set[str]:
    """Every module that a command imported, its packages too, as Python itself reports."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "redistopo", *words],
        cwd=project.root, env=project.environment(),
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    lines = (line for line in done.stderr.splitlines() if line.startswith("import time:"))
    return {line.rpartition("|")[2].strip() for line in lines}


def _packages(names: set[str]) -> set[str]:
    """The rooms of redistopo among them, and what isn't of Python's own library."""
    rooms = {".".join(name.split(".")[:2]) for name in names if name.startswith("redistopo.")}
    roots = {name.partition(".")[0] for name in names}
    return rooms | (roots & {"click", "flask", "jinja2", "psutil", "redis", "rich"})


@pytest.mark.parametrize("flag", ["--help", "--version"])
def test_to_list_the_verbs_imports_none(project: Project, flag: str) -> None:
    names = _imported(project, flag)
    assert not [name for name in names if name.startswith("redistopo.cli.commands")]
    assert _packages(names) == {"click", "redistopo.cli", "redistopo.errors"}
    assert names.isdisjoint({"asyncio", "dataclasses", "json", "redistopo.cli.run_verb"})


def test_status_imports_what_it_takes_to_look(project: Project) -> None:
    project.init("replication", engine=BUNDLED.path)
    project.up()
    names = _imported(project, "status")
    assert _packages(names).isdisjoint({"jinja2", "rich", "redistopo.render", "redistopo.doctor"})
    verbs = {name for name in names if name.startswith(("redistopo.ops.", "redistopo.cli.views."))}
    assert verbs == {"redistopo.ops.status", "redistopo.cli.views.status"}
    unused = (
        "execute.executor",
        "host.engine_search",
        "model.planning.reconcile",
    )
    assert names.isdisjoint(f"redistopo.{name}" for name in unused)
