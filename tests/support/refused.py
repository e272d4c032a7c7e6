"""A refusal that `up`, `plan`, dry runs and other verbs share word for word, with nothing done."""

import hashlib
import json
import re
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from support.engines import BUNDLED
from support.project import Project

ENGINE = BUNDLED.path

OURS = {"lock", "events.jsonl", "password", "password.admin", "password.replication", "MARKER"}
"""Written at each attempt, or made at the first: none says that anything was done."""

DATA = re.compile(r"appendonly|temp-|\.rdb$|\.log$|nodes\.conf$|\.pid$")


def _files(project: Project) -> dict[str, str]:
    """Path -> content of all that a refusal must leave as it is; not what servers that run
    write of themselves."""
    found = {}
    written = DATA if project.servers() else re.compile("$.")
    for path in sorted(project.root.rglob("*")):
        name = str(path.relative_to(project.root))
        if path.name in OURS or written.search(name) or (path.is_dir() and not path.is_symlink()):
            continue
        with suppress(FileNotFoundError):
            link = path.is_symlink()
            text = path.readlink().as_posix().encode() if link else path.read_bytes()
            found[name] = hashlib.sha256(text).hexdigest()
    return found


def _pids(project: Project) -> list[int]:
    return sorted(process.pid for process in project.servers())


START = ("start",)
SET = ("set", "hz", "20")
RESET = ("reset", "node1", "--yes")


def refused(
    project: Project,
    *words: str,
    told: str,
    planned: bool = True,
    also: Iterable[tuple[str, ...]] = (),
) -> dict[str, Any]:
    """The refusal that all three have, and the verbs of `also`, word for word, once `told` is in
    it."""
    files, pids = _files(project), _pids(project)
    dry = project.run("up", "--dry-run", "--json", *words)
    refusals = [error_of(dry.json)]
    if planned:
        shown = project.run("plan", "--json", check=0).json["result"]
        assert shown["steps"] == []
        refusals.append(error_of({"error": shown["refusal"]}))
    assert _files(project) == files, "a look has changed something"
    for verb in also:
        ended = project.run(*verb, "--json")
        refusals.append(error_of(ended.json))
        assert ended.code == dry.code
    up = project.run("up", "--json", *words)
    refusals.append(error_of(up.json))
    assert up.code == dry.code != 0
    assert all(one == refusals[0] for one in refusals), json.dumps(refusals, indent=1)
    assert told in " ".join(map(str, refusals[0].values())), refusals[0]
    assert _pids(project) == pids
    assert {name: _files(project).get(name) for name in files} == files
    return refusals[0]


def error_of(envelope: dict[str, Any]) -> dict[str, Any]:
    return {name: envelope["error"][name] for name in ("message", "detail", "hint")}


def unset(project: Project, *words: str, told: str) -> dict[str, Any]:
    """The refusal of `set`, with nothing written: `up` would refuse the file as it would be."""
    files = _files(project)
    ended = project.run("set", *words, "--json")
    error = error_of(ended.json)
    assert ended.code != 0
    assert told in " ".join(map(str, error.values())), error
    assert _files(project) == files
    return error


def pair(project: Project, *words: str) -> None:
    project.init("replication", "--replicas", "1", *words, engine=ENGINE)


def small(project: Project, *words: str) -> None:
    project.init("cluster", "--replicas", "1", "--formation", "instant", *words, engine=ENGINE)


def stopped(project: Project) -> None:
    project.up()
    project.run("down", check=0)
