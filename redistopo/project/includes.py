"""Files that a topology file's `include` brings in: they may not set what redistopo sets."""

from collections.abc import Iterator
from glob import glob
from pathlib import Path

from redistopo.errors import UsageError
from redistopo.host.files import read_text
from redistopo.model.planning.plan import Plan
from redistopo.model.protocol.conf import Directives, read_conf
from redistopo.model.topology.validate import OWNED

_DEEPEST = 8


def refuse_includes(plan: Plan) -> None:
    """Raise UsageError if an included file sets a directive that redistopo sets itself: it would
    win, because a server takes the last line, and so could write elsewhere.

    An unreadable file is refused too: no server would start.
    """
    for node in plan.data:
        for path, conf in _included(node.directives, node.folder.root, _DEEPEST):
            if conf is None:
                raise UsageError(
                    f"{path} is included for {node.name} and can't be read",
                    hint=f"correct include in {plan.layout.topology.name}",
                )
            if owned := sorted(OWNED.keys() & conf.keys()):
                key = OWNED[owned[0]]
                instead = f"use {key} in {plan.layout.topology.name}, and " if key else ""
                raise UsageError(
                    f"{path} is included for {node.name} and sets {', '.join(owned)}, which "
                    "redistopo sets itself",
                    hint=f"{instead}remove that line from {path}, or the include",
                )


def _included(
    conf: Directives, folder: Path, deepest: int
) -> Iterator[tuple[Path, Directives | None]]:
    """Each included file with its directives; relative paths start at the node's folder, and
    since Redis 7.0 a path may be a pattern (config.c, loadServerConfig)."""
    for pattern in conf.get("include", ()) if deepest else ():
        whole = str(folder / pattern)
        names = sorted(glob(whole))  # noqa: PTH207  the pattern may be absolute
        for name in names or ([whole] if not set("*?[") & set(pattern) else []):
            path = Path(name)
            text = read_text(path) if path.is_file() else None
            found = read_conf(text) if text is not None else None
            yield path, found
            if found is not None:
                yield from _included(found, folder, deepest - 1)
