"""Why the slots or the nodes of a topology may not change now; pure."""

from collections.abc import Iterable

from redistopo.errors import Unhealthy
from redistopo.model.state.finding import Finding, root_causes
from redistopo.model.state.observed import Observed, Role

_REPAIRED = {"cluster.empty-shards"}
"""Faults that such a change may be the remedy of."""


def refuse_unhealthy(seen: Observed, findings: Iterable[Finding], what: str) -> None:
    """Raise Unhealthy if a check fails, or data nodes run different versions; `what` is the change
    in words: ``slots are moved``."""
    causes = [one for one in root_causes(tuple(findings)) if one.check not in _REPAIRED]
    if causes:
        raise Unhealthy(
            f"{what} only in a healthy topology; nothing was changed",
            detail="\n".join(f"{one.check} {one.subject}: {one.evidence}" for one in causes[:4]),
            hint="redistopo up, then the same command again",
        )
    engines = {node.engine: node.name for node in seen.answering if node.role is not Role.SENTINEL}
    if len(engines) > 1:
        raise Unhealthy(
            f"{what} only while all nodes run one version; nothing was changed",
            detail=", ".join(f"{name} is {engine}" for engine, name in engines.items()),
            hint="redistopo upgrade makes all nodes run the topology file's engine",
        )
