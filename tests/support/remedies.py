"""Types what a refusal says is to be typed, word for word."""

import re
import shlex

from support.error_sites import LOOKS
from support.project import Done, Project


def type_remedy(project: Project, refused: Done) -> str:
    """What the refusal's hint tells was typed in the project's folder; returns the hint."""
    hint = str(refused.json["error"]["hint"])
    told = " ".join(hint.split())
    if copy := re.search(r"copy the data: (.+?); then redistopo up", told):
        project.shell(copy[1])
    elif saved := re.match(r"save its memory: (mv .+?; )?(redistopo cli .+?); then", told):
        if saved[1]:
            project.shell(saved[1].rstrip("; "))
        project.run(*shlex.split(saved[2])[1:], check=0)
        names = told.rpartition("redistopo kill ")[2].partition(",")[0]
        project.run("kill", *names.split(), check=0)
    elif aside := re.match(r"(mv \S+ \S+); then redistopo up", told):
        project.shell(aside[1])
    elif promote := re.search(r"promote \w+: redistopo (.+?); after OK", told):
        project.run(*shlex.split(promote[1]), check=0)
    elif choose := re.search(r"redistopo up --primary NODE, one of (\w+)", told):
        project.run("up", "--json", "--primary", choose[1])
    elif typed := re.search(r"redistopo (up(?: --(?:rebuild|primary) \w+)+)", told):
        done = project.run(*typed[1].split(), "--json")
        if done.code and f"{typed[1]} --" in str(done.json["error"]["hint"]):
            return f"{told}; {type_remedy(project, done)}"  # which adds an option to it
    elif other := re.search(
        r"redistopo ((?:resume|start|restart|failover|kill|secret rotate)\b[^;,(]*)", told
    ):
        project.run(*other[1].split())
    else:
        raise AssertionError(f"nothing to type in: {refused.out}")
    return told


def up_by_remedies(project: Project, most: int = 3) -> list[str]:
    """`up` came to its end, by what its refusals say; returns their hints."""
    hints: list[str] = []
    while True:
        done = project.run("up", "--json")
        if done.code == 0:
            return hints
        assert len(hints) < most, (done.out, hints)
        hints.append(type_remedy(project, done))


ENDS = (
    "   (", ", if ", "; ", ", or ", "`", ", then", " restores", " starts", " rejoins", ": if", " (",
    ", without", " makes", " brings", " prints all", " lists", " repairs", " shows", ", which",
    ", keeps", " goes on", " ends it", ", in another",
)  # fmt: skip
"""What follows a command in a hint."""


def type_line(project: Project, hint: str) -> str:
    """The first command of redistopo's in a hint that does more than to look was typed as it is
    printed; returns the hint."""
    assert "redistopo " in hint, f"nothing to type in: {hint}"
    found = [hint[one.start() :] for one in re.finditer(r"\bredistopo (?=[a-z])", hint)]
    order = next((one for one in found if one.split()[1].strip(";,") not in LOOKS), found[0])
    for end in ENDS:
        order = order.partition(end)[0]
    project.run(*shlex.split(order)[1:], check=0)
    if "redistopo down, then up" in hint or "redistopo down; redistopo up" in hint:
        project.run("up", check=0)
    return hint


def hint_of(project: Project, code: int, *words: str) -> str:
    """The verb was refused with that code; returns its hint."""
    at = words.index("--") if "--" in words else len(words)
    told = project.run(*words[:at], "--json", *words[at:], check=code).json
    hint = str(told["error"]["hint"])
    assert not hint.endswith("--help"), told
    return hint


def type_hint(project: Project, code: int, *words: str) -> str:
    """The verb was refused, and what its hint names was typed; returns the hint."""
    return type_line(project, hint_of(project, code, *words))
