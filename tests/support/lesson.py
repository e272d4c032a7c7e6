"""A lesson: a Markdown page whose console blocks are typed into one shell, one after the other."""

import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from select import select

_BLOCK = re.compile(r"^( *)```console\n(.*?)^\1```$", re.DOTALL | re.MULTILINE)
_PORT = re.compile(r"(?<![\w.])(1?)70([01]\d)(?!\w)")
_PATIENCE = 240
"""Seconds after which a command counts as hanging."""

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_ANY = "..."
"""A line of it stands for any lines, or none."""

_VARYING = (
    (re.compile(r"\b(Redis|Valkey) \d+\.\d+\.\d+"), "Redis V"),
    (re.compile(r"\b[0-9a-f]{40}\b"), "ID"),
    (re.compile(r"(?<![\w.-])\d+(\.\d+)?( ?)(ms|s)\b"), r"N\2\3"),
    (re.compile(r"\b(cache|database)( +)N (ms|s)\b"), r"\1\2N"),
    (re.compile(r" \(at least \d+, at most \d+\)"), ""),
    (re.compile(r"\bneed \d+\.\d MB of memory"), "need N MB of memory"),
    (re.compile(r"\b\d+ times"), "N times"),
    (re.compile(r"^[a-zA-Z]( +\+)"), r"\1"),
    (re.compile(r"\bnode\d( +)(?=flags|wins)"), r"nodeN\1"),
    (re.compile(r"\b(node|700)[456]\b"), r"\1R"),
    (re.compile(r"\b7003\b"), "700R"),
    (re.compile(r"^700[12]$"), "700R"),
    (re.compile(r"\b\d+ writes"), "N writes"),
    (re.compile(r"\b(none|\d+) lost$"), "N lost"),
    (re.compile(r"\b(byte|offset) \d+"), r"\1 N"),
    (re.compile(r"\b\d+ bytes?$"), "N bytes"),
    (re.compile(r"\bpid \d+"), "pid N"),
    (re.compile(r"\band \d+ more"), "and N more"),
    (re.compile(r'"(ttl|milliseconds)":[\d.]+'), r'"\1":N'),
    (re.compile(r'"degraded":"ConnectionError: [^"]+"'), '"degraded":"WHY"'),
    (re.compile(r"\bnode\w( \(70\w\w\)|$)"), "nodeN"),
    (re.compile(r"\bslots \d+-\d+ instead"), "slots N instead"),
    (re.compile(r"\b(offset|lag|pid|seconds_ago|port)([=:] ?)\d+"), r"\1\2N"),
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?"), "TIME"),
    (re.compile(r"[ \t]+"), " "),
    (re.compile(r"-{3,}|─{3,}"), "---"),
    (re.compile(r" \d+ ok (\S+) \d+M \d+ [\d-]+ \S+ N?s?$"), r" PID ok \1 LOAD"),
)
"""What differs from run to run and from engine to engine, and what stands for it; also which
of a cluster's replicas (node4 to node6) follows which primary, for redis-cli draws it by lot,
whom Sentinels promoted (7001 or 7002, alone on a line), and which primary `demo --check` chose;
how many acknowledged writes a kill cost, which asynchronous replication leaves open; how many
bytes a replica was behind at a look, and how exactly a drill saw the downtime; whether a slow
read is told in ms or in s; and the pid, memory, load and age of a healthy node in `status`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """One command of a page and what the page says that it prints; `line` is where it begins."""

    line: int
    command: str
    output: str


def typed(page: str) -> tuple[Typed, ...]:
    """Every command of the page's console blocks; a line that begins with "> " goes on with
    the command above it, as a shell's second prompt does."""
    found = []
    for block in _BLOCK.finditer(page):
        indent = len(block[1])
        first = page[: block.start()].count("\n") + 2
        for number, text in _commands(block[2], indent):
            command, output = text
            found.append(Typed(line=first + number, command=command, output=output))
    return tuple(found)


def _commands(block: str, indent: int) -> Iterator[tuple[int, tuple[str, str]]]:
    lines = [line[indent:] for line in block.splitlines()]
    starts = [number for number, line in enumerate(lines) if line.startswith("$ ")]
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        below = start + 1
        while below < end and (lines[below] == ">" or lines[below].startswith("> ")):
            below += 1
        command = "\n".join(line[2:] for line in lines[start:below])
        yield start, (command, "\n".join(lines[below:end]).strip("\n"))


def alike(told: str, seen: str) -> bool:
    """Whether that was printed, but for what varies."""
    pattern = "".join(
        r"(?:.*\n)*?" if line.strip() == _ANY else re.escape(line) + r"\n"
        for line in steady(told).splitlines()
    )
    return re.fullmatch(pattern, steady(seen) + "\n" if seen else "") is not None


def steady(text: str) -> str:
    """The text with one word for everything that varies."""
    lines = [line.rstrip() for line in text.strip("\n").splitlines()]
    for what, word in _VARYING:
        lines = [what.sub(word, line).strip() for line in lines]
    return "\n".join(lines)


class Shell:
    """A bash that types a page's commands on ports of its own: the page's 7000 to 7019 are
    `port` and the following ones. What it prints is told as the page would see it."""

    def __init__(self, folder: Path, port: int, env: Mapping[str, str]) -> None:
        self._folder = folder
        self._port = port
        self._out, self._err = folder / ".out", folder / ".err"
        self._bash = subprocess.Popen(
            ["bash", "--norc", "--noprofile"],
            cwd=folder,
            env={**os.environ, "HOME": str(folder), **env},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def type(self, command: str) -> str:
        """What it printed; with its messages where it failed."""
        pipe, answer = self._bash.stdin, self._bash.stdout
        assert pipe is not None
        assert answer is not None
        there = _PORT.sub(lambda one: self._moved(one[1], one[2]), command)
        pipe.write(f"{{ {there}\n}} >{self._out} 2>{self._err} </dev/null; echo $?\n")
        pipe.flush()
        assert select([answer], [], [], _PATIENCE)[0], f"no end of it: {there}"
        failed = answer.readline().strip() != "0"
        printed = self._out.read_text() + (self._err.read_text() if failed else "")
        return self._as_told(printed)

    def end(self) -> None:
        """The shell is gone; what it started in the background may still run."""
        self._bash.kill()
        self._bash.communicate()

    def _moved(self, bus: str, number: str) -> str:
        return str(self._port + int(number) + (10000 if bus else 0))

    def _as_told(self, printed: str) -> str:
        for number in range(20):
            for base in (0, 10000):
                port = self._port + number + base
                printed = re.sub(rf"(?<![\w.]){port}(?!\w)", str(7000 + number + base), printed)
        return _COLOUR.sub("", printed.replace(str(self._folder), "~")).strip("\n")


def rewritten(page: str, one: Typed, seen: str) -> str:
    """The page with what that command printed this time."""
    lines = page.split("\n")
    indent = " " * (len(lines[one.line - 1]) - len(lines[one.line - 1].lstrip()))
    first = one.line + one.command.count("\n")
    last = first + (one.output.count("\n") + 1 if one.output else 0)
    lines[first:last] = [f"{indent}{line}".rstrip() for line in seen.splitlines()]
    return "\n".join(lines)


def with_blocks_of(page: str, translated: str) -> str:
    """The translated page with the other one's console blocks, the nth for the nth."""
    blocks = [block[0] for block in _BLOCK.finditer(page)]
    assert len(blocks) == len(_BLOCK.findall(translated)), "as many blocks in both languages"
    following = iter(blocks)
    return _BLOCK.sub(lambda _block: next(following), translated)
