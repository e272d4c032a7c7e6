"""Finds the commands that set a node back to its baseline; pure."""

from collections.abc import Iterator

from redistopo.model.protocol.conf import SECRET_DIRECTIVES, canonical_directive
from redistopo.model.protocol.resp import Command
from redistopo.model.protocol.sentinel_replies import SETTINGS
from redistopo.model.state.baseline_state import LOGIN, NodeState
from redistopo.quick_dataclass import dataclass

_ROLES = ("replicaof", "slaveof")
_SCRIPTS = ("notification-script", "client-reconfig-script")


@dataclass(frozen=True, slots=True, kw_only=True)
class Repair:
    """Commands for one node, and what they repair, for people."""

    node: str
    text: str
    commands: tuple[Command, ...]


def node_repairs(before: NodeState, now: NodeState) -> list[Repair]:
    """Return what to repair of a node that replies, apart from its role and its slots."""
    return [
        *_config_repairs(before, now),
        *_user_repairs(before, now),
        *_module_repairs(before, now),
        *_client_repairs(before, now),
        *_sentinel_repairs(before, now),
    ]


def _config_repairs(before: NodeState, now: NodeState) -> Iterator[Repair]:
    was, seen = before.settings.config, now.settings.config
    if was is seen:
        return
    sentinel: tuple[str, ...] = ("SENTINEL",) if before.monitored else ()
    changed = [name for name in was if seen.get(name) != was[name] and name not in _ROLES]
    # of several names of a directive, which servers all list, the first in the alphabet
    for name in {_directive(one): one for one in sorted(changed, reverse=True)}.values():
        if name in SECRET_DIRECTIVES:
            text = f"CONFIG {name} was changed: set back"
        else:
            text = f'CONFIG {name} was "{seen.get(name, "")}": set back to "{was[name]}"'
        command = (*sentinel, "CONFIG", "SET", name, was[name])
        yield Repair(node=now.name, text=text, commands=(command,))


def _directive(name: str) -> str:
    """One name for a directive that has several: Valkey's primaryauth is masterauth."""
    return canonical_directive(name).replace("primary", "master")


def _user_repairs(before: NodeState, now: NodeState) -> Iterator[Repair]:
    was, seen = before.settings.users, now.settings.users
    for name, user in was.items():
        if seen.get(name) != user:
            how = "changed" if name in seen else "deleted"
            text = f"ACL user {name} was {how}: restored"
            command = ("ACL", "SETUSER", name, "reset", *user.rules)
            yield Repair(node=now.name, text=text, commands=(command,))
    for name in seen.keys() - was.keys():
        text = f"ACL user {name} was added: deleted"
        yield Repair(node=now.name, text=text, commands=(("ACL", "DELUSER", name),))


def _module_repairs(before: NodeState, now: NodeState) -> Iterator[Repair]:
    """Unload what a test loaded; the server refuses that for a module with types of its own."""
    for name in sorted(now.settings.modules - before.settings.modules):
        text = f"module {name} was loaded: unloaded"
        yield Repair(node=now.name, text=text, commands=(("MODULE", "UNLOAD", name),))


def _client_repairs(before: NodeState, now: NodeState) -> Iterator[Repair]:
    known = {(one.id, one.address) for one in before.clients}
    for one in now.clients:
        if (one.id, one.address) not in known:
            text = f"a connection of {one.address} was left {one.use}: closed"
            kill = ("CLIENT", "KILL", "ID", one.id)
            yield Repair(node=now.name, text=text, commands=(kill,))


def _sentinel_repairs(before: NodeState, now: NodeState) -> Iterator[Repair]:
    for name, values in before.monitored.items():
        seen = now.monitored.get(name, {})
        for key in (*SETTINGS, *_SCRIPTS, *LOGIN):
            was = values.get(key, "")
            if seen and seen.get(key, "") != was:
                text = f'{key} of {name} was "{seen.get(key, "")}": set back to "{was}"'
                if key in LOGIN:
                    text = f"{key} of {name} was changed: set back"
                command = ("SENTINEL", "SET", name, key, was)
                yield Repair(node=now.name, text=text, commands=(command,))
    for name in now.monitored.keys() - before.monitored.keys():
        remove = ("SENTINEL", "REMOVE", name)
        yield Repair(node=now.name, text=f"it monitored {name}: removed", commands=(remove,))
