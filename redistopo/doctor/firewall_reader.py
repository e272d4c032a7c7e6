"""Reads the rules of this machine's firewalls; nothing is changed, and root is not needed."""

import shutil
from collections.abc import Iterator
from pathlib import Path

from redistopo.doctor.firewall_rules import FirewallSeen, ufw_conf
from redistopo.host.files import read_text
from redistopo.host.run_program import run_command, search_path

_UFW = Path("/etc/ufw/ufw.conf")
_MAC = "/usr/libexec/ApplicationFirewall/socketfilterfw"


def read_firewalls() -> tuple[FirewallSeen, ...]:
    """Return the installed firewalls, each with its rules if this user can read them.

    ufw and firewalld write the rules of nftables and iptables: if one of them is on, these are not
    read, because they repeat the same at greater length.
    """
    found = tuple(_found())
    above = tuple(one for one in found if one.name in ("ufw", "firewalld") and one.active)
    return above or found


def _found() -> Iterator[FirewallSeen]:
    if path := _program("ufw"):
        yield _ufw(path)
    if path := _program("firewall-cmd"):
        yield _firewalld(path)
    nft = _program("nft")
    seen = _plain("nftables", [nft, "list", "ruleset"]) if nft else None
    if seen is None or seen.active is None:
        # one kernel, two tools: use the one that prints its rules
        path = _program("iptables")
        other = _plain("iptables", [path, "-S", "INPUT"]) if path else None
        seen = other if other and other.output else seen or other
    if seen is not None:
        yield seen
    if path := _program("pfctl"):
        yield _plain("pf", [path, "-sr"])
    if Path(_MAC).exists():
        yield _plain("macOS", [_MAC, "--getglobalstate"])


def _program(name: str) -> str:
    return shutil.which(name, path=search_path()) or ""


def _ufw(path: str) -> FirewallSeen:
    output = run_command([path, "status", "verbose"]) or ""
    active = ufw_conf(read_text(_UFW) or "") if not output else "Status: active" in output
    return FirewallSeen(name="ufw", command="ufw status verbose", active=active, output=output)


def _firewalld(path: str) -> FirewallSeen:
    state = run_command([path, "--state"])
    active = None if state is None else state.strip() == "running"
    output = run_command([path, "--list-all"]) or "" if active is not False else ""
    command = "firewall-cmd --list-all"
    return FirewallSeen(
        name="firewalld", command=command, active=active or bool(output), output=output
    )


def _plain(name: str, argv: list[str]) -> FirewallSeen:
    output = run_command(argv)
    command = " ".join([Path(argv[0]).name, *argv[1:]])
    # a firewall without rules is off
    active = None if output is None else bool(output.strip())
    return FirewallSeen(name=name, command=command, active=active, output=output or "")
