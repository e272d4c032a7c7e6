"""What a test typed of what was printed to it, word for word: the proof behind support.typed.

`Project.run` gives every output and every command to the `RECORDER`, which puts what is printed
and typed into the test's report. Where all reports arrive, a check or a builder whose test passed
without typing it fails the run.
"""

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any

import pytest

from redistopo.model.remedies.commands import unsafe_commands
from support import typed, typed_errors
from support.error_sites import matches

NOT_TYPED = 6
"""The exit code of a run whose tests don't type what they are registered for; pytest has 0 to 5."""

_PROPERTY = "typed"
_ADDED = {"--json", "--yes", "-q", "-y", "--quiet", "--cluster-simulate"}
"""What a test adds to a command that it types: how it is shown, that it doesn't ask, and that
redis-cli only tries what takes minutes (in the full form it does it)."""

_COMMAND = re.compile(r"redistopo (?!did)[a-z]|redis-cli|\bsudo |\bkill |[A-Z]{4,} [A-Z]{3,}")
_CHOSEN = ("SIZE", "NAME", "DIR", "N")
"""What is printed in a hint for a value that the user chooses."""


@dataclass(frozen=True, slots=True)
class Printed:
    """A hint, and the check that printed it; "" for an error."""

    check: str
    hint: str


@dataclass(slots=True)
class Recorder:
    """What one test has seen so far, with the command that printed it, and the properties of its
    report."""

    printed: dict[Printed, list[str]] = field(default_factory=dict)
    properties: list[tuple[str, object]] = field(default_factory=list)

    def begin(self, properties: list[tuple[str, object]]) -> None:
        """Another test begins."""
        self.printed, self.properties = {}, properties

    def saw(self, command: str, *outputs: str) -> None:
        """A command printed this."""
        for out in outputs:
            for one in (*_in_json(out), *_in_text(out)):
                assert one.check not in typed.CHECKS_WITHOUT_COMMAND or not has_command(one.hint)
                self.printed[one] = _words(command)

    def types(self, command: str) -> None:
        """The test types that command, of a shell or of redistopo."""
        words = _words(command)
        for one, by in self.printed.items():
            if _names(_words(one.hint), words, by):
                entry = (_PROPERTY, [one.check, " ".join(words), one.hint])
                if entry not in self.properties:
                    self.properties.append(entry)


def has_command(hint: str) -> bool:
    """Whether a hint has something to type, of redistopo, of servers, or of the system."""
    return bool(_COMMAND.search(hint) or unsafe_commands(hint))


RECORDER = Recorder()


def _words(text: str) -> list[str]:
    """The words of a text, without punctuation at their ends, and what tests add."""
    found = [word.strip("\"'`;,.():") for word in text.split()]
    return [word for word in found if word and word not in _ADDED]


def _names(hint: list[str], words: list[str], by: list[str]) -> bool:
    """Whether the hint has these words, or an option to add to the command that printed it."""
    spans = (hint[at : at + len(words)] for at in range(len(hint) - len(words) + 1))
    if any(all(map(_is, span, words)) for span in spans):
        return True
    return any(
        one.startswith("--") and one in words and one not in by and _verb(words) == _verb(by)
        for one in hint
    )


def _is(printed: str, word: str) -> bool:
    return printed in (word, *_CHOSEN)


def _verb(words: list[str]) -> list[str]:
    """The words before the first option."""
    return list(takewhile(lambda one: not one.startswith("-"), words))


def _in_json(out: str) -> Iterator[Printed]:
    for line in (out, *out.splitlines()) if '"hint"' in out else ():
        with suppress(json.JSONDecodeError):
            yield from _hints(json.loads(line))


def _hints(value: Any) -> Iterator[Printed]:
    if not isinstance(value, dict | list):
        return
    if isinstance(value, dict) and isinstance(value.get("hint"), str):
        yield Printed(str(value.get("check", "")), value["hint"])
    for one in value.values() if isinstance(value, dict) else value:
        yield from _hints(one)


def _in_text(out: str) -> Iterator[Printed]:
    check = ""
    for line in out.splitlines():
        if found := re.match(r"(?:fail|warn|unknown) (\S+\.\S+)", line):
            check = found[1]
        elif line.startswith("Error: "):
            check = ""
        elif found := re.match(r" +Next: (.+)", line):
            yield Printed(check, found[1])


class Judge:
    """Gathers what passed tests typed where all reports arrive, as in xdist's controller."""

    def __init__(self) -> None:
        self.passed: set[str] = set()
        self.failed: set[str] = set()
        self.typed: dict[str, list[tuple[str, str, str]]] = {}
        self.missing: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        test = report.nodeid.partition("[")[0].removeprefix("tests/")
        if report.failed or report.skipped:
            self.failed.add(test)
        elif report.when == "call":
            self.passed.add(test)
            found = self.typed.setdefault(test, [])
            found += [tuple(value) for name, value in report.user_properties if name == _PROPERTY]

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        self.missing = sorted(untyped(self.passed - self.failed, self.typed))
        if self.missing and session.exitstatus in (0, pytest.ExitCode.TESTS_FAILED):
            session.exitstatus = NOT_TYPED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        for line in self.missing:
            terminalreporter.write_line(f"NOT TYPED {line}", red=True)


def untyped(passed: set[str], found: dict[str, list[tuple[str, str, str]]]) -> Iterator[str]:
    """Yield what was to be typed by the tests that ran, and wasn't."""
    for check, test in typed.CHECKS.items():
        if test in passed and not any(one == check for one, _, _ in found.get(test, ())):
            yield f"{check}: {test}"
    for site, test in typed_errors.ERRORS.items():
        hints = [hint for check, _, hint in found.get(test, ()) if not check]
        if test in passed and not any(matches(site, hint) for hint in hints):
            yield f"{site} ({test})"
    for builder, test in typed.BUILDERS.items():
        pattern = typed.COMMANDS[builder]
        words = [line for _, line, _ in found.get(test, ())]
        if test in passed and not any(re.search(pattern, line) for line in words):
            yield f"{builder} ({pattern}): {test}"


def whole_tests(config: pytest.Config) -> bool:
    """Whether each test is run with all of its parameters, as far as it is selected."""
    return not config.option.keyword and not any("[" in one for one in config.args)


def register(config: pytest.Config) -> None:
    """Judge at the end of a run, in the one process or in xdist's controller."""
    if not hasattr(config, "workerinput") and whole_tests(config):
        config.pluginmanager.register(Judge(), "typed-remedies")
