"""The commands that set one node back to its baseline, by tables."""

from dataclasses import replace

import pytest

from redistopo.model.planning.baseline_repairs import node_repairs
from redistopo.model.state.baseline_state import NodeState, Settings, UsedClient, users_of

USERS = ["user default on #aa ~* &* +@all", "user app on #bb ~app:* -@all +get"]
CONFIG = {"maxmemory": "0", "masterauth": "", "slave-priority": "100", "replica-priority": "100"}
BEFORE = NodeState(
    name="node1",
    settings=Settings(config=CONFIG, users=users_of(USERS)),
    clients=(UsedClient(id="3", address="h:1", use="subscribed"),),
)


def _with(config: dict[str, str] | None = None, users: list[str] | None = None) -> NodeState:
    settings = Settings(config=CONFIG | (config or {}), users=users_of(users or USERS))
    return replace(BEFORE, settings=settings)


@pytest.mark.parametrize(
    ("now", "text", "command"),
    [
        (
            _with({"maxmemory": "9"}),
            'CONFIG maxmemory was "9": set back to "0"',
            ("CONFIG", "SET", "maxmemory", "0"),
        ),
        (  # servers list it under both names
            _with({"slave-priority": "7", "replica-priority": "7"}),
            'CONFIG replica-priority was "7": set back to "100"',
            ("CONFIG", "SET", "replica-priority", "100"),
        ),
        (
            _with({"masterauth": "a secret"}),
            "CONFIG masterauth was changed: set back",
            ("CONFIG", "SET", "masterauth", ""),
        ),
        (
            _with(users=[USERS[0], "user app on nopass ~* +@all"]),
            "ACL user app was changed: restored",
            ("ACL", "SETUSER", "app", "reset", "on", "#bb", "~app:*", "-@all", "+get"),
        ),
        (
            _with(users=USERS[:1]),
            "ACL user app was deleted: restored",
            ("ACL", "SETUSER", "app", "reset", "on", "#bb", "~app:*", "-@all", "+get"),
        ),
        (
            _with(users=[*USERS, "user joe off -@all"]),
            "ACL user joe was added: deleted",
            ("ACL", "DELUSER", "joe"),
        ),
        (
            replace(BEFORE, clients=(UsedClient(id="3", address="h:2", use="in MULTI"),)),
            "a connection of h:2 was left in MULTI: closed",
            ("CLIENT", "KILL", "ID", "3"),
        ),
    ],
)
def test_one_repair_for_each_change(now: NodeState, text: str, command: tuple[str, ...]) -> None:
    (found,) = node_repairs(BEFORE, now)
    assert (found.node, found.text, found.commands) == ("node1", text, (command,))


def test_users_are_the_same_in_another_order_and_with_a_default_spelt_out() -> None:
    now = _with(users=["user app on sanitize-payload #bb -@all ~app:* +get", USERS[0]])
    assert node_repairs(BEFORE, now) == []


def test_other_primaries_of_a_sentinel_are_removed() -> None:
    before = NodeState(name="sentinel1", monitored={"mymaster": {"quorum": "2"}})
    now = replace(before, monitored={**before.monitored, "other": {"quorum": "1"}})
    (found,) = node_repairs(before, now)
    assert found.commands == (("SENTINEL", "REMOVE", "other"),)
