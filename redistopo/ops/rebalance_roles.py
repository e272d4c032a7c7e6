"""`rebalance --roles`: promotes replicas so that primaries are spread again, or where planned."""

import time
from dataclasses import field
from pathlib import Path

from redistopo.errors import ExitCode
from redistopo.execute.handover import HandoverResult
from redistopo.model.planning.spread_roles import RoleChange, role_changes
from redistopo.ops.failover import hand_over_to
from redistopo.progress import Progress
from redistopo.quick_dataclass import dataclass
from redistopo.session.live_change import LiveChange, change_request, live_change, unrecorded
from redistopo.session.open import open_session
from redistopo.session.preview_result import Preview


@dataclass(frozen=True, slots=True, kw_only=True)
class RolesResult:
    """The changes of roles, in this order, and the planned failover of each."""

    name: str
    changes: tuple[RoleChange, ...]
    handovers: tuple[HandoverResult, ...]
    seconds: float
    code: ExitCode = field(default=ExitCode.DONE)


def rebalance_roles(root: Path, seconds: float, progress: Progress) -> RolesResult:
    """Spread primaries evenly over the hosts, or promote the planned ones on one machine, by one
    planned failover after the other; no acknowledged write is lost.

    Raises RedistopoError if one fails; what was done before stays, and the same command goes on.
    """
    began = time.monotonic()
    with open_session(change_request("rebalance --roles", root, seconds), progress) as session:
        now = live_change(session, assume=True)
        changes = _changes(now)
        done = [hand_over_to(now, (one.after,))[1] for one in changes]
        return RolesResult(
            name=session.topology.name,
            changes=changes,
            handovers=tuple(one for one in done if one),
            seconds=time.monotonic() - began,
        )


def preview_roles(root: Path, seconds: float) -> Preview:
    """Determine what `rebalance --roles` would do; nothing is changed."""
    with open_session(change_request("", root, seconds)) as session:
        changes = _changes(unrecorded(session, assume=True))
    turns = tuple(
        f"promote {_on(one.after, one.after_on)} in place of {_on(one.before, one.before_on)}"
        for one in changes
    )
    return Preview(verb="rebalance", nodes=tuple(one.after for one in changes), turns=turns)


def _changes(now: LiveChange) -> tuple[RoleChange, ...]:
    hosts = now.session.topology.hosts
    return role_changes(now.seen, hosts.machines if hosts else ())


def _on(name: str, machine: str) -> str:
    return f"{name} on {machine}" if machine else name
