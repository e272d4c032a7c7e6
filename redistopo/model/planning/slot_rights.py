"""The rights of ACL users that moving slots takes; pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from redistopo.errors import RedistopoError
from redistopo.model.planning.move_method import MoveMethod
from redistopo.model.protocol.credentials import Credentials

_KEY = "redistopo:rights"


@dataclass(frozen=True, slots=True, kw_only=True)
class NeededRight:
    """A right that a user needs, as it is written in an ACL rule, and a command that takes it."""

    user: str
    rule: str
    trial: tuple[str, ...]


_OWN: Mapping[MoveMethod, tuple[tuple[str, tuple[str, ...]], ...]] = {
    MoveMethod.MIGRATE: (
        ("+cluster|setslot", ("CLUSTER", "SETSLOT", "0", "STABLE")),
        ("+cluster|getkeysinslot", ("CLUSTER", "GETKEYSINSLOT", "0", "1")),
        ("+migrate ~*", ("MIGRATE", "127.0.0.1", "1", _KEY, "0", "1")),
        # what MIGRATE sends to the other server
        ("+restore-asking ~*", ("RESTORE-ASKING", _KEY, "0", "x")),
    ),
    MoveMethod.MIGRATE_SLOTS: (
        (
            "+cluster|migrateslots",
            ("CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", "0", "0", "NODE", "0" * 40),
        ),
        ("+cluster|getslotmigrations", ("CLUSTER", "GETSLOTMIGRATIONS")),
    ),
    MoveMethod.MIGRATION_IMPORT: (
        ("+cluster|migration", ("CLUSTER", "MIGRATION", "IMPORT", "0", "0")),
    ),
}
_SYNC = (
    ("+cluster|syncslots", ("CLUSTER", "SYNCSLOTS", "ESTABLISH")),
    ("+select", ("SELECT", "0")),
    ("+@write ~*", ("SET", _KEY, "x")),
)
"""What a Valkey that exports slots sends to the other one, as the replication user."""


def needed_rights(
    method: MoveMethod, credentials: Credentials, *, syncs: bool
) -> tuple[NeededRight, ...]:
    """Return the rights that redistopo's own user, and with `syncs` the replication user, need."""
    wanted = [(credentials.own.user or "default", *one) for one in _OWN[method]]
    if syncs and credentials.replication is not None:
        wanted += [(credentials.replication.user or "default", *one) for one in _SYNC]
    return tuple(NeededRight(user=user, rule=rule, trial=trial) for user, rule, trial in wanted)


def refuse_missing_rights(missing: Mapping[str, Sequence[NeededRight]]) -> None:
    """Raise RedistopoError if users of nodes lack rights."""
    if not missing:
        return
    rules = {one.user: "" for some in missing.values() for one in some}
    for user in rules:
        mine = (one.rule for some in missing.values() for one in some if one.user == user)
        rules[user] = " ".join(dict.fromkeys(mine))
    raise RedistopoError(
        "users lack rights that moving slots takes; nothing was changed",
        detail="\n".join(
            f"user {user} lacks {rule} on {', '.join(missing)}" for user, rule in rules.items()
        ),
        hint="add them to conf/users.acl.j2, then redistopo up",
    )
