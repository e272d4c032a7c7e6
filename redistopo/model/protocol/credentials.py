"""Who comes in, and how: users, passwords and certificates. What is secret is never shown."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from redistopo.model.protocol.endpoint import Endpoint


class TopologyUser(StrEnum):
    """The users of a topology with `acl = true`, by the names that servers know them by.

    `sentinel` is Sentinels among each other and, with ACL, at the data nodes.
    """

    APPLICATION = "default"
    REPLICATION = "replication"
    SENTINEL = "sentinel"
    ADMIN = "admin"


ENVIRONMENT_VARIABLE = "REDISTOPO_PASSWORD"

CREDENTIALS_CHANGED_HINT = (
    "was REDISTOPO_PASSWORD or password_file changed? redistopo secret rotate carries it to "
    "running servers; if somebody changed a server's own: redistopo down, then up"
)
"""What to type where a server of ours refuses the password that we have."""

CERTIFICATE_REFUSED_HINT = (
    "certificates expired, or can't be verified: redistopo certs renew; then redistopo down "
    "and up, if servers still can't be reached"
)
"""What to type where a connection to a server of ours fails for its certificate, or ours."""

TLS_REQUIRED_HINT = (
    "if it speaks TLS: --cacert CA.crt --cert CLIENT.pem, both of its CA and not expired"
)
"""The same, where it is no server of ours."""


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files: the CA to trust, and the certificate with its key to present ("" for none)."""

    ca: str
    pem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """How one client comes in; an empty `user` is the default one."""

    password: str = field(default="", repr=False)
    user: str = ""
    tls: TlsFiles | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What opens a topology: `own` is redistopo's, then an application's and a replica's.

    Without ACL they are one. `application` is None where its password isn't known here;
    `stranger` is a certificate of another CA, to prove that it is refused. `sentinel` is how
    Sentinels come in to each other; without ACL they have a password of their own, and
    `sentinels` has the way in to each of them, by host and port.
    """

    own: Login
    application: Login | None
    replication: Login | None = None
    stranger: str = ""
    sentinel: Login | None = None
    sentinels: Mapping[Endpoint, Login] = field(default_factory=dict)

    def at(self, endpoint: Endpoint) -> Login:
        """Our own way in to the server at that address."""
        return self.sentinels.get(endpoint, self.own)

    @property
    def acl(self) -> bool:
        return bool(self.own.user)


def single_credential(access: Login) -> Credentials:
    """The keys where everybody comes in the same way."""
    return Credentials(own=access, application=access)


def granted(rights: str, *names: str) -> bool:
    """Whether ACL rules on commands grant a command that bears these names and categories.

    The last rule that fits counts (redis.io, ACL: rules apply from left to right).
    """
    found = False
    for rule in rights.split():
        if rule[1:] in names:
            found = rule[0] == "+"
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """What a server presented: `left` is for how many seconds it is still valid, seen from
    the moment of the look (below 0: expired), `expires` that day, `serial` is in hex."""

    left: float
    expires: str
    serial: str
    names: tuple[str, ...]

    @property
    def lasts(self) -> str:
        """For how long it is still valid: ``8 days``, ``1 day``, ``5 hours``."""
        count, unit = int(self.left // 86400), "day"
        if count < 1:
            count, unit = max(0, int(self.left // 3600)), "hour"
        return f"{count} {unit}{'' if count == 1 else 's'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessProbe:
    """What happened to clients that should be refused, or should be let in to do little.

    `plain` and `stranger` are what a client without TLS, and one with a certificate of
    another CA, got as an answer: "" where it was refused, None where it wasn't tried.
    `users` maps a user to what each command of its trial was answered.
    """

    plain: str | None = None
    stranger: str | None = None
    certificate: Certificate | None = None
    users: dict[str, dict[str, str]] | None = None


def login_options(access: Login) -> list[str]:
    """Options without any secret: the user's name, and the paths of the TLS files."""
    words = ["--user", access.user] if access.user else []
    if access.tls:
        words += ["--tls", "--cacert", access.tls.ca]
        words += ["--cert", access.tls.pem, "--key", access.tls.pem]
    return words
