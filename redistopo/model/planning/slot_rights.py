"""The rights of ACL users that moving slots takes; pure."""

from collections.abc import Mapping, Sequence

from redistopo.errors import RedistopoError
from redistopo.model.planning.move_method import MoveMethod, method_of
from redistopo.model.protocol.credentials import Credentials
from redistopo.model.protocol.engine import Engine
from redistopo.model.topology.engine_faults import faults_of
from redistopo.quick_dataclass import dataclass

_KEY = "redistopo:rights"


@dataclass(frozen=True, slots=True, kw_only=True)
class NeededRight:
    """A right that a user needs, as it is written in an ACL rule, and a command that takes it;
    `why` is a fault of the server, if only that needs it."""

    user: str
    rule: str
    trial: tuple[str, ...]
    why: str = ""


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


_DEFAULT_USER_SYNCS = "valkey#2785"


def needed_rights(engine: Engine, credentials: Credentials) -> tuple[NeededRight, ...]:
    """Return the rights that redistopo's own user, and for some servers other users, need."""
    wanted = [(credentials.own.user or "default", *one) for one in _OWN[method_of(engine)]]
    if engine.exports_slots_as_replication_user and credentials.replication is not None:
        wanted += [(credentials.replication.user or "default", *one) for one in _SYNC]
    known = [one.sentence for one in faults_of(engine) if one.id == _DEFAULT_USER_SYNCS]
    return (
        *(NeededRight(user=user, rule=rule, trial=trial) for user, rule, trial in wanted),
        *(
            NeededRight(user="default", rule=_SYNC[0][0], trial=_SYNC[0][1], why=why)
            for why in known
        ),
    )


def refuse_missing_rights(missing: Mapping[str, Sequence[NeededRight]]) -> None:
    """Raise RedistopoError if users of nodes lack rights."""
    if not missing:
        return
    rules = {one.user: "" for some in missing.values() for one in some}
    for user in rules:
        mine = [one for some in missing.values() for one in some if one.user == user]
        why = next((f": {one.why}" for one in mine if one.why), "")
        rules[user] = " ".join(dict.fromkeys(one.rule for one in mine)) + why
    raise RedistopoError(
        "users lack rights that moving slots takes; nothing was changed",
        detail="\n".join(
            f"{', '.join(missing)}: user {user} lacks {rule}" for user, rule in rules.items()
        ),
        hint="add them to conf/users.acl.j2, then redistopo up",
    )
