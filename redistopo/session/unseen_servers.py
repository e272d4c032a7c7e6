"""Servers of this topology that reply although no process of theirs is seen here."""

from redistopo.client.target import Target
from redistopo.errors import AccessDenied, RedistopoError, Unreachable
from redistopo.model.protocol.replies import parse_info
from redistopo.session.session import Session


def refuse_unseen(session: Session) -> None:
    """Raise RedistopoError if a server that was started from this folder replies, but its process
    can't be seen: it can't be stopped from here, and its data must not be removed.

    It was started in another process namespace (a container that shares the folder), or works in
    another folder since a CONFIG SET dir.
    """
    layout, processes = session.layout, session.host.processes
    unseen = [one for one in session.targets if processes.find(layout, one.name) is None]
    found = {one.name: pid for one in unseen if (pid := _pid_of_ours(session, one))}
    if found:
        names = ", ".join(found)
        raise RedistopoError(
            f"{names} replies, but its process is not seen here; nothing was stopped",
            detail="\n".join(f"{name}: pid {pid} by its own report" for name, pid in found.items()),
            hint="run the command where the servers were started, in their container",
        )


def _pid_of_ours(session: Session, target: Target) -> str:
    """The pid that the server reports, if it accepts our password and runs on our file."""
    if session.host.ports.is_free(target.endpoint):
        return ""
    try:
        reply = session.client.execute(target.endpoint, [("INFO", "server")])[0]
    except (Unreachable, AccessDenied):
        return ""
    info = parse_info(reply) if isinstance(reply, str) else {}
    ours = session.host.there(session.layout.node(target.name).config)
    return info.get("process_id", "") if info.get("config_file") == ours else ""
