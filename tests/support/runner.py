"""Runs the steps of a composite action by bash, as GitHub's runner does (its documentation:
metadata syntax for actions, and workflow commands)."""

import os
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

_EXPRESSION = re.compile(r"\$\{\{ *([\w.-]+) *\}\}")


@dataclass
class Job:
    """What lasts from step to step: variables, folders on PATH, outputs, and what was printed."""

    temp: Path
    env: dict[str, str]
    path: list[str] = field(default_factory=list)
    outputs: dict[str, dict[str, str]] = field(default_factory=dict)
    log: str = ""

    def use(self, action: Path, **inputs: str) -> dict[str, str] | None:
        """The outputs of an action with these inputs; None if a step failed."""
        made: dict[str, Any] = yaml.safe_load((action / "action.yml").read_text("utf-8"))
        known = {name: str(one.get("default", "")) for name, one in made["inputs"].items()}
        given = {name.replace("_", "-"): value for name, value in inputs.items()}
        assert given.keys() <= known.keys()
        values = {f"inputs.{name}": value for name, value in (known | given).items()}
        for number, one in enumerate(made["runs"]["steps"]):
            assert "${{" not in one["run"], "an expression in a script can be injected"
            variables = {name: _fill(text, values) for name, text in one.get("env", {}).items()}
            found = self._step(action, one["run"], variables)
            if found is None:
                return None
            own = one.get("id", f"step-{number}")
            values |= {f"steps.{own}.outputs.{name}": value for name, value in found.items()}
        return {name: _fill(one["value"], values) for name, one in made.get("outputs", {}).items()}

    def step(self, script: str) -> subprocess.CompletedProcess[str]:
        """A later `run` step of the job."""
        file = self.temp / "step.sh"
        file.write_text(script)
        return self._bash(file, self._variables({}))

    def masked(self) -> str:
        """The log as the runner shows it: what was masked before is hidden."""
        secrets: list[str] = []
        lines = []
        for line in self.log.splitlines():
            if line.startswith("::add-mask::"):
                secrets.append(line.removeprefix("::add-mask::").replace("%25", "%"))
                continue
            shown = line
            for one in secrets:
                shown = shown.replace(one, "***")
            lines.append(shown)
        return "\n".join(lines)

    def _step(self, action: Path, script: str, own: dict[str, str]) -> dict[str, str] | None:
        files = {name: self.temp / name for name in ("GITHUB_ENV", "GITHUB_OUTPUT", "GITHUB_PATH")}
        for path in files.values():
            path.write_text("")
        file = self.temp / "step.sh"
        file.write_text(script)
        given = {name: str(path) for name, path in files.items()}
        done = self._bash(
            file, self._variables({**given, "GITHUB_ACTION_PATH": str(action), **own})
        )
        self.log += done.stdout + done.stderr
        self.env |= _assignments(files["GITHUB_ENV"].read_text())
        self.path = [*files["GITHUB_PATH"].read_text().splitlines(), *self.path]
        return None if done.returncode else _assignments(files["GITHUB_OUTPUT"].read_text())

    def _variables(self, own: dict[str, str]) -> dict[str, str]:
        path = os.pathsep.join([*self.path, self.env["PATH"]])
        return {**self.env, "RUNNER_TEMP": str(self.temp), **own, "PATH": path}

    def _bash(self, file: Path, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
        words = ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(file)]
        return subprocess.run(
            words, env=env, cwd=self.temp, capture_output=True, text=True, timeout=200,
            check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip


def _fill(text: str, values: dict[str, str]) -> str:
    return _EXPRESSION.sub(lambda found: values.get(found[1], ""), text)


def _assignments(text: str) -> dict[str, str]:
    """``name=value`` lines, and values over several lines up to a delimiter."""
    found = {}
    lines = iter(text.splitlines())
    for line in lines:
        if match := re.fullmatch(r"([\w.-]+)<<(\S+)", line):
            value = []
            while (line := next(lines)) != match[2]:
                value.append(line)
            found[match[1]] = "\n".join(value)
        else:
            name, equals, rest = line.partition("=")
            assert equals, line
            found[name] = rest
    return found
