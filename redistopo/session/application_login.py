"""How an application reaches the topology of a folder, with its password."""

from collections.abc import Sequence

from redistopo.errors import UsageError
from redistopo.model.protocol.credentials import Credentials, Login
from redistopo.model.state.application_access import ApplicationAccess
from redistopo.model.state.observed import NodeSeen, Observed, Role
from redistopo.model.state.shards import shards_of
from redistopo.session.session import CredentialSource, Session


def application_credentials(session: Session) -> tuple[Credentials, Login]:
    """Return the credentials in use, and the application's login among them.

    Raises UsageError if the password isn't known here: with ACL, a server has only its hash.
    """
    held = session.credentials_from(CredentialSource.APPLICATION)
    login = held.application
    if login is None or (session.topology.auth and not login.password):
        raise unknown_password()
    return held, login


def unknown_password(alternative: str = "") -> UsageError:
    """Build the error for an application's password that isn't known here."""
    return UsageError(
        "the application's password is not known here",
        hint=f"set REDISTOPO_PASSWORD as it was for redistopo up{alternative}",
    )


def application_access(session: Session, seen: Observed) -> ApplicationAccess:
    """Return the application's access; nodes that don't run are included, since they have an
    address. Raises UsageError if the password isn't known here."""
    held, login = application_credentials(session)
    data = [node for node in seen.nodes if not node.is_sentinel]
    sentinels = tuple(node.endpoint for node in seen.nodes if node.is_sentinel)
    names = (watch.name for watch in seen.named_watches)
    return ApplicationAccess(
        name=session.topology.name,
        folder=str(session.layout.root),
        shape=session.shape,
        entry=_entry(session, seen, data).endpoint,
        nodes=tuple(node.endpoint for node in data),
        login=login,
        sentinels=sentinels,
        service=next(names, session.topology.name) if sentinels else "",
        sentinel=_sentinel_login(held, login, sentinels),
    )


def _sentinel_login(held: Credentials, login: Login, sentinels: Sequence[object]) -> Login | None:
    """With ACL of ours, applications have one password for all servers; Sentinels do not admit the
    user "sentinel". Those of adopted servers may have another login, or none."""
    if not sentinels:
        return None
    return next(iter(held.sentinels.values()), login if held.acl else None)


def login_to(access: ApplicationAccess, node: NodeSeen) -> Login:
    """Return an application's login to a node."""
    return (access.sentinel or access.login) if node.is_sentinel else access.login


def _entry(session: Session, seen: Observed, data: Sequence[NodeSeen]) -> NodeSeen:
    """The primary that the Sentinels name, else the first one that replies, else the last one
    that was recorded."""
    primaries = [shard.primary for shard in shards_of(seen) if shard.primary]
    found = [node for node in primaries if node.address == seen.named] or primaries
    recorded = session.state.primary if session.state else ""
    found += [node for node in data if node.name == recorded]
    return (found or [node for node in data if node.role is Role.PRIMARY] or [*data])[0]
