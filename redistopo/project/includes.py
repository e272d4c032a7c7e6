"""Files that a rendered configuration includes: they may not set what redistopo sets."""

from collections.abc import Iterator
from glob import glob
from pathlib import Path

from redistopo.errors import UsageError
from redistopo.host.files import read_text
from redistopo.model.planning.plan import NodePlan, Plan
from redistopo.model.protocol.conf import Directives, canonical_directive, parse_directive
from redistopo.model.topology.validate import OWNED

_DEEPEST = 8


def with_includes(plan: Plan, node: NodePlan, text: str) -> Directives:
    """Return the directives of a node's rendered configuration and of all files that it includes,
    in the order in which a server reads them.

    Raises UsageError if an included file sets a directive that redistopo sets itself: it would
    win, because a server takes the last line, and so could write elsewhere. An unreadable file is
    refused too: no server would start.
    """
    found: dict[str, tuple[str, ...]] = {}
    for source, name, value in _lines(plan, node, text, _DEEPEST):
        if source is not None and name in OWNED:
            key = OWNED[name]
            instead = f"use {key} in {plan.layout.topology.name}, and " if key else ""
            raise UsageError(
                f"{source} is included for {node.name} and sets {name}, which redistopo sets "
                "itself",
                hint=f"{instead}remove that line from {source}, or the include",
            )
        found[name] = (*found.get(name, ()), value)
    return found


def _lines(
    plan: Plan, node: NodePlan, text: str, deepest: int, source: Path | None = None
) -> Iterator[tuple[Path | None, str, str]]:
    """Each line as its file, None for the rendered one, directive and value; in place of an include
    those of its files. Relative paths start at the node's folder, and since Redis 7.0 a path may be
    a pattern (config.c, loadServerConfig)."""
    for line in text.split("\n"):
        if (parsed := parse_directive(line)) is None:
            continue
        name, value = canonical_directive(parsed[0]), parsed[1]
        if name != "include" or not deepest:
            yield source, name, value
            continue
        whole = str(node.folder.root / value)
        paths = sorted(glob(whole))  # noqa: PTH207  the pattern may be absolute
        for path in map(Path, paths or ([whole] if not set("*?[") & set(value) else [])):
            included = read_text(path) if path.is_file() else None
            if included is None:
                raise _unreadable(plan, node, path)
            yield from _lines(plan, node, included, deepest - 1, path)


def _unreadable(plan: Plan, node: NodePlan, path: Path) -> UsageError:
    correct = f"correct include in {plan.layout.topology.name}, or in your template"
    if not node.machine:
        return UsageError(f"{path} is included for {node.name} and can't be read", hint=correct)
    return UsageError(
        f"{path} is included for {node.name} and can't be read on this machine",
        detail=f"its server reads that of host {node.machine}, redistopo the one of this machine",
        hint=f"put the same file here and on each host, or its lines into [redis]; or {correct}",
    )
