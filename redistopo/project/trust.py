"""Folders whose own programs may be run: a cloned folder can name any program as its engine."""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path

from redistopo.errors import MissingPrerequisite, UntrustedFolder
from redistopo.host.files import is_private_folder, private_folder, read_json, write_private
from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.topology.hosts import Hosts
from redistopo.model.topology.project_paths import Layout
from redistopo.project.registry import state_home

_MOST_NAMED = 6


def may_run(layout: Layout, program: str) -> bool:
    """Return whether a program that a file of the project names may be run: one elsewhere, by an
    absolute path, or any if the folder is trusted."""
    return not _is_of_folder(layout, program) or is_trusted(layout)


def require_trust(layout: Layout, program: str) -> None:
    """Raise UntrustedFolder if the program may not be run."""
    if not may_run(layout, program):
        raise UntrustedFolder(
            f"{layout.topology.name} names a program of its own folder as the engine: {program}",
            detail="it isn't run before you trust this folder: whoever wrote the folder wrote the "
            "program",
            hint="after a look at it: redistopo up --trust; or use another one with --engine",
        )


def require_trusted_inventory(layout: Layout, path: str) -> None:
    """Raise UntrustedFolder if an inventory may not be read, wherever it is: Ansible runs any
    program that is named as one."""
    if not is_trusted(layout):
        raise UntrustedFolder(
            f"{layout.topology.name} names an inventory: {path}",
            detail="Ansible isn't asked to read it before you trust this folder: an inventory may "
            "run programs",
            hint="after a look at it: redistopo up --trust",
        )


def require_trusted_hosts(layout: Layout, hosts: Hosts) -> None:
    """Raise UntrustedFolder if hosts that a file of the folder names may not be logged in to."""
    if is_trusted(layout):
        return
    named = [one.name + f" {one.ssh or one.address}" for one in hosts.machines[:_MOST_NAMED]]
    more = len(hosts.machines) - len(named)
    raise UntrustedFolder(
        f"a file of {layout.root} names other hosts: {', '.join(named)}"
        + (f" and {more} more" if more else ""),
        detail="redistopo logs in there by SSH, with your keys, and runs servers, only once you "
        "trust this folder",
        hint="after a look at redistopo.toml: redistopo up --trust",
    )


def require_trusted_servers(layout: Layout, servers: Mapping[str, Endpoint]) -> None:
    """Raise UntrustedFolder if servers that a file of the folder names may not be connected to."""
    if not servers or is_trusted(layout):
        return
    named = [f"{name} {one}" for name, one in servers.items()][:_MOST_NAMED]
    more = len(servers) - len(named)
    raise UntrustedFolder(
        f"a file of {layout.root} names servers that run already: {', '.join(named)}"
        + (f" and {more} more" if more else ""),
        detail="redistopo connects to them, with the password in this folder, only once you trust "
        "it",
        hint="after a look at redistopo.toml: redistopo up --trust",
    )


def trust(layout: Layout) -> None:
    """Trust the folder from now on, until it is moved or replaced by another one."""
    path = _record(layout)
    if path is None:
        raise MissingPrerequisite(
            "the trust can't be recorded: there is no home folder", hint="set HOME"
        )
    private_folder(path.parent)
    write_private(path, json.dumps({"root": str(layout.root), "folder": _identity(layout)}) + "\n")


def _is_of_folder(layout: Layout, program: str) -> bool:
    path = Path(program)
    if not path.is_absolute() and not program.startswith("~"):
        return True
    root = layout.root.resolve()
    return path.is_relative_to(root) or Path(os.path.realpath(path)).is_relative_to(root)


def is_trusted(layout: Layout) -> bool:
    """Return whether the user trusts the folder."""
    path = _record(layout)
    if path is None or not is_private_folder(path.parent):
        return False
    found = read_json(path) or {}
    return (found.get("root"), found.get("folder")) == (str(layout.root), _identity(layout))


def _identity(layout: Layout) -> int:
    """The folder itself, as far as the system tells: another one in its place isn't trusted."""
    return layout.root.stat().st_ino


def _record(layout: Layout) -> Path | None:
    home = state_home()
    name = hashlib.sha256(os.fsencode(layout.root)).hexdigest()[:32]
    return home / "redistopo" / "trusted" / f"{name}.json" if home is not None else None
