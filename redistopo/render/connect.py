"""How to connect: lines to paste, from templates/connect; none contains the password."""

from collections.abc import Collection
from pathlib import Path

from redistopo.model.planning.plan import Plan
from redistopo.quick_dataclass import dataclass
from redistopo.render.jinja_templates import render_template

CLIENTS = {
    "python": "Python, redis-py",
    "node": "Node, ioredis",
    "go": "Go, go-redis",
    "java": "Java, Lettuce",
}
"""The client libraries with a template each."""

_WITH_TLS = {False: ("python", "node"), True: ("python",)}
"""With TLS, without and with Sentinels: the others need more than a line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectLines:
    """Lines for a shell and for client libraries, the latter as (library, line).

    The password is read from its file into a variable, so that neither the terminal nor
    the process list shows it.
    """

    shell: tuple[str, ...]
    libraries: tuple[tuple[str, str], ...]
    url: str


def connect_lines(plan: Plan, password_file: str, absent: Collection[Path] = ()) -> ConnectLines:
    """Return the lines for a topology; `password_file` is "" where the user gave the password, and
    `absent` are files with secrets that adopted servers don't need.

    With Sentinels, clients ask those for the primary, by the topology's name. Without ACL, the
    Sentinels have a password of their own; with it, an application has one for all.
    """
    topology = plan.topology
    kinds = _WITH_TLS[bool(plan.sentinels)] if topology.tls else tuple(CLIENTS)
    folder = "sentinel/" if plan.sentinels else ""
    values = _values(plan, password_file, absent)

    def rendered(name: str) -> str:
        return render_template(f"connect/{name}.j2", values, own=topology.templates).strip()

    return ConnectLines(
        shell=tuple(rendered("shell").splitlines()),
        libraries=tuple((CLIENTS[kind], rendered(f"{folder}{kind}")) for kind in kinds),
        url=rendered("url"),
    )


def _values(plan: Plan, password_file: str, absent: Collection[Path]) -> dict[str, object]:
    """Host, port and password apart: in a URL, a password with @ or % would need escapes."""
    topology, tls = plan.topology, plan.layout.tls
    secret = plan.layout.secret("sentinel")
    pem = "" if tls.client in absent else str(tls.client)
    entry = plan.nodes[0] if topology.clustered or not plan.primaries else plan.primaries[0]
    return {
        "host": entry.host,
        "port": entry.port,
        "address": entry.address,
        "name": topology.name,
        "auth": topology.auth,
        "acl": topology.acl,
        "user": topology.adopted.user if topology.adopted else "",
        "tls": {"ca": str(tls.ca), "pem": pem} if topology.tls else None,
        "clustered": topology.clustered,
        "cli": plan.engine.cli,
        "password_file": password_file,
        "sentinel_auth": topology.auth and secret not in absent,
        "sentinel_password_file": str(secret),
        "sentinel_variable": "REDISCLI_AUTH" if topology.acl else "SENTINEL_AUTH",
        "sentinels": [
            {"host": one.host, "port": one.port, "address": one.address} for one in plan.sentinels
        ],
    }
