"""Connections as Redis Insight imports them."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass

from redistopo.model.protocol.credentials import Login
from redistopo.model.protocol.endpoint import Endpoint

Connection = dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsTexts:
    """The content of the TLS files, both "" without TLS: the CA, and the client's certificate with
    its key."""

    authority: str = ""
    client: str = ""


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
        key, certificate = _key_and_certificate(tls.client)
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


def _key_and_certificate(pem: str) -> tuple[str, str]:
    """Separate a private key from the certificate in the same file."""
    blocks = re.findall(r"-----BEGIN [^-]+-----.*?-----END [^-]+-----\n?", pem, re.DOTALL)
    keys = "".join(one for one in blocks if "PRIVATE KEY" in one.partition("\n")[0])
    return keys, "".join(one for one in blocks if one not in keys)
