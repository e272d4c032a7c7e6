"""Where a server is reached, according to its own configuration."""

from redistopo.model.protocol.conf import Directives
from redistopo.model.protocol.endpoint import Endpoint

LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104
"""Where a server that binds every address is reached on this machine."""

CLIENT_PORTS = ("cluster-announce-client-port", "cluster-announce-client-tls-port")
"""What a node of a cluster gives to clients alone, instead of its port: since Valkey 9.0."""

_ANNOUNCED = ("cluster-announce-ip", "replica-announce-ip")


def endpoint_of(conf: Directives) -> Endpoint | None:
    """Return the address and the port of clients, only the TLS port if there is TLS; None if the
    configuration names none. A server that binds every address is where it says it is."""
    port = (conf.get("tls-port") or conf.get("port") or ("",))[-1]
    if not conf.get("bind") or not port.isdecimal():
        return None
    host = conf["bind"][-1]
    return Endpoint(_announced(conf) or LOOPBACK[host] if host in LOOPBACK else host, int(port))


def _announced(conf: Directives) -> str:
    for line in conf.get("sentinel", ()):
        name, _, value = line.partition(" ")
        if name == "announce-ip":
            return value.strip('"')
    return next((conf[name][-1] for name in _ANNOUNCED if name in conf), "")
