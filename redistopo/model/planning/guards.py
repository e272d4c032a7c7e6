"""Guards: one ordered list of refusals for every verb that starts or writes something; pure.

A guard checks a proposal and raises the error for the user; none changes anything.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace

from redistopo.errors import MissingPrerequisite, RedistopoError
from redistopo.model.planning.load_old_persistence import refuse_renamed
from redistopo.model.planning.nodes_conf_repair import (
    refuse_lost_nodes_confs,
    refuse_unknown_nodes,
)
from redistopo.model.planning.plan import FormationMethod, NodePlan
from redistopo.model.planning.plan_rejoin import (
    non_empty_resets,
    refuse_more_keys,
    refuse_stranded,
    refuse_unread_logs,
)
from redistopo.model.planning.proposal import Proposal
from redistopo.model.planning.refuse_resize import refuse_fewer_shards, refuse_other_engine
from redistopo.model.planning.refuse_sockets import refuse_sockets
from redistopo.model.planning.refuse_unreadable import refuse_unreadable
from redistopo.model.planning.resizing import (
    refuse_opposite_changes,
)
from redistopo.model.planning.resource_limits import ResourceShortage, resource_shortages
from redistopo.model.planning.room import refuse_little_room
from redistopo.model.planning.shard_copies import refuse_demotion, refuse_worse_copies
from redistopo.model.planning.sole_copies import chosen_primaries, sole_copies_on_disk
from redistopo.model.planning.step import StepKind, join_names
from redistopo.model.planning.upgrade import refuse_other_bus, upgrade_command
from redistopo.model.protocol.conf import unquote
from redistopo.model.protocol.engine import parse_request
from redistopo.model.remedies.of_machine import end_process
from redistopo.model.remedies.of_topology import reset_anyway
from redistopo.model.remedies.remedy import joined
from redistopo.model.topology.exposure import refuse_exposed, refuse_redirected


def _other_bus(it: Proposal) -> None:
    """A node to start would not find its cluster, because others run another product."""
    starting = it.nodes(StepKind.START)
    nodes = tuple(node for node in it.now.seen.nodes if node.name not in starting)
    if starting:
        refuse_other_bus(replace(it.now.seen, nodes=nodes), it.plan.engine)


def _silent(it: Proposal) -> None:
    """A server to change runs, but doesn't reply."""
    changed = it.nodes(StepKind.CORRECT)
    for node in (one for one in it.now.seen.nodes if one.name in changed):
        if not node.answers:
            raise RedistopoError(
                f"{node.name} runs, but doesn't reply: nothing was changed",
                detail=node.error,
                hint="redistopo up resumes paused nodes",
            )


def _occupied(it: Proposal) -> None:
    """A server in a node's folder listens on other ports: a user's own, or after a CONFIG SET."""
    for node in it.now.seen.nodes:
        if node.elsewhere:
            own = end_process(str(node.pid), before="if it is another server: ")
            raise RedistopoError(
                f"pid {node.pid} runs in the folder of {node.name}, but listens on "
                f"{', '.join(node.elsewhere)}, not on {node.address}",
                detail="two servers would write the same files; nothing was started",
                hint=joined(own, f", then redistopo up; otherwise redistopo restart {node.name}"),
            )


def _lost_keys(it: Proposal) -> None:
    """A reset would lose the only copy of a node's keys."""
    found = it.reset
    if found and found.lost and not it.asked.force:
        again = joined(
            reset_anyway(found.name, f"{found.keys} keys", hard=found.hard), " gives it up"
        )
        raise RedistopoError(
            f"{found.name} is not reset: {found.lost}",
            detail="\n".join(one for one in found.sentences if one != found.lost),
            hint=joined(found.instead, again, by="; "),
        )


def _sole_copies(it: Proposal) -> None:
    found = sole_copies_on_disk(it.plan, it.now.record, it.now.seen, it.asked.among)
    chosen_primaries(found, it.asked.primary)


def _more_keys(it: Proposal) -> None:
    if it.asked.among is None:  # starting some nodes leaves the others as they are
        refuse_more_keys(non_empty_resets(it.now.seen))
        refuse_stranded(it.now.seen)
        if it.now.formed:
            refuse_unread_logs(it.now.seen, it.now.loaded)


def _exposed(it: Proposal) -> None:
    for name in it.nodes(StepKind.WRITE):
        if (conf := it.now.wanted.get(name)) is not None:
            refuse_exposed(name, conf, auth=it.plan.topology.auth)
            node = it.plan.node(name)
            includes = map(unquote, node.directives.get("include", ()))
            refuse_redirected(name, conf, _own_values(node), includes)


def _own_values(node: NodePlan) -> dict[str, str]:
    """What a template may not change, because a server would write elsewhere, or not be found."""
    folder = node.files
    paths = {"dir": folder.root, "logfile": folder.log, "pidfile": folder.pidfile}
    values = {name: str(path) for name, path in paths.items()}
    values |= {"daemonize": "no", "cluster-config-file": folder.table.name}
    return {**values, "aclfile": str(folder.users)}


def _busy_ports(it: Proposal) -> None:
    """Name every port of a node to start that another program uses."""
    going = (node for node in it.now.seen.nodes if node.name in it.among)
    held = [f"{node.name}: {node.held_by}" for node in going if node.held_by]
    if held:
        raise MissingPrerequisite(
            "a port is in use" if len(held) == 1 else f"{len(held)} ports are in use",
            detail="\n".join(held),
            hint=joined(
                it.now.to_free_ports or "stop that program",
                f", then run redistopo up again{it.now.free_ports}",
            ),
        )


def _little_room(it: Proposal) -> None:
    if it.asked.among is None:
        refuse_little_room(it.plan, it.now.added, it.now.seen, it.now.rooms)


def _little_memory(it: Proposal) -> None:
    if it.asked.among is None and not it.now.moving:
        refuse_fewer_shards(it.plan, it.now.seen)


def _low_limits(it: Proposal) -> None:
    if fatal := [one for one in _shortages(it) if one.fatal]:
        lines = [one.told for one in fatal[:4]]
        remedies = "; and ".join(dict.fromkeys(one.hint for one in fatal[:4]))
        if len(fatal) > len(lines):
            lines.append(f"and {len(fatal) - len(lines)} more")
        raise MissingPrerequisite(
            "a limit of this system is too low; nothing was started",
            detail="\n".join(lines),
            hint=f"{remedies}, then redistopo up",
        )


def _missing_cli(it: Proposal) -> None:
    by_cli = it.plan.formation.method is FormationMethod.REDIS_CLI
    if by_cli and it.nodes(StepKind.FORM) and it.plan.engine.path and not it.plan.engine.cli:
        raise MissingPrerequisite(
            "no redis-cli or valkey-cli was found, and formation is redis-cli",
            hint='set formation = "instant" in the topology file, or redistopo install --with pip',
        )


GUARDS: tuple[Callable[[Proposal], None], ...] = (
    _occupied,
    refuse_unreadable,
    _other_bus,
    refuse_demotion,
    refuse_worse_copies,
    refuse_lost_nodes_confs,
    refuse_unknown_nodes,
    _sole_copies,
    _more_keys,
    _lost_keys,
    _silent,
    _exposed,
    refuse_sockets,
    refuse_renamed,
    refuse_opposite_changes,
    refuse_other_engine,
    _missing_cli,
    _little_room,
    _little_memory,
    _busy_ports,
    _low_limits,
)
"""In order of precedence: data first, then security, then the machine."""


def guard(proposal: Proposal) -> None:
    """Raise the error of the first guard that refuses the proposal."""
    for one in GUARDS:
        one(proposal)


def engine_warnings(proposal: Proposal) -> Iterable[str]:
    """Warn about running servers of another engine than the topology file asks for: only an
    upgrade changes it."""
    plan, seen = proposal.plan, proposal.now.seen
    request = parse_request(plan.topology.engine)
    if request is None:
        return
    if wrong := [one for one in seen.engines if not request.accepts_title(one)]:
        names = " and ".join(wrong)
        yield (
            f"the topology file asks for {request.text}, but {names} is running: "
            f"{upgrade_command(seen, request.text)}"
        )


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
