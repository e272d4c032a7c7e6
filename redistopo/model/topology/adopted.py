"""Servers that run already and that redistopo didn't start: the [adopted] table of the file."""

import re
from collections.abc import Iterator, Mapping
from ipaddress import ip_address

from redistopo.model.protocol.endpoint import LAST_PORT, Endpoint, split_address
from redistopo.model.topology.check_key import (
    TopologyProblem,
    check_key,
    unknown_key,
    wrong_kind,
)
from redistopo.model.topology.spec import Adopted, TopologyKey

NODE = r"(?:node|sentinel)[1-9][0-9]{0,3}"
"""The pattern of the name of an adopted server."""

ADOPTED_KEYS: tuple[TopologyKey, ...] = (
    TopologyKey("user", str, pattern=r"[^\s]{0,128}", rule="must be a user name without spaces",
                doc="ACL user that redistopo logs in as. Default: the default user."),
)  # fmt: skip

ADOPTED_NODE = TopologyKey(
    "NODE", str, pattern=r"\S+:[0-9]{1,5}", rule="must be an address and a port, as 10.0.0.1:6379",
    doc="Address and port of that server, named node1, node2 ... or, a Sentinel, sentinel1 ...",
)  # fmt: skip

_KEYS = {key.name: key for key in ADOPTED_KEYS}

_NOT_BESIDE = (
    "host", "announce_host", "announce_port", "port", "sentinel_port", "formation", "templates",
    "acl", "application_rights", "hosts",
)  # fmt: skip
"""Keys of servers that redistopo starts."""


def parse_adopted(
    document: Mapping[str, object], problems: list[TopologyProblem]
) -> Adopted | None:
    """Return the adopted servers of a document; None if it has no [adopted] table. Problems are
    added to `problems`."""
    table = document.get("adopted")
    if not isinstance(table, Mapping):
        return None
    found = [*_problems(table), *_contradictions(document)]
    problems += found
    if found:
        return None
    servers = {
        name: Endpoint.parse(str(table[name]))
        for name in sorted(table, key=lambda one: (len(one), one))
        if name not in _KEYS
    }
    return Adopted(servers=servers, user=str(table.get("user", "")))


def _problems(table: Mapping[str, object]) -> Iterator[TopologyProblem]:
    seen: dict[str, str] = {}
    for name, value in table.items():
        key = f"adopted.{name}"
        if name in _KEYS:
            yield from check_key(_KEYS[name], value, within="adopted.")
        elif not re.fullmatch(NODE, name):
            allowed = "servers are node1, node2 ... and sentinel1, sentinel2 ..."
            yield unknown_key(name, _KEYS, allowed, within="adopted.")
        elif not isinstance(value, str):
            yield wrong_kind(key, value, str)
        elif not _is_address(value):
            yield TopologyProblem(key, f"is {value!r}", ADOPTED_NODE.rule)
        elif other := seen.get(value):
            yield TopologyProblem(key, f"is {value}, as {other}", "each server is named once")
        else:
            seen[value] = name
    if not any(name.startswith("node") for name in table):
        yield TopologyProblem("adopted", "names no server", 'write node1 = "10.0.0.1:6379"')


def _contradictions(document: Mapping[str, object]) -> Iterator[TopologyProblem]:
    for key in _NOT_BESIDE:
        if key in document:
            yield TopologyProblem(
                key,
                "is set together with [adopted]",
                "redistopo doesn't start these servers, so that it can't decide that",
                hint="remove it",
            )


def _is_address(text: str) -> bool:
    host, port = split_address(text)
    if not port.isdecimal() or not 0 < int(port) <= LAST_PORT:
        return False
    try:
        address = ip_address(host)
    except ValueError:
        # as Sentinels give it with announce-hostnames; digits and dots alone are a wrong address
        return re.fullmatch(r"(?=.*[A-Za-z])[A-Za-z0-9][A-Za-z0-9._-]{0,252}", host) is not None
    return text == str(Endpoint(str(address), int(port))) and not address.is_unspecified
