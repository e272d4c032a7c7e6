"""Password rotation, in an order that never locks out a client.

Since ACL (Redis 6.0) a user may have several passwords. So first every server accepts the new
passwords besides the old ones, then replicas and files switch, and only then the old ones are
removed. At no moment does a server refuse a password that a file still has.
"""

from collections.abc import Mapping
from dataclasses import field, replace
from hashlib import sha256

from redistopo.model.protocol.credentials import Credentials, Login, TopologyUser
from redistopo.quick_dataclass import dataclass

Command = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordRotation:
    """The new passwords by user; with `keep_old` the old ones stay valid until the next run.

    `given` is whether the user supplies the application's, in a variable or file of their own;
    `previous` is the SHA-256 of the application's old one, "" if unknown.
    """

    passwords: Mapping[str, str] = field(repr=False)
    keep_old: bool = False
    given: bool = False
    previous: str = ""


def rotated(credentials: Credentials, rotation: PasswordRotation) -> Credentials:
    """Return the credentials with the new passwords."""
    new = rotation.passwords

    def turned(access: Login | None, user: TopologyUser) -> Login | None:
        return replace(access or Login(tls=credentials.own.tls), password=new[user])

    if not credentials.acl:
        own = replace(credentials.own, password=new[TopologyUser.APPLICATION])
        return replace(credentials, own=own, application=own)
    return replace(
        credentials,
        own=replace(credentials.own, password=new[TopologyUser.ADMIN]),
        application=turned(credentials.application, TopologyUser.APPLICATION),
        replication=turned(credentials.replication, TopologyUser.REPLICATION),
    )


def taking(rotation: PasswordRotation) -> tuple[Command, ...]:
    """Return the commands that make a server accept the new passwords besides the old ones."""
    return tuple(("ACL", "SETUSER", user, f"#{one}") for user, one in hashes(rotation).items())


def turning(rotation: PasswordRotation) -> tuple[Command, ...]:
    """Return the commands that make a replica log in with the new password from now on."""
    return (("CONFIG", "SET", "masterauth", directives(rotation)["masterauth"]),)


def at_sentinels(rotation: PasswordRotation) -> PasswordRotation:
    """Return the part for Sentinels: with ACL, the users that they have too. Their own password,
    with which they log in to each other and, with ACL, to the data nodes, never changes."""
    acl = TopologyUser.ADMIN in rotation.passwords
    held = (TopologyUser.APPLICATION, TopologyUser.ADMIN) if acl else ()
    return replace(rotation, passwords={user: rotation.passwords[user] for user in held})


def turning_sentinels(rotation: PasswordRotation, name: str) -> tuple[Command, ...]:
    """Return the commands that make a Sentinel log in to data nodes with the new password."""
    if TopologyUser.ADMIN in rotation.passwords:
        return ()
    return (("SENTINEL", "SET", name, "auth-pass", rotation.passwords[TopologyUser.APPLICATION]),)


def directives(rotation: PasswordRotation) -> dict[str, str]:
    """Return the directives of redis.conf that contain a password, with the new one."""
    new = rotation.passwords
    if TopologyUser.REPLICATION in new:
        return {"masterauth": new[TopologyUser.REPLICATION]}
    return dict.fromkeys(("masterauth", "requirepass"), new[TopologyUser.APPLICATION])


def hashes(rotation: PasswordRotation) -> dict[str, str]:
    """Map users to the SHA-256 of their new password, as in users.acl."""
    return {user: acl_password_hash(password) for user, password in rotation.passwords.items()}


def acl_password_hash(password: str) -> str:
    """Hash a password as ACL does: SHA-256 in hex."""
    return sha256(password.encode()).hexdigest()


def keeping(rotation: PasswordRotation) -> tuple[Command, ...]:
    """Return the commands that set the new password and keep accepting the old one.

    Without ACL, setting `requirepass` removes all other passwords, so the old one is added again;
    no client may log in between the two.
    """
    if TopologyUser.ADMIN in rotation.passwords:
        return ()
    again = (("ACL", "SETUSER", "default", f"#{rotation.previous}"),) if rotation.previous else ()
    return (*dropping(rotation), *again)


def restoring(rotation: PasswordRotation) -> tuple[Command, ...]:
    """Return the commands that make a restarted server accept the old application password."""
    if not rotation.previous or TopologyUser.APPLICATION not in rotation.passwords:
        return ()
    return (("ACL", "SETUSER", TopologyUser.APPLICATION.value, f"#{rotation.previous}"),)


def dropping(rotation: PasswordRotation) -> tuple[Command, ...]:
    """Return the commands that remove the old passwords; existing connections stay.

    Without ACL, `requirepass` contains the password too. Setting it removes all others, but only
    if it changes (config.c, stringConfigSet, updateRequirePass).
    """
    users = tuple(
        ("ACL", "SETUSER", user, "resetpass", f"#{one}") for user, one in hashes(rotation).items()
    )
    if TopologyUser.ADMIN in rotation.passwords or not users:
        return users
    return (("CONFIG", "SET", "requirepass", rotation.passwords[TopologyUser.APPLICATION]), *users)
