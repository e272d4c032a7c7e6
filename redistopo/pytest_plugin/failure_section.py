"""A failed test's report gets a section: roles, what the nodes logged, and how to look further."""

import shlex
from collections.abc import Iterable, Mapping

import pytest

from redistopo.api.results import LogLine
from redistopo.errors import RedistopoError
from redistopo.model.remedies.commands import warned
from redistopo.model.remedies.of_topology import wipe
from redistopo.pytest_plugin.in_use import BEGAN
from redistopo.pytest_plugin.tested import Tested

_MOST = 20
"""Lines shown of warnings, and of all other entries."""


def failure_section(item: pytest.Item, used: Tested, keeps: bool) -> str:
    """Describe a topology at the moment at which a test failed."""
    lines: list[str] = []
    try:
        lines += shown_roles(used.roles, used.current_roles())
        lines += shown_entries(used.logged(item.stash[BEGAN]))
    except RedistopoError as error:
        lines += filter(None, (error.message, error.detail, error.hint))
    if used.folder:
        lines += ["", *_how_to_look(used.folder, keeps)]
    return "\n".join(lines)


def shown_roles(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """Each node's role before the test and now."""
    width = max(map(len, [*before, *now]), default=0)
    lines = []
    for name in dict.fromkeys((*before, *now)):
        was, is_now = before.get(name) or "no reply", now.get(name) or "no reply"
        lines.append(f"{name:{width}}  " + (was if is_now == was else f"{was} -> {is_now}"))
    return ["roles:", *(f"  {line}" for line in lines)]


def shown_entries(entries: Iterable[LogLine]) -> list[str]:
    """The last warnings, and then the last other entries."""
    warnings: list[str] = []
    others: list[str] = []
    for one in entries:
        (warnings if one.level == "warning" else others).append(f"  {one.node}  {one.text}")
    lines = ["logged since the test began:"] if warnings or others else ["nothing was logged"]
    for kind, found in (("warnings", warnings), ("other entries", others)):
        if left_out := len(found) - _MOST:
            lines += [f"  ({left_out} earlier {kind} left out)"] if left_out > 0 else []
        lines += found[-_MOST:]
    return lines


def _how_to_look(folder: str, keeps: bool) -> list[str]:
    if keeps:
        return ["kept as the test left it:", *look_at(folder)]
    return ["To keep the topology of the first failed test and look at it: pytest --redistopo-keep"]


def look_at(folder: str) -> list[str]:
    """The commands that show a kept topology, and the one that ends it."""
    command = f"redistopo -C {shlex.quote(folder)}"
    shown = [f"{command} {verb}" for verb in ("status", "verify", "logs", "cli")]
    return [f"  {line}" for line in (*shown, warned(wipe(command=command)))]
