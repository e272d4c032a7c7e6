"""The machines of an Ansible inventory's group, as Ansible itself reads it."""

import difflib
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from redistopo.errors import RedistopoError, UsageError
from redistopo.host.fleet.run_ansible import require_ansible
from redistopo.host.fleet.vault import ansible_error, vault_settings
from redistopo.host.run_program import clean_environment
from redistopo.model.topology.hosts import LOCAL as LOCAL_CONNECTION
from redistopo.model.topology.hosts import Machine

_SECONDS = 30.0
_LINES = 6

ADDRESS, ZONE, DRAIN = "redistopo_address", "redistopo_zone", "redistopo_drain"
"""Variables of a host in the inventory: the address of its servers, if `ansible_host` isn't it,
its zone, and whether it is emptied."""


def machines_in(inventory: Path, group: str) -> tuple[Machine, ...]:
    """Return the machines of a group, in the inventory's order, with all groups below it.

    Raises MissingPrerequisite without Ansible; UsageError for a group that has no machine, or
    that there isn't, and for a machine without an address; RedistopoError if Ansible can't read it.
    """
    require_ansible()
    if not inventory.exists():
        raise UsageError(
            f"there is no inventory {inventory}",
            hint="set inventory in [hosts]; a relative path begins at the topology file",
        )
    found = _listed(inventory)
    # Ansible lists no group without machines
    names = list(dict.fromkeys(_names(found, group)))
    if not names:
        known = sorted(name for name in found if next(_names(found, name), ""))
        near = difflib.get_close_matches(group, known, n=1)
        raise UsageError(
            f"the inventory {inventory} has no group {group} with machines",
            detail=f"its groups with machines: {', '.join(known) or 'none'}",
            hint=f"set group in [hosts]{f'; did you mean {near[0]}?' if near else ''}",
        )
    variables = found.get("_meta", {}).get("hostvars", {})
    return tuple(_machine(name, variables.get(name, {})) for name in names)


def _listed(inventory: Path) -> dict[str, Any]:
    argv = [sys.executable, "-m", "ansible", "inventory", "-i", str(inventory), "--list"]
    quiet = {"ANSIBLE_DEPRECATION_WARNINGS": "0", "ANSIBLE_NOCOLOR": "1", "LC_ALL": "C.UTF-8"}
    # otherwise Ansible warns of a broken file, and lists nothing
    strict = {"ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "1"}
    try:
        with tempfile.TemporaryDirectory(prefix="redistopo-hosts.") as folder:
            done = subprocess.run(
                argv,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=_SECONDS,
                check=False,
                stdin=subprocess.DEVNULL,
                env=clean_environment({**quiet, **strict, **vault_settings(Path(folder))}),
            )
        found = json.loads(done.stdout) if done.returncode == 0 else None
    except (subprocess.TimeoutExpired, ValueError) as error:
        raise _unreadable(inventory, str(error)) from error
    if not isinstance(found, dict):
        raise _unreadable(inventory, done.stderr)
    return found


def _unreadable(inventory: Path, why: str) -> RedistopoError:
    lines = [line for line in why.splitlines() if line.strip()]
    return ansible_error(
        f"Ansible can't read the inventory {inventory}",
        "\n".join(lines[-_LINES:]),
        f"ansible-inventory -i {os.path.relpath(inventory)} --list shows what is wrong",
    )


def _names(found: Mapping[str, Any], group: str) -> Iterator[str]:
    """The machines of a group, then those of the groups below it."""
    table = found.get(group, {})
    yield from table.get("hosts", ())
    for child in table.get("children", ()):
        yield from _names(found, child)


_CHECKING = re.compile(r"StrictHostKeyChecking[\s=]+[\s='\"]*(\w+)", re.IGNORECASE)
_OFF = {"false", "no", "off", "n", "f", "0"}


def refuse_unchecked_keys(name: str, variables: Mapping[str, Any]) -> None:
    """Raise UsageError if SSH would not check host keys because of `ansible_ssh_args`, which are in
    place of our options; what Ansible adds to ours can't change that: SSH takes the first."""
    args = str(variables.get("ansible_ssh_args", ""))
    said = [word.lower() for word in _CHECKING.findall(args)]
    found = {"ansible_ssh_args": args} if args else {}
    for key in ("ansible_host_key_checking", "ansible_ssh_host_key_checking"):
        if args and not said and str(variables.get(key, "")).strip().lower() in _OFF:
            said, found[key] = ["no"], str(variables[key])
    if {*said} - {"yes"}:
        raise UsageError(
            f"the inventory has SSH connect to {name} without checking its host key",
            detail="\n".join(f"{key}: {value}" for key, value in found.items()),
            hint="remove that there; add the key to known_hosts: ssh-keyscan "
            f"{variables.get('ansible_host', name)}, after you compared it with the machine's",
        )


def _machine(name: str, variables: Mapping[str, Any]) -> Machine:
    refuse_unchecked_keys(name, variables)
    ssh = str(variables.get("ansible_host", ""))
    given = str(variables.get(ADDRESS, ""))
    address = next((one for one in (given, ssh, name) if _is_address(one)), "")
    if not address:
        raise UsageError(
            f"the inventory has no address for {name}",
            detail="servers bind an IP address, and clients connect to it",
            hint=f"set {ADDRESS} or ansible_host of {name} to its address",
        )
    local = variables.get("ansible_connection") == "local"
    return Machine(
        name=name,
        address=address,
        zone=str(variables.get(ZONE, "")),
        drain=variables.get(DRAIN) is True,
        ssh=LOCAL_CONNECTION if local else ssh if ssh != address else "",
    )


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
