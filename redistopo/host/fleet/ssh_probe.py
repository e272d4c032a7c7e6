"""Machines whose SSH servers don't reply at all: noticed beside Ansible, which takes longer.

Ansible has to start first, and SSH waits for a control connection to a machine that died, then for
another one. What counts here is where SSH itself would connect to, by its own configuration; what
goes through a proxy, or a bastion, is left to Ansible.
"""

import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress

from redistopo.host.run_program import run_command
from redistopo.host.tcp import connect_tcp
from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.topology.hosts import LOCAL, Hosts

PROBE_SECONDS = 5.0
"""A lost first packet is sent again after 1 s and after 3 s."""

_PROXIES = ("proxyjump", "proxycommand", "bindaddress", "bindinterface")
_ALTERS_SSH = ("ANSIBLE_SSH_", "ANSIBLE_TRANSPORT", "ANSIBLE_REMOTE_PORT", "ANSIBLE_CONNECTION")


def own_command(hosts: Hosts, name: str, environment: Mapping[str, str]) -> list[str]:
    """Return SSH's command line for a machine of the topology file; [] if only Ansible knows it,
    as with an inventory, or with settings of Ansible in the environment."""
    if hosts.inventory or any(one.startswith(_ALTERS_SSH) for one in environment):
        return []
    try:
        machine = hosts.machine(name)
    except KeyError:
        return []
    if machine.ssh == LOCAL:
        return []
    user = machine.user or hosts.user
    port = ["-o", f"Port={machine.port}"] if machine.port else []
    login = ["-l", user] if user else []
    return ["ssh", *port, *login, "--", machine.ssh or machine.address]


def direct_endpoint(printed: str) -> Endpoint | None:
    """Return where SSH connects to, by what ``ssh -G`` (ssh(1)) printed; None if it doesn't do so
    itself, or from an address of its own."""
    lines = (line.partition(" ") for line in printed.splitlines())
    found = {name: value.strip() for name, _, value in lines}
    if any(found.get(one, "none") != "none" for one in _PROXIES):
        return None
    if not found.get("hostname") or not found.get("port", "").isdigit():
        return None
    return Endpoint(found["hostname"], int(found["port"]))


class SshProbes:
    """One probe for each machine, in threads that end by themselves; `silent` is what they found:
    the machines that did not reply, with what was tried."""

    def __init__(self) -> None:
        self.silent: dict[str, str] = {}
        self._begun: set[str] = set()

    def begin(self, name: str, command: Sequence[str]) -> None:
        """Probe a machine, once, that SSH reaches by this command line; [] is not probed."""
        if command and name not in self._begun:
            self._begun.add(name)
            threading.Thread(target=self._probe, args=(name, command), daemon=True).start()

    def _probe(self, name: str, command: Sequence[str]) -> None:
        program, *arguments = command
        printed = run_command([program, "-G", *arguments])
        endpoint = direct_endpoint(printed or "")
        if endpoint is not None and (why := _silence(endpoint)):
            self.silent[name] = why


def _silence(endpoint: Endpoint) -> str:
    """Why nothing came from an SSH server, whose first line (RFC 4253, 4.2) needs no request; "" if
    anything did, also a refusal: what that means is for SSH to say."""
    tried = f"{endpoint.host} port {endpoint.port}"
    until = time.monotonic() + PROBE_SECONDS
    try:
        connection = connect_tcp(endpoint, PROBE_SECONDS)
    except TimeoutError:
        return f"connect to {tried}: no reply within {PROBE_SECONDS:g} s"
    except OSError:
        return ""
    with connection, suppress(OSError):
        connection.settimeout(max(0.1, until - time.monotonic()))
        try:
            connection.recv(1)
        except TimeoutError:
            return f"connected to {tried}, but no SSH server replied within {PROBE_SECONDS:g} s"
    return ""
