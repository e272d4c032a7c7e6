"""Asks servers, before slots move, whether their users have the rights that it takes."""

from collections.abc import Iterable

from redistopo.client.connection import Command, Connections
from redistopo.execute.move_slots import engine_of
from redistopo.execute.survey_slots import text_of
from redistopo.model.planning.slot_rights import NeededRight, needed_rights, refuse_missing_rights
from redistopo.model.protocol.credentials import Credentials
from redistopo.model.state.observed import NodeSeen


def require_slot_rights(
    client: Connections, nodes: Iterable[NodeSeen], credentials: Credentials
) -> None:
    """Raise RedistopoError, with the rights that are missing, unless users of these nodes may do
    all that moves slots; ACL DRYRUN executes nothing. Servers before 7.0 lack it."""
    if not credentials.acl:
        return
    missing: dict[str, list[NeededRight]] = {}
    for node in nodes:
        wanted = needed_rights(engine_of(node), credentials)
        trials: list[Command] = [("ACL", "DRYRUN", one.user, *one.trial) for one in wanted]
        replies = client.execute(node.endpoint, trials)
        if lacking := [one for one, reply in zip(wanted, replies, strict=True) if _refused(reply)]:
            missing[node.name] = lacking
    refuse_missing_rights(missing)


def _refused(reply: object) -> bool:
    """Whether the reply is that the user may not; an error is that the server can't tell."""
    return isinstance(reply, str | bytes) and "no permissions" in text_of(reply)
