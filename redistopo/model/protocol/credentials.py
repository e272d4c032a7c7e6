"""Credentials: users, passwords and certificates; secrets are never shown."""

import re
from collections.abc import Mapping
from dataclasses import field
from enum import StrEnum
from functools import cache

from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.remedies.of_topology import rotate_passwords
from redistopo.model.remedies.remedy import Remedy
from redistopo.quick_dataclass import dataclass


class TopologyUser(StrEnum):
    """The ACL users of a topology with `acl = true`.

    Sentinels use `sentinel` to log in to each other and, with ACL, to the data nodes.
    """

    APPLICATION = "default"
    REPLICATION = "replication"
    SENTINEL = "sentinel"
    ADMIN = "admin"


ENVIRONMENT_VARIABLE = "REDISTOPO_PASSWORD"


@cache
def credentials_changed_hint() -> Remedy:
    """Return the hint for a server of ours that rejects our password.

    Not a constant: to class a hint compiles the patterns of all commands that lose something.
    """
    return rotate_passwords(
        "if REDISTOPO_PASSWORD or password_file was changed: ",
        " applies it to running servers; if the password was changed on a server: redistopo down, "
        "then up",
    )


CREDENTIALS_DIFFER_HINT = (
    "all nodes need the same password: set REDISTOPO_PASSWORD (verify: --ask-password)"
)
"""For a foreign server that rejects the password that others accept."""

CERTIFICATE_REFUSED_HINT = (
    "the certificates expired or can't be verified: redistopo certs renew; then redistopo down "
    "and up, if the servers still can't be reached"
)
"""For a connection to a server of ours that fails for its certificate, or ours."""

TLS_REQUIRED_HINT = (
    "if it uses TLS: --cacert CA.crt --cert CLIENT.pem, both of its CA and not expired"
)
"""The same for a server that isn't ours."""


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files: the CA to trust, and the client certificate with its key ("" for none)."""

    ca: str
    pem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsTexts:
    """The content of TLS files, all "" without TLS: the CA, the client's certificate with its key,
    and of an export, those of the nodes by name, and the day on which these expire."""

    authority: str = ""
    client: str = field(default="", repr=False)
    nodes: Mapping[str, str] = field(default_factory=dict, repr=False)
    expires: str = ""

    @property
    def client_key_and_certificate(self) -> tuple[str, str]:
        """The client's private key, and its certificate, each a PEM text."""
        blocks = re.findall(
            r"-----BEGIN [^-]+-----.*?-----END [^-]+-----\n?", self.client, re.DOTALL
        )
        keys = "".join(one for one in blocks if "PRIVATE KEY" in one.partition("\n")[0])
        return keys, "".join(one for one in blocks if one not in keys)


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """How one client logs in; an empty `user` is the default user. `hosts` are the addresses that
    it may be used for, None for any: servers of ours name only nodes of ours."""

    password: str = field(default="", repr=False)
    user: str = ""
    tls: TlsFiles | None = None
    hosts: frozenset[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """The logins of a topology: redistopo's `own`, an application's and a replica's.

    Without ACL they are the same. `application` is None if its password isn't known here;
    `stranger` is a certificate of another CA, to test that it is refused. Sentinels log in
    to each other with `sentinel`; without ACL they have a password of their own, and
    `sentinels` has our login to each of them, by host and port.
    """

    own: Login
    application: Login | None
    replication: Login | None = None
    stranger: str = ""
    sentinel: Login | None = None
    sentinels: Mapping[Endpoint, Login] = field(default_factory=dict)

    def login_to(self, endpoint: Endpoint) -> Login:
        """Return our own login to the server at that address."""
        return self.sentinels.get(endpoint, self.own)

    @property
    def acl(self) -> bool:
        return bool(self.own.user)


def single_credential(access: Login) -> Credentials:
    """Build the credentials of a topology with a single login."""
    return Credentials(own=access, application=access)


def granted(rights: str, *names: str) -> bool:
    """Return whether ACL rules grant a command with these names and categories.

    The last matching rule decides (redis.io, ACL: rules apply from left to right).
    """
    found = False
    for rule in rights.split():
        if rule[1:] in names:
            found = rule[0] == "+"
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """The certificate that a server presented: `left` is the number of seconds until it
    expires (negative: expired), `expires` the day, `serial` is in hex."""

    left: float
    expires: str
    serial: str
    names: tuple[str, ...]

    @property
    def lasts(self) -> str:
        """The remaining validity: ``8 days``, ``1 day``, ``5 hours``."""
        count, unit = int(self.left // 86400), "day"
        if count < 1:
            count, unit = max(0, int(self.left // 3600)), "hour"
        return f"{count} {unit}{'' if count == 1 else 's'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessProbe:
    """The results of test logins that should be refused, or have limited permissions.

    `plain` and `stranger` are the replies to a client without TLS, and to one with a
    certificate of another CA: "" if it was refused, None if it wasn't tested. `users` maps
    a user to the reply to each command that was tested.
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
