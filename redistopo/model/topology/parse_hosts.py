"""Parses the [hosts] table of the topology file, and the pins of nodes to machines."""

import re
from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from typing import Any

from redistopo.model.topology.check_key import (
    TopologyProblem,
    check_key,
    unknown_key,
    wrong_kind,
)
from redistopo.model.topology.hosts import Hosts, Machine
from redistopo.model.topology.hosts_keys import HOSTS_KEYS, MACHINE, MACHINE_KEYS

_HOSTS = {key.name: key for key in HOSTS_KEYS}
_MACHINE = {key.name: key for key in MACHINE_KEYS}

PIN = "host"
"""The key of a node's table that names its machine; no directive."""


def parse_hosts(document: Mapping[str, object], problems: list[TopologyProblem]) -> Hosts | None:
    """Return the machines of a document; None if it has no [hosts] table. Problems are added to
    `problems`."""
    pins = dict(_pins(document.get("nodes"), problems))
    table = document.get("hosts")
    if not isinstance(table, Mapping):
        if "hosts" not in document:
            problems += (_no_hosts(node) for node in pins)
        return None
    found = [*_problems(table), *_contradictions(document)]
    problems += found
    if found:
        return None
    values: dict[str, Any] = {name: one for name, one in table.items() if name in _HOSTS}
    machines = (Machine(name=name, **one) for name, one in table.items() if name not in _HOSTS)
    return Hosts(**values, machines=tuple(machines), pins=pins)


def _problems(table: Mapping[str, object]) -> Iterator[TopologyProblem]:
    tables = 0
    for name, value in table.items():
        if name in _HOSTS:
            yield from check_key(_HOSTS[name], value, within="hosts.")
        elif isinstance(value, Mapping):
            tables += 1
            yield from _machine(name, value)
        elif _is_address(value):
            yield TopologyProblem(
                f"hosts.{name}", f"is {value!r}", f'write [hosts.{name}] with address = "{value}"'
            )
        else:
            allowed = f"its keys are {', '.join(_HOSTS)}, and a machine has a table [hosts.NAME]"
            yield unknown_key(name, _HOSTS, allowed, within="hosts.")
    if tables and "inventory" in table:
        yield TopologyProblem(
            "hosts.inventory",
            "is set together with machines in this file",
            "the machines are either in the inventory or in tables [hosts.NAME]",
        )
    elif not tables and not table.get("inventory"):
        yield TopologyProblem(
            "hosts",
            "names no machine",
            'write a table for each, [hosts.h1] with address = "10.0.0.1", or set inventory',
        )
    elif "group" in table and "inventory" not in table:
        yield TopologyProblem("hosts.group", "is set without inventory", "it is the inventory's")


def _machine(name: str, table: Mapping[str, object]) -> Iterator[TopologyProblem]:
    within = f"hosts.{name}."
    if not re.fullmatch(MACHINE, name):
        yield TopologyProblem(
            f"hosts.{name}",
            "is no machine's name",
            "must be at most 63 letters, digits, '_' or '-', and not all or ungrouped",
        )
    for key, value in table.items():
        if key in _MACHINE:
            yield from check_key(_MACHINE[key], value, within=within)
        else:
            allowed = f"a machine's keys are {', '.join(_MACHINE)}"
            yield unknown_key(key, _MACHINE, allowed, within=within)
    if "address" not in table:
        yield TopologyProblem(f"{within}address", "is missing", "it is required")


def _contradictions(document: Mapping[str, object]) -> Iterator[TopologyProblem]:
    """Keys that say where nodes are, besides [hosts]."""
    for key in ("host", "announce_host"):
        if document.get(key):
            yield TopologyProblem(
                key,
                f"is {document[key]!r} together with [hosts]",
                "each node binds and announces its machine's address",
                hint="remove the line",
            )


def _pins(value: object, problems: list[TopologyProblem]) -> Iterator[tuple[str, str]]:
    for node, table in value.items() if isinstance(value, Mapping) else ():
        if isinstance(table, Mapping) and PIN in table:
            if isinstance(table[PIN], str):
                yield str(node), table[PIN]
            else:
                problems.append(wrong_kind(f"nodes.{node}.{PIN}", table[PIN], str))


def _no_hosts(node: str) -> TopologyProblem:
    return TopologyProblem(
        f"nodes.{node}.{PIN}",
        "is set without [hosts]",
        "it names the machine of the node, one of the [hosts] table",
    )


def _is_address(value: object) -> bool:
    try:
        ip_address(str(value))
    except ValueError:
        return False
    return True


def host_list(text: str) -> tuple[dict[str, object], list[TopologyProblem]]:
    """Read ``h1=10.0.0.1,h2=10.0.0.2`` as tables of machines; without names, they are h1, h2 ..."""
    found: dict[str, object] = {}
    problems = []
    for number, word in enumerate(text.split(","), start=1):
        name, equals, address = word.strip().partition("=")
        if not equals:
            name, address = f"h{number}", name
        if name in found:
            problems.append(TopologyProblem(f"--hosts {name}", "is given twice", "give it once"))
        found[name] = {"address": address}
    return found, problems
