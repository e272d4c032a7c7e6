"""Connections as Redis Insight imports them."""

import json
from collections.abc import Iterable

from redistopo.model.protocol.credentials import Login, TlsTexts
from redistopo.model.protocol.endpoint import Endpoint

Connection = dict[str, object]


def connection(
    topology: str, endpoint: Endpoint, login: Login, tls: TlsTexts, node: str = ""
) -> Connection:
    """Return the connection to a topology at one of its servers, or to that `node` alone."""
    found: Connection = {
        "id": f"redistopo-{topology}{f'-{node}' if node else ''}",
        "name": f"{topology} {node}".rstrip(),
        "host": endpoint.host,
        "port": endpoint.port,
        "db": 0,
        "username": login.user or None,
        "password": login.password or None,
        "tls": login.tls is not None,
    }
    if node:
        found["forceStandalone"] = True
    if login.tls is not None:
        key, certificate = tls.client_key_and_certificate
        name = f"redistopo-{topology}"
        found["verifyServerCert"] = True
        found["caCert"] = {"name": f"{name}-ca", "certificate": tls.authority}
        found["clientCert"] = {"name": f"{name}-client", "certificate": certificate, "key": key}
    return found


def by_sentinel(found: Connection, service: str, primary: Login) -> Connection:
    """Return the connection to a Sentinel as that to the primary that it names."""
    access = {"name": service, "username": primary.user or None, "password": primary.password}
    return {**found, "sentinelMaster": access}


def connections_file(found: Iterable[Connection]) -> str:
    """Return the file to import."""
    return json.dumps(list(found), indent=2, ensure_ascii=False)
