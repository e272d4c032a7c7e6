"""The nodes' folders on their machines, put aside while a restore replaces them, and put back."""

import errno
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from redistopo.host.fleet.fleet import Fleet
from redistopo.host.fleet.refusals import refusal

_ASIDE = "nodes.before-restore"


def set_aside(fleet: Fleet) -> None:
    """Put all nodes' folders aside. What an earlier restore that was killed has put aside stays,
    and what it placed is removed."""
    for node in _nodes(fleet):
        fleet.queue(node, {"op": "folder", "path": f"{fleet.base}/{_ASIDE}"})
    _remove(fleet, _renamed(fleet, _nodes(fleet), back=False))


def put_back(fleet: Fleet) -> None:
    """Put back what was put aside; needs that no node runs."""
    taken = _renamed(fleet, _nodes(fleet), back=True)
    _remove(fleet, taken)
    _renamed(fleet, taken, back=True)
    drop_aside(fleet)


def drop_aside(fleet: Fleet) -> None:
    """Remove what was put aside."""
    for node in _nodes(fleet):
        fleet.queue(node, {"op": "remove", "path": f"{fleet.base}/{_ASIDE}/{node}"})
    fleet.flush()
    for node in _nodes(fleet):  # machines may share the folder
        fleet.queue(node, {"op": "remove", "path": f"{fleet.base}/{_ASIDE}", "may_fail": True})
    fleet.flush()


def _nodes(fleet: Fleet) -> tuple[str, ...]:
    return tuple(fleet.file.places)


def _remove(fleet: Fleet, nodes: Iterable[str]) -> None:
    for node in nodes:
        fleet.queue(node, {"op": "remove", "path": fleet.remote(node)})
    fleet.flush()


def _renamed(fleet: Fleet, nodes: Iterable[str], *, back: bool) -> list[str]:
    """Rename folders that are there, and return the nodes of which there is one at the new name
    already; raises RedistopoError if that fails for another reason."""
    taken: list[str] = []
    for node in nodes:
        paths = (fleet.remote(node), f"{fleet.base}/{_ASIDE}/{node}")
        path, to = reversed(paths) if back else paths
        op = {"op": "rename", "path": path, "to": to, "may_fail": True}
        fleet.queue(node, op, partial(_keep, fleet, node, taken))
        fleet.outdated(node)
        fleet.copies.forget(node)
    fleet.flush()
    return taken


def _keep(fleet: Fleet, node: str, taken: list[str], result: Mapping[str, Any]) -> None:
    why = result.get("errno")
    if why in (errno.ENOTEMPTY, errno.EEXIST):
        taken.append(node)
    elif "refused" in result and why != errno.ENOENT:
        raise refusal(fleet.file.hosts, fleet.file.places[node].machine, result)
