"""Types what a refusal says is to be typed, word for word."""

import re
import shlex
import subprocess

from support.project import Done, Project


def type_remedy(project: Project, refused: Done) -> str:
    """What the refusal's hint tells was typed in the project's folder; returns the hint."""
    hint = str(refused.json["error"]["hint"])
    told = " ".join(hint.split())
    if copy := re.search(r"copy the data: (.+?); then redistopo up", told):
        subprocess.run(["sh", "-c", copy[1]], check=True, cwd=project.root)
    elif aside := re.match(r"(mv \S+ \S+); then redistopo up", told):
        subprocess.run(["sh", "-c", aside[1]], check=True, cwd=project.root)
    elif promote := re.search(r"promote \w+: redistopo (.+?); after OK", told):
        project.run(*shlex.split(promote[1]), check=0)
    elif choose := re.search(r"redistopo up --primary NODE, one of (\w+)", told):
        project.run("up", "--json", "--primary", choose[1])
    elif typed := re.search(r"redistopo (up(?: --(?:rebuild|primary) \w+)+)", told):
        project.run(*typed[1].split(), "--json")
    elif other := re.search(r"redistopo ((?:resume|start|restart|secret rotate)\b[^;,(]*)", told):
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
