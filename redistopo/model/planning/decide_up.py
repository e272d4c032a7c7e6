"""Decides what `up` does, or why it refuses: roles, repairs, steps and guards; pure."""

from collections.abc import Iterable
from dataclasses import replace

from redistopo.errors import RedistopoError
from redistopo.model.planning.guards import engine_warnings, guard, limit_warnings
from redistopo.model.planning.leadership import choose_primary
from redistopo.model.planning.manifest_repair import relist_steps, salvage_steps
from redistopo.model.planning.nodes_conf_repair import (
    lost_disks,
    promotion_steps,
    rebuild_steps,
    refuse_unknown_nodes,
    with_nodes_confs,
)
from redistopo.model.planning.plan import Plan
from redistopo.model.planning.proposal import Asked, Proposal
from redistopo.model.planning.reconcile import reconcile
from redistopo.model.planning.resize_warnings import resize_warnings
from redistopo.model.planning.separate_clusters import separation_steps
from redistopo.model.planning.shard_copies import cut_logs
from redistopo.model.planning.situation import Situation, with_current_roles
from redistopo.model.planning.snapshot_history import primary_by_snapshot, promoted_by_snapshot
from redistopo.model.planning.sole_copies import SoleCopy, chosen_primaries, sole_copies_on_disk
from redistopo.model.planning.step import Step, linked
from redistopo.quick_dataclass import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The plan with current roles, and the steps, which are empty if `refusal` says why nothing
    may be done. `notes` and `warnings` are for the user."""

    plan: Plan
    steps: tuple[Step, ...] = ()
    refusal: RedistopoError | None = None
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def decide(plan: Plan, now: Situation, asked: Asked) -> Decision:
    """Decide on the steps to the desired state, unless a guard refuses them."""
    plan = with_current_roles(plan, now)
    try:
        plan, note = _with_primary(plan, now, next(iter(asked.primary), ""))
        apart = separation_steps(plan, now, asked.primary)
        now = replace(now, seen=with_nodes_confs(now.seen, apart))
        gone = lost_disks(plan, now.record, now.seen)
        asked = replace(asked, rebuild=tuple(dict.fromkeys((*asked.rebuild, *gone))))
        relisted = relist_steps(now, asked.rebuild)
        tables = {*asked.rebuild} - {name for one in relisted for name in one.nodes}
        rebuilt, left = rebuild_steps(plan, now.seen, now.record, sorted(tables))
        now = replace(now, seen=with_nodes_confs(now.seen, rebuilt))
        heirs = () if asked.primary else promoted_by_snapshot(plan, now)
        later = promotion_steps(plan, now.seen, heirs, "has an earlier snapshot")
        now = replace(now, seen=with_nodes_confs(now.seen, later))
        rebuilt = (*apart, *relisted, *salvage_steps(plan, now, asked.primary), *rebuilt, *later)
        proposal = Proposal(
            plan=plan, now=now, steps=(*rebuilt, *reconcile(plan, now)), asked=asked
        )
        guard(proposal)
        alone = sole_copies_on_disk(plan, now.record, now.seen)
        promoted = promotion_steps(plan, now.seen, chosen_primaries(alone, asked.primary))
        refuse_unknown_nodes(replace(proposal, steps=promoted))
    except RedistopoError as error:
        return Decision(plan=plan, refusal=error)
    return Decision(
        plan=plan,
        steps=linked(plan, (*rebuilt, *promoted, *proposal.steps[len(rebuilt) :])),
        notes=tuple(filter(None, (*left, *(() if apart else _needless(plan, alone, asked)), note))),
        warnings=(
            *engine_warnings(proposal),
            *limit_warnings(proposal),
            *cut_logs(proposal),
            *resize_warnings(proposal),
        ),
    )


def _with_primary(plan: Plan, now: Situation, primary: str) -> tuple[Plan, str]:
    later = "" if primary else primary_by_snapshot(plan, now)
    chosen, note = choose_primary(plan, now.seen, now.record, primary or later)
    if later:
        lead = plan.shards[0].primary
        note = f"{later} becomes primary: its snapshot has everything that {lead}'s has, and more"
    return chosen, note


def _needless(plan: Plan, alone: Iterable[SoleCopy], asked: Asked) -> Iterable[str]:
    """Notes on cluster nodes given as --primary although nothing depends on them."""
    concerned = {name for one in alone for name in (one.name, one.primary)}
    for name in asked.primary if plan.topology.clustered else ():
        if name not in concerned:
            yield f"--primary {name} has no effect: no node's data depends on it"
