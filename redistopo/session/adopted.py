"""Servers that redistopo didn't start: which they are, and which verbs work on them."""

from collections.abc import Mapping
from contextlib import suppress

from redistopo.errors import MissingPrerequisite, UsageError
from redistopo.host.files import read_text
from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.topology.project_paths import Layout
from redistopo.model.topology.spec import Adopted
from redistopo.project.port_conflicts import topology_in
from redistopo.project.topology_state_file import load_topology_state
from redistopo.project.trust import require_trusted_servers

_ENDS = "redistopo ends and starts only processes that it started itself"
_FILES = "their files are where their own service manager keeps them"
_CONFIGURATION = "redistopo knows only a part of their configuration"
_SECRETS = "their passwords and certificates are in their own files"

NOT_ON_ADOPTED: Mapping[str, str] = {
    "certs renew": _SECRETS,
    "clone": _FILES,
    "doctor --fix": _FILES,
    "down": _ENDS,
    "drill": f"it injects faults, and {_ENDS}",
    "export ansible": _CONFIGURATION,
    "export compose": _CONFIGURATION,
    "export kubernetes": _CONFIGURATION,
    "export systemd": _CONFIGURATION,
    "import": "the job of an import was not tried on them",
    "kill": _ENDS,
    "logs": _FILES,
    "move": _FILES,
    "pause": _ENDS,
    "render": _CONFIGURATION,
    "reset": _FILES,
    "restart": _ENDS,
    "restore": _FILES,
    "resume": _ENDS,
    "scale": f"new nodes would have to be started, and {_ENDS}",
    "secret rotate": _SECRETS,
    "snapshot": _FILES,
    "start": _ENDS,
    "stop": _ENDS,
    "upgrade": _ENDS,
}
"""Verbs that don't work on adopted servers, and why."""

_MOST_NAMED = 6


def adopted_servers(layout: Layout, in_file: Adopted | None) -> Mapping[str, Endpoint]:
    """Return the servers that redistopo didn't start, by node: those of the topology file or, if it
    is invalid, of the record. Empty for a topology that redistopo starts itself."""
    if in_file:
        return in_file.servers
    record = load_topology_state(layout) if layout.record.exists() else None
    if record is None or not record.adopted:
        return {}
    return {node.name: Endpoint(node.host, node.port) for node in record.nodes}


def adopted_in_file(layout: Layout) -> Adopted | None:
    """Read the table of the topology file; None if there is none, or the file is invalid."""
    text = None
    with suppress(MissingPrerequisite):  # it can't be read: verbs that need it say so
        text = read_text(layout.topology)
    found = topology_in(text) if text and "adopted" in text else None
    return found.adopted if found else None


def check_adopted(layout: Layout, servers: Mapping[str, Endpoint], verb: str) -> None:
    """Raise UsageError if a verb doesn't work on adopted servers, or the folder may not connect to
    them."""
    refuse_on_adopted(verb, servers)
    require_trusted_servers(layout, servers)


def check_file_has_adopted(layout: Layout, in_file: Adopted | None) -> None:
    """Raise UsageError if a folder's servers were adopted, but its file no longer says which."""
    if in_file is None:
        raise UsageError(
            f"{layout.state} is that of servers that redistopo adopted, but "
            f"{layout.topology.name} has no [adopted] table",
            hint=f"use another folder, or remove {layout.state}: it has no data of servers",
        )


def refuse_on_adopted(verb: str, servers: Mapping[str, Endpoint]) -> None:
    """Raise UsageError if a verb doesn't work on adopted servers."""
    why = NOT_ON_ADOPTED.get(verb) if servers else None
    if why is None:
        return
    named = [f"{name} at {one}" for name, one in servers.items()][:_MOST_NAMED]
    more = len(servers) - len(named)
    raise UsageError(
        f"{verb} doesn't work on adopted servers: {why}",
        detail=f"adopted: {', '.join(named)}" + (f" and {more} more" if more else ""),
        hint=("use what started them, such as systemctl or docker; " if _ENDS in why else "")
        + "docs/adopting.md lists the verbs that work",
    )
