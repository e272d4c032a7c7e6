"""A topology that we didn't start, found from one of its addresses."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from redistopo.client.connection import NodeClient, numeric_address, raise_on_error, try_ping
from redistopo.client.observe import Target
from redistopo.errors import AccessDenied, BadReply, Unreachable, UsageError
from redistopo.model.protocol.credentials import (
    TLS_REQUIRED_HINT,
    Credentials,
    Login,
    single_credential,
)
from redistopo.model.protocol.endpoint import LAST_PORT
from redistopo.model.protocol.replies import parse_info, parse_nodes, parse_pairs
from redistopo.model.protocol.sentinel_replies import parse_monitored, parse_peers
from redistopo.model.topology.spec import Shape
from redistopo.project.passwords import ENVIRONMENT_VARIABLE

SENTINEL_VARIABLE = "REDISTOPO_SENTINEL_PASSWORD"
"""Bears the password of a stranger's Sentinels, where it isn't the data nodes'."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Discovered:
    """The shape, and every node that the asked ones name; which of them are Sentinels."""

    shape: Shape
    targets: tuple[Target, ...]
    sentinels: frozenset[tuple[str, int]] = frozenset()


def credentials_elsewhere(access: Login, host: str, port: int) -> Credentials:
    """What opens a topology elsewhere: the variables' passwords, or the one in `access`."""
    password = access.password or os.environ.get(ENVIRONMENT_VARIABLE, "")
    credentials = single_credential(replace(access, password=password))
    own = _sentinels_way(credentials)
    if own is None or try_ping(host, port, own) != "PONG":
        return credentials
    return replace(credentials, sentinels={(numeric_address(host), port): own})


def with_sentinel_logins(credentials: Credentials, found: Discovered) -> Credentials:
    """The keys, with the way in to each Sentinel that was found."""
    own = _sentinels_way(credentials)
    return (
        replace(credentials, sentinels=dict.fromkeys(found.sentinels, own)) if own else credentials
    )


def _sentinels_way(credentials: Credentials) -> Login | None:
    """None where the Sentinels' password isn't given; users are the same at all nodes."""
    password = os.environ.get(SENTINEL_VARIABLE, "")
    return replace(credentials.own, password=password) if password and not credentials.acl else None


def parse_address(text: str) -> tuple[str, int]:
    """Host and port of ``HOST:PORT``, ``[::1]:PORT`` or ``PORT``; UsageError for others."""
    host, colon, port = text.rpartition(":")
    host = (host if colon else "") or "127.0.0.1"
    if not re.fullmatch(r"[0-9]{1,5}", port) or not 0 < int(port) < 65536:
        raise UsageError(f"{text!r} is no address", hint="write HOST:PORT, as 127.0.0.1:7000")
    return host.strip("[]"), int(port)


def discover(host: str, port: int, client: NodeClient) -> Discovered:
    """The topology around one node, whichever of its nodes that is.

    Raises Unreachable or AccessDenied with what to type.
    """
    host = numeric_address(host)
    info = _info(host, port, client)
    # Valkey calls it server_mode, unless it is told to be compatible (server.c,
    # genValkeyInfoString)
    if "sentinel" in (info.get("redis_mode"), info.get("server_mode")):
        return _watched(host, port, client)
    if info.get("cluster_enabled") == "1":
        text = raise_on_error(client.ask(host, port, [("CLUSTER", "NODES")])[0], "CLUSTER NODES")
        found = [
            (member.host or host, member.port)
            for member in parse_nodes(str(text))
            if "noaddr" not in member.flags
        ]
        return Discovered(shape=Shape.CLUSTER, targets=_targets(sorted(found)))
    nodes = [(host, port), *_replicas(info)]
    if info.get("role") == "slave":
        primary = (numeric_address(info.get("master_host", "")), _port(info.get("master_port", "")))
        try:
            nodes = [primary, *_replicas(_info(*primary, client))]
        except (Unreachable, AccessDenied):
            nodes = [primary, (host, port)]  # the checks will tell what is wrong with it
    shape = Shape.REPLICATION if len(nodes) > 1 else Shape.STANDALONE
    return Discovered(shape=shape, targets=_targets(nodes))


def _watched(host: str, port: int, client: NodeClient) -> Discovered:
    """The data nodes and the Sentinels that a Sentinel knows, and it itself."""

    def ask(*words: str) -> object:
        return raise_on_error(
            client.ask(host, port, [("SENTINEL", *words)])[0], f"SENTINEL {words[0]}"
        )

    said = ask("MASTERS")
    found = [parse_monitored(one) for one in said] if isinstance(said, list) else []
    if len(found) != 1:
        names = ", ".join(one.name for one in found) or "none"
        raise UsageError(
            f"{host}:{port} is a Sentinel that watches {len(found)} primaries: {names}",
            hint="give the address of a data node instead",
        )
    name = found[0].name
    replicas = parse_peers(ask("REPLICAS", name), "SENTINEL REPLICAS")
    others = parse_peers(ask("SENTINELS", name), "SENTINEL SENTINELS")
    watching = [(host, port), *((one.host, one.port) for one in others)]
    data = [(found[0].host, found[0].port), *((one.host, one.port) for one in replicas)]
    return Discovered(
        shape=Shape.SENTINEL,
        targets=_targets([*data, *watching]),
        sentinels=frozenset(watching),
    )


def _replicas(info: dict[str, str]) -> Iterator[tuple[str, int]]:
    for name, value in info.items():
        said = parse_pairs(value) if re.fullmatch(r"slave[0-9]{1,9}", name) else {}
        if said.get("ip"):
            yield said["ip"], _port(said.get("port", ""))


def _port(text: str) -> int:
    """A port as INFO tells it; raises BadReply for anything else."""
    if not re.fullmatch(r"[0-9]{1,5}", text) or not 0 < int(text) <= LAST_PORT:
        raise BadReply("INFO names a port that is none", detail=repr(text)[:200])
    return int(text)


def _targets(addresses: list[tuple[str, int]]) -> tuple[Target, ...]:
    return tuple(Target(name=f"{host}:{port}", host=host, port=port) for host, port in addresses)


def _info(host: str, port: int, client: NodeClient) -> dict[str, str]:
    try:
        reply = client.ask(host, port, [("INFO",)])[0]
    except Unreachable as error:
        tls = client.credentials.own.tls
        raise Unreachable(
            error.message,
            detail=error.detail,
            hint="is a server running there, and does it listen on that address? "
            + ("" if tls and tls.pem and "certificate" not in error.detail else TLS_REQUIRED_HINT),
        ) from error
    except AccessDenied as error:
        raise AccessDenied(
            f"{host}:{port} asks for a password, or for another one",
            detail=error.detail,
            hint="set REDISTOPO_PASSWORD (verify can ask for it: --ask-password); where there are "
            f"Sentinels, they may have another one: {SENTINEL_VARIABLE}",
        ) from error
    if isinstance(reply, Exception):
        raise Unreachable(f"{host}:{port} refused INFO", detail=str(reply))
    return parse_info(str(reply))
