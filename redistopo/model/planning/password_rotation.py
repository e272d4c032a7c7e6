"""New passwords in place of old ones, in an order in which every client can follow.

Since ACL (Redis 6.0) a user may have several passwords. So first every server takes the new
ones beside the old, then replicas and files change over, and only then the old ones go. At no
moment does a server refuse what some file still says.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256

from redistopo.model.protocol.credentials import Access, Keys, User

Command = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """The new passwords by user; with `keep_old` the old ones stay until it is run again.

    `given` says that the user keeps the application's, in a variable or a file of their own;
    `previous` is the SHA-256 of the application's old one, "" where it isn't known.
    """

    passwords: Mapping[str, str] = field(repr=False)
    keep_old: bool = False
    given: bool = False
    previous: str = ""


def rotated(keys: Keys, rotation: Rotation) -> Keys:
    """The keys with the new passwords."""
    new = rotation.passwords

    def turned(access: Access | None, user: User) -> Access | None:
        return replace(access or Access(tls=keys.own.tls), password=new[user])

    if not keys.acl:
        own = replace(keys.own, password=new[User.APPLICATION])
        return replace(keys, own=own, application=own)
    return replace(
        keys,
        own=replace(keys.own, password=new[User.ADMIN]),
        application=turned(keys.application, User.APPLICATION),
        replication=turned(keys.replication, User.REPLICATION),
    )


def taking(rotation: Rotation) -> tuple[Command, ...]:
    """What makes a server accept the new passwords beside the old ones."""
    return tuple(("ACL", "SETUSER", user, f"#{one}") for user, one in hashes(rotation).items())


def turning(rotation: Rotation) -> tuple[Command, ...]:
    """What makes a replica present the new password, from its next connection on."""
    return (("CONFIG", "SET", "masterauth", directives(rotation)["masterauth"]),)


def at_sentinels(rotation: Rotation) -> Rotation:
    """What of it concerns Sentinels: with ACL the users that they have too; their own password,
    which they come in with to each other and, with ACL, to the data nodes, is never changed."""
    acl = User.ADMIN in rotation.passwords
    held = (User.APPLICATION, User.ADMIN) if acl else ()
    return replace(rotation, passwords={user: rotation.passwords[user] for user in held})


def turning_sentinels(rotation: Rotation, name: str) -> tuple[Command, ...]:
    """What makes a Sentinel present the new password to the data nodes, where it is that one."""
    if User.ADMIN in rotation.passwords:
        return ()
    return (("SENTINEL", "SET", name, "auth-pass", rotation.passwords[User.APPLICATION]),)


def directives(rotation: Rotation) -> dict[str, str]:
    """The directives of redis.conf that say a password, with the new one."""
    new = rotation.passwords
    if User.REPLICATION in new:
        return {"masterauth": new[User.REPLICATION]}
    return dict.fromkeys(("masterauth", "requirepass"), new[User.APPLICATION])


def hashes(rotation: Rotation) -> dict[str, str]:
    """User -> SHA-256 of the new password, as users.acl has it."""
    return {user: hashed(password) for user, password in rotation.passwords.items()}


def hashed(password: str) -> str:
    """A password as ACL writes it: SHA-256 in hex."""
    return sha256(password.encode()).hexdigest()


def keeping(rotation: Rotation) -> tuple[Command, ...]:
    """What makes a server say the new password, and accept the old one too, in one go.

    Without ACL `requirepass` says the password; setting it drops all others, so the old one
    is added again before any other client is heard (transactions run as a whole).
    """
    if User.ADMIN in rotation.passwords:
        return ()
    again = (("ACL", "SETUSER", "default", f"#{rotation.previous}"),) if rotation.previous else ()
    return (("MULTI",), *dropping(rotation), *again, ("EXEC",))


def restoring(rotation: Rotation) -> tuple[Command, ...]:
    """What makes a server that was started anew accept the application's old password, too."""
    if not (rotation.keep_old and rotation.previous):
        return ()
    return (("ACL", "SETUSER", User.APPLICATION.value, f"#{rotation.previous}"),)


def dropping(rotation: Rotation) -> tuple[Command, ...]:
    """What makes a server forget the old passwords; connections already made stay.

    Without ACL `requirepass` says the password too. Setting it drops all others, but only
    where that changes it (config.c, stringConfigSet, updateRequirePass).
    """
    users = tuple(
        ("ACL", "SETUSER", user, "resetpass", f"#{one}") for user, one in hashes(rotation).items()
    )
    if User.ADMIN in rotation.passwords:
        return users
    return (("CONFIG", "SET", "requirepass", rotation.passwords[User.APPLICATION]), *users)
