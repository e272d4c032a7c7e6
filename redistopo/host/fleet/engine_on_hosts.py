"""Finds the server program on the hosts: one path and version on all of them."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from redistopo.errors import MissingPrerequisite
from redistopo.host.fleet.conversation import HostResults
from redistopo.host.fleet.refusals import refusal
from redistopo.model.protocol.engine import Engine, EngineRequest, parse_banner
from redistopo.model.topology.hosts import Hosts

if TYPE_CHECKING:
    from redistopo.host.fleet.fleet import Fleet


def engine_on_hosts(fleet: "Fleet", request: EngineRequest, hosts: Hosts) -> Engine:
    """Look up the server on all machines.

    Raises MissingPrerequisite if a machine has none that fits, or another version than the first.
    """
    op = {"op": "facts", "engine": hosts.engine}
    names = [one.name for one in hosts.machines]
    found = fleet.run(hosts, {name: [op] for name in names})
    chosen = {name: _of(hosts, name, found[name], request) for name in names}
    first = next(iter(chosen.values()))
    for name, one in chosen.items():
        if (one.path, one.title) != (first.path, first.title):
            raise MissingPrerequisite(
                f"host {name} has another server than {names[0]}",
                detail=f"{names[0]}: {first.title} at {first.path}\n"
                f"{name}: {one.title} at {one.path}",
                hint="install the same server on all hosts, or set engine in [hosts] to its path",
            )
    banner = dict(_engines(found[names[0]]))[first.path]
    fleet.file = replace(fleet.file, engine=first.path, banner=banner)
    return first


def known_engine(fleet: "Fleet", request: EngineRequest, hosts: Hosts) -> Engine | None:
    """Return the server that was found on all machines before; None if it doesn't fit."""
    known = _engine(fleet.file.engine, fleet.file.banner)
    if known is None or known.path != (hosts.engine or known.path):
        return None
    return known if request.accepts(known.product, known.version) else None


def _engines(one: HostResults) -> Mapping[str, Any]:
    found: Mapping[str, Any] = one.results[0]["engines"]
    return found


def _of(hosts: Hosts, name: str, one: HostResults, request: EngineRequest) -> Engine:
    """The server of one machine."""
    if why := one.unreachable:
        raise refusal(hosts, name, {"refused": "unreachable", "why": why})
    if why := one.failed:
        raise refusal(hosts, name, {"refused": "failed", "why": why})
    if "refused" in one.results[0]:
        raise refusal(hosts, name, one.results[0])
    there = {path: _engine(path, banner) for path, banner in _engines(one).items()}
    for found in there.values():
        if found and found.supported and request.accepts(found.product, found.version):
            return found
    seen = "\n".join(f"{path}: {one.title if one else 'unknown'}" for path, one in there.items())
    wanted = hosts.engine or request.text
    raise MissingPrerequisite(
        f"host {name} has no server that fits engine = {wanted}"
        if there
        else f"host {name} has no server: {hosts.engine or 'redis-server or valkey-server'}",
        detail=seen or "looked on PATH and in /usr/local/bin and /usr/bin",
        hint="install one there (apt-get install redis-server), or set engine in [hosts]",
    )


def _engine(path: str, banner: str) -> Engine | None:
    found = parse_banner(banner)
    if found is None:
        return None
    return Engine(product=found[0], version=found[1], path=path, source="hosts")
