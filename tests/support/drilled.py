"""What the tests of drills share: a quick cluster, and raw looks at what a drill left."""

from typing import Any

from support.project import Project

QUICK = ("--node-timeout", "1000", "--formation", "instant")
"""A cluster that forms, and fails over, in a second or two."""

_LIGHT = ("--rate", "200")
"""Less load than the usual: what clients see is the same."""

PREFIX = "__redistopo__:drill:"


def cluster(project: Project, *words: str, engine: str = "") -> None:
    """A quick cluster runs."""
    project.init("cluster", *QUICK, *words, engine=engine)
    project.up()


def report(project: Project, *words: str, check: int = 0) -> dict[str, Any]:
    """The report of a drill that ended with that code."""
    done = project.run("drill", "failover", "--json", *_LIGHT, *words, check=check)
    found: dict[str, Any] = done.json["result"]
    return found


def left_over(project: Project) -> list[str]:
    """Keys of any drill, on any node."""
    found: list[str] = []
    for port in project.ports:
        with project.client(port) as node:
            found += node.scan_iter(match=f"{PREFIX}*", count=1000)
    return found


def part(found: dict[str, Any], name: str) -> dict[str, Any]:
    """One kind of traffic in a report."""
    return next(one for one in found["traffic"] if one["name"] == name)


def at(found: dict[str, Any], kind: str) -> list[float]:
    """When moments of that kind were, in seconds after the fault."""
    return [one["at"] for one in found["moments"] if one["kind"] == kind]
