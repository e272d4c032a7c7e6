"""How an application reaches a topology: its addresses and secrets, as environment variables."""

from collections.abc import Mapping
from urllib.parse import quote

from redistopo.model.protocol.credentials import Login
from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.topology.spec import Shape
from redistopo.quick_dataclass import dataclass

SECRET_VARIABLES = ("REDIS_URL", "REDIS_PASSWORD", "REDISCLI_AUTH", "REDIS_SENTINEL_PASSWORD")
"""Those that contain a password."""

VARIABLES = (
    *SECRET_VARIABLES,
    "REDIS_HOST",
    "REDIS_PORT",
    "REDIS_USERNAME",
    "REDIS_CLUSTER_NODES",
    "REDIS_SENTINELS",
    "REDIS_SENTINEL_MASTER",
    "REDIS_TLS_CA",
    "REDIS_TLS_CERT",
    "REDIS_TLS_KEY",
    "REDISTOPO_DIR",
)
"""All that a topology can have; which of them it has depends on its shape and its security."""

DEFAULT_USER = "default"
"""The user of a login without a name (redis.io, ACL)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplicationAccess:
    """`entry` is where a client of one server connects: the primary, or a cluster's first one.

    `nodes` are all data nodes; `service` is the name by which Sentinels know the primary, and
    `sentinel` the login to them, if there are any.
    """

    name: str
    folder: str
    shape: Shape
    entry: Endpoint
    nodes: tuple[Endpoint, ...]
    login: Login
    sentinels: tuple[Endpoint, ...] = ()
    service: str = ""
    sentinel: Login | None = None


def url_of(endpoint: Endpoint, login: Login) -> str:
    """Return the URL of a server, whose password is percent-encoded once.

    It has the user's name always: without one, redis-cli logs in as a user with an empty name.
    """
    scheme = "rediss" if login.tls else "redis"
    user, password = (quote(one, safe="") for one in (login.user or DEFAULT_USER, login.password))
    secret = f"{user}:{password}@" if password else ""
    return f"{scheme}://{secret}{endpoint}"


def environment_of(access: ApplicationAccess, prefix: str = "") -> dict[str, str]:
    """Return the variables that a topology has; none of them is empty, since redis-cli would log
    in with an empty password, and fail."""
    login, tls = access.login, access.login.tls
    clustered, sentinel = access.shape is Shape.CLUSTER, access.sentinel
    values = {
        "REDIS_URL": url_of(access.entry, login),
        "REDIS_HOST": access.entry.host,
        "REDIS_PORT": str(access.entry.port),
        "REDIS_USERNAME": (login.user or DEFAULT_USER) if login.password else "",
        "REDIS_PASSWORD": login.password,
        "REDISCLI_AUTH": login.password,
        "REDIS_CLUSTER_NODES": _joined(access.nodes) if clustered else "",
        "REDIS_SENTINELS": _joined(access.sentinels),
        "REDIS_SENTINEL_MASTER": access.service if access.sentinels else "",
        "REDIS_SENTINEL_PASSWORD": sentinel.password if sentinel else "",
        "REDIS_TLS_CA": tls.ca if tls else "",
        "REDIS_TLS_CERT": tls.pem if tls else "",
        "REDIS_TLS_KEY": tls.pem if tls else "",
        "REDISTOPO_DIR": access.folder,
    }
    return {prefix + name: value for name, value in values.items() if value}


def absent_variables(found: Mapping[str, str], prefix: str = "") -> tuple[str, ...]:
    """Return the variables that a topology doesn't have: an earlier topology may have set them."""
    return tuple(prefix + name for name in VARIABLES if prefix + name not in found)


def _joined(endpoints: tuple[Endpoint, ...]) -> str:
    return ",".join(map(str, endpoints))
