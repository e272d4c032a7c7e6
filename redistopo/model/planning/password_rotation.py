"""New passwords in place of old ones, in an order in which every client can follow.

Since ACL (Redis 6.0) a user may have several passwords. So first every server takes the new
ones beside the old, then replicas and files change over, and only then the old ones go. At no
moment does a server refuse what some file still says.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256

from redistopo.model.protocol.credentials import Credentials, Login, TopologyUser

Command = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordRotation:
    """The new passwords by user; with `keep_old` the old ones stay until it is run again.

    `given` says that the user keeps the application's, in a variable or a file of their own;
    `previous` is the SHA-256 of the application's old one, "" where it isn't known.
    """

    passwords: Mapping[str, str] = field(repr=False)
    keep_old: bool = False
    given: bool = False
    previous: str = ""


def rotated(credentials: Credentials, rotation: PasswordRotation) -> Credentials:
    """The keys with the new passwords."""
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
    """What makes a server accept the new passwords beside the old ones."""
    return tuple(("ACL", "SETUSER", user, f"#{one}") for user, one in hashes(rotation).items())


def turning(rotation: PasswordRotation) -> tuple[Command, ...]:
    """What makes a replica present the new password, from its next connection on."""
    return (("CONFIG", "SET", "masterauth", directives(rotation)["masterauth"]),)


def at_sentinels(rotation: PasswordRotation) -> PasswordRotation:
    """What of it concerns Sentinels: with ACL the users that they have too; their own password,
    which they come in with to each other and, with ACL, to the data nodes, is never changed."""
    acl = TopologyUser.ADMIN in rotation.passwords
    held = (TopologyUser.APPLICATION, TopologyUser.ADMIN) if acl else ()
    return replace(rotation, passwords={user: rotation.passwords[user] for user in held})


def turning_sentinels(rotation: PasswordRotation, name: str) -> tuple[Command, ...]:
    """What makes a Sentinel present the new password to the data nodes, where it is that one."""
    if TopologyUser.ADMIN in rotation.passwords:
        return ()
    return (("SENTINEL", "SET", name, "auth-pass", rotation.passwords[TopologyUser.APPLICATION]),)


def directives(rotation: PasswordRotation) -> dict[str, str]:
    """The directives of redis.conf that say a password, with the new one."""
    new = rotation.passwords
    if TopologyUser.REPLICATION in new:
        return {"masterauth": new[TopologyUser.REPLICATION]}
    return dict.fromkeys(("masterauth", "requirepass"), new[TopologyUser.APPLICATION])


def hashes(rotation: PasswordRotation) -> dict[str, str]:
    """User -> SHA-256 of the new password, as users.acl has it."""
    return {user: acl_password_hash(password) for user, password in rotation.passwords.items()}


def acl_password_hash(password: str) -> str:
    """A password as ACL writes it: SHA-256 in hex."""
    return sha256(password.encode()).hexdigest()


def keeping(rotation: PasswordRotation) -> tuple[Command, ...]:
    """What makes a server say the new password, and accept the old one too, in one go.

    Without ACL `requirepass` says the password; setting it drops all others, so the old one
    is added again before any other client is heard (transactions run as a whole).
    """
    if TopologyUser.ADMIN in rotation.passwords:
        return ()
    again = (("ACL", "SETUSER", "default", f"#{rotation.previous}"),) if rotation.previous else ()
    return (("MULTI",), *dropping(rotation), *again, ("EXEC",))


def restoring(rotation: PasswordRotation) -> tuple[Command, ...]:
    """What makes a server that was started anew accept the application's old password, too."""
    if not (rotation.keep_old and rotation.previous):
        return ()
    return (("ACL", "SETUSER", TopologyUser.APPLICATION.value, f"#{rotation.previous}"),)


def dropping(rotation: PasswordRotation) -> tuple[Command, ...]:
    """What makes a server forget the old passwords; connections already made stay.

    Without ACL `requirepass` says the password too. Setting it drops all others, but only
    where that changes it (config.c, stringConfigSet, updateRequirePass).
    """
    users = tuple(
        ("ACL", "SETUSER", user, "resetpass", f"#{one}") for user, one in hashes(rotation).items()
    )
    if TopologyUser.ADMIN in rotation.passwords:
        return users
    return (("CONFIG", "SET", "requirepass", rotation.passwords[TopologyUser.APPLICATION]), *users)
