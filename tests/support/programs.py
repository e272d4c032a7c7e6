"""Programs that use the library, each in a process of its own: a fork that has the library loaded,
or a Python that starts as a user's does."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import psutil

from redistopo.host.all_processes import all_processes
from support.engines import BUNDLED
from support.forked import FORKER, Running
from support.project import Done, processes_below

STRICT = (sys.executable, "-W", "error")
"""Python that reports files and processes that a program leaves open."""

MADE = "import redistopo, json, os, redis\n"
"""How these programs begin."""


@dataclass(frozen=True)
class Programs:
    """A temporary folder of their own, in which all their ephemeral topologies are; `fresh` where
    a new Python imports the library."""

    root: Path
    fresh: bool = False

    def environment(self) -> dict[str, str]:
        own = {"TMPDIR": str(self.root), "REDISTOPO_SERVER": BUNDLED.path}
        return {**os.environ, **own}

    def begin(self, text: str, *words: str) -> "Running | subprocess.Popen[str]":
        argv, env = [*STRICT, "-c", text, *words], self.environment()
        if not self.fresh and FORKER.can(env):
            return FORKER.begin(argv, self.root, env)
        return subprocess.Popen(
            argv,
            cwd=self.root,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
        )

    def run(self, text: str, *words: str) -> Done:
        with self.begin(text, *words) as program:
            out, err = program.communicate(timeout=120)
        assert program.returncode is not None
        return Done(program.returncode, out, err)

    def quiet(self, text: str, *words: str) -> list[str]:
        """The lines that a program printed; it printed no error, and left nothing behind."""
        done = self.run(MADE + text, *words)
        assert (done.code, done.err) == (0, ""), done
        assert self.servers() == [], self.servers()
        assert self.folders == [], self.folders
        assert self.watchers() == [], self.watchers()
        return done.out.splitlines()

    def cleanup(self) -> None:
        """Nothing runs on, also where a test failed."""
        for process in self.servers():
            process.kill()

    @property
    def folders(self) -> list[Path]:
        """What is left of ephemeral topologies."""
        return sorted(self.root.glob("redistopo-ephemeral-*/*"))

    def servers(self) -> list[psutil.Process]:
        """Every server below this folder, by the process table alone."""
        return processes_below(self.root)

    def watchers(self) -> list[psutil.Process]:
        """Every watcher of a folder below this one."""
        found = []
        for process in all_processes():
            try:
                words = process.cmdline()
            except psutil.Error:
                continue
            if any("owner_watcher" in word for word in words) and str(self.root) in " ".join(words):
                found.append(process)
        return found
