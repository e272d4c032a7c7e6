"""Who leads a replication of which no node runs: the record, or the user, never a guess."""

from redistopo.errors import WrongRequest
from redistopo.model.plan import Plan
from redistopo.model.planner import led_by
from redistopo.world.folder import written_at

_CLOSE = 5.0
"""Seconds: replicas write what they get a moment after their primary."""


def leading(plan: Plan, primary: str) -> Plan:
    """The plan led by the node asked for, else as it is.

    A replica that was promoted behind our back has newer data than the primary on record;
    to start it as a replica would overwrite that. Raises WrongRequest that names them.
    """
    if plan.topology.clustered or len(plan.nodes) == 1:
        return plan
    names = [node.name for node in plan.nodes]
    if primary and primary not in names:
        raise WrongRequest(
            f"there is no node {primary!r}", hint=f"--primary takes one of {', '.join(names)}"
        )
    if primary:
        return led_by(plan, primary)
    lead = plan.shards[0].primary
    written = {name: written_at(plan.layout, name) for name in names}
    newer = [name for name in names if written[name] - written[lead] > _CLOSE]
    if written[lead] and newer:
        ahead = max(written.values()) - written[lead]
        raise WrongRequest(
            f"{', '.join(newer)} wrote data {ahead:.0f} s after {lead}, the primary on record",
            detail="whoever is started as a replica loses what its primary doesn't have; "
            "nothing was started. Who was promoted has 'MODE enabled' in its log",
            hint=f"say who leads: redistopo up --primary NODE, one of {', '.join([*newer, lead])}",
        )
    return plan
