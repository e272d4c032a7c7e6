"""Which replicas to promote so that primaries are where they were planned; pure.

Over several hosts: primaries evenly on them, by the fewest failovers. On one machine: each shard's
oldest node, which is the planned primary.
"""

from collections.abc import Collection, Iterable, Sequence

from redistopo.model.planning.even_assignment import even_out
from redistopo.model.planning.handover import unfit_reason
from redistopo.model.planning.step import Step, StepKind
from redistopo.model.state.observed import NodeSeen, Observed
from redistopo.model.state.shards import ShardSeen, shards_of
from redistopo.model.topology.hosts import Hosts, Machine, machine_names
from redistopo.model.topology.spec import Shape
from redistopo.quick_dataclass import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleChange:
    """A replica to promote in place of the primary of its shard, and the machine of each ("" for
    this one)."""

    shard: int
    before: str
    after: str
    before_on: str = ""
    after_on: str = ""


def role_changes(seen: Observed, machines: Sequence[Machine]) -> tuple[RoleChange, ...]:
    """Return the replicas to promote; none of a shard whose primary doesn't reply."""
    shards = [one for one in shards_of(seen) if one.primary]
    if seen.shape is Shape.CLUSTER:
        shards = [one for one in shards if one.slots]
    if not machines:
        return tuple(_to_oldest(shards))
    at = machine_names(machines)
    current = [at.get(one.primary.host, "") for one in shards if one.primary]
    drained = {one.name for one in machines if one.drain}
    choices = [_choices(one, name, at, drained) for one, name in zip(shards, current, strict=True)]
    begin = [now if now in some else some[0] for some, now in zip(choices, current, strict=True)]
    wanted = even_out(choices, begin)
    return tuple(
        _change(shard, _best([n for n in _fit(shard) if at.get(n.host) == name]), at)
        for shard, name, now in zip(shards, wanted, current, strict=True)
        if name != now
    )


def spread_steps(hosts: Hosts | None, seen: Observed) -> Iterable[Step]:
    """Yield the steps that spread the primaries over several hosts, once all nodes reply."""
    if hosts is None or len(seen.answering) != len(seen.nodes):
        return
    for one in role_changes(seen, hosts.machines):
        why = f"{one.before_on} has more primaries than {one.after_on}"
        if one.before_on in hosts.draining:
            why = f"{one.before_on} is emptied"
        yield Step(do=StepKind.SPREAD, nodes=(one.after,), cause=why)


def _to_oldest(shards: Iterable[ShardSeen]) -> Iterable[RoleChange]:
    for shard in shards:
        if shard.primary is None:
            continue
        oldest = min([shard.primary, *_fit(shard)], key=_number)
        if oldest is not shard.primary:
            yield _change(shard, oldest, {})


def _number(node: NodeSeen) -> tuple[int, str]:
    return len(node.name), node.name


def _fit(shard: ShardSeen) -> list[NodeSeen]:
    """The replicas that can be promoted now."""
    lead = shard.primary
    return [one for one in shard.replicas if lead and not unfit_reason(lead, one)]


def _other_machines(shard: ShardSeen, at: dict[str, str]) -> list[str]:
    lead = shard.primary
    own = at.get(lead.host) if lead else None
    names = (at.get(one.host) for one in sorted(_fit(shard), key=_number))
    return [*dict.fromkeys(name for name in names if name and name != own)]


def _choices(
    shard: ShardSeen, current: str, at: dict[str, str], drained: Collection[str]
) -> list[str]:
    """The machines for its primary, the present one first; one that is emptied only if there is no
    other."""
    every = [current, *_other_machines(shard, at)]
    return [name for name in every if name not in drained] or every


def _best(some: Sequence[NodeSeen]) -> NodeSeen:
    return min(some, key=lambda node: (-node.offset, _number(node)))


def _change(shard: ShardSeen, after: NodeSeen, at: dict[str, str]) -> RoleChange:
    before = shard.primary or after
    return RoleChange(
        shard=shard.number,
        before=before.name,
        after=after.name,
        before_on=at.get(before.host, ""),
        after_on=at.get(after.host, ""),
    )
