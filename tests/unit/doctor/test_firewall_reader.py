"""Firewalls' own programs are run and read; here they are scripts that print what those print."""

from collections.abc import Callable
from pathlib import Path

import pytest

from redistopo.doctor.firewall_reader import read_firewalls
from redistopo.doctor.firewall_rules import PortExposure, exposure_of

Install = Callable[[str, str], None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Puts a program first on PATH, which is all there is."""
    monkeypatch.setattr("redistopo.host.run_program._SYSTEM", ())
    monkeypatch.setenv("PATH", str(tmp_path))

    def made(name: str, body: str) -> None:
        path = tmp_path / name
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)

    return made


def _gates(port: int) -> dict[str, PortExposure]:
    return {one.name: exposure_of(one, port).exposure for one in read_firewalls()}


def test_a_machine_without_any_has_none(install: Install) -> None:
    assert read_firewalls() == ()


def test_what_root_alone_may_read_is_unknown_with_the_command_to_type(install: Install) -> None:
    install("nft", 'echo "Operation not permitted (you must be root)" >&2; exit 1')
    (seen,) = read_firewalls()
    assert (seen.active, seen.output) == (None, "")
    assert seen.command == "nft list ruleset"


def test_rules_are_read_where_they_are_told(install: Install) -> None:
    install("iptables", 'echo "-P INPUT DROP"; echo "-A INPUT -p tcp --dport 7000 -j ACCEPT"')
    install("nft", "exit 1")
    assert _gates(7000) == {"iptables": PortExposure.OPEN}
    assert _gates(6379) == {"iptables": PortExposure.CLOSED}


def test_no_rule_at_all_is_a_firewall_that_is_off(install: Install) -> None:
    install("nft", "exit 0")
    assert _gates(6379) == {"nftables": PortExposure.OFF}


def test_what_stands_above_the_others_speaks_for_them(install: Install) -> None:
    install("nft", 'echo "table ip filter { }"')
    install("ufw", 'printf "Status: active\\nDefault: deny (incoming), allow (outgoing)\\n"')
    assert _gates(6379) == {"ufw": PortExposure.CLOSED}
    install("ufw", 'echo "Status: inactive"')
    body = '[ "$1" = --state ] && echo running || printf "public\\n  ports: 6379/tcp\\n"'
    install("firewall-cmd", body)
    assert _gates(6379) == {"firewalld": PortExposure.OPEN}


def test_a_program_that_hangs_costs_seconds(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("redistopo.host.run_program._SECONDS", 0.2)
    install("nft", "exec /bin/sleep 60")
    (seen,) = read_firewalls()
    assert seen.active is None
