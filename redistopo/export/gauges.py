"""The gauges of a topology, from a snapshot and its findings; pure."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from redistopo.export.prometheus_text import Gauge
from redistopo.model.state.finding import Finding, Status, failed_findings
from redistopo.model.state.observed import Observed, Role
from redistopo.model.state.status_rows import NodeStatus, status_rows
from redistopo.quick_dataclass import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Scrape:
    """What one scrape observed: `seen` is None if there was nothing to observe; `failovers` is the
    number of changes of a primary since the first scrape, `seconds` the duration of this one."""

    topology: str
    seen: Observed | None = None
    findings: tuple[Finding, ...] = ()
    failovers: int = 0
    seconds: float = 0.0


def gauges_of(scrape: Scrape) -> tuple[Gauge, ...]:
    """Return every gauge of a scrape; without a snapshot those that say so."""
    own = {"topology": scrape.topology}
    seen = scrape.seen
    whole = (
        _single("redistopo_up", "1 if the nodes of the topology are known.", own, seen is not None),
        _single("redistopo_scrape_seconds", "Duration of the snapshot.", own, scrape.seconds),
    )
    if seen is None:
        return whole
    healthy = not failed_findings(scrape.findings)
    return (
        *whole,
        _single("redistopo_healthy", "1 if no check failed.", own, healthy),
        _single(
            "redistopo_failovers",
            "Changes of a shard's primary since redistopo metrics was started.",
            own,
            scrape.failovers,
        ),
        _checks(own, scrape.findings),
        *_of_shape(own, seen),
        *_of_nodes(own, status_rows(seen)),
    )


def _single(name: str, text: str, labels: Mapping[str, str], value: float) -> Gauge:
    return Gauge(name=name, help=text, samples=((labels, float(value)),))


def _checks(own: Mapping[str, str], findings: Iterable[Finding]) -> Gauge:
    """Every status of every check, so that a series doesn't end when a status does."""
    counts = Counter((one.check, one.status) for one in findings)
    checks = dict.fromkeys(one.check for one in findings)
    samples = tuple(
        ({**own, "check": check, "status": status.value}, float(counts[check, status]))
        for check in checks
        for status in Status
    )
    text = "Number of findings of a check of redistopo verify, by status."
    return Gauge(name="redistopo_check_findings", help=text, samples=samples)


def _of_shape(own: Mapping[str, str], seen: Observed) -> Iterable[Gauge]:
    infos = [node.cluster for node in seen.answering if node.cluster]
    if infos:
        text = "Slots with a working owner, the lowest number that a node reports."
        least = min(int(info.get("cluster_slots_ok", 0)) for info in infos)
        yield _single("redistopo_cluster_slots_ok", text, own, least)
    epochs = [int(info.get("cluster_current_epoch", 0)) for info in infos]
    epochs += [watch.epoch for watch in seen.named_watches]
    if epochs:
        text = "The highest epoch of the cluster, or of the Sentinels; a failover raises it."
        yield _single("redistopo_epoch", text, own, max(epochs))


_NODE: tuple[tuple[str, str, Callable[[NodeStatus], int | None]], ...] = (
    ("redistopo_node_memory_bytes", "Memory that the node uses for data.", lambda row: row.memory),
    ("redistopo_node_clients", "Connected clients.", lambda row: row.clients),
    (
        "redistopo_node_commands_per_second",
        "Commands per second, those of redistopo included.",
        lambda row: row.operations,
    ),
    ("redistopo_node_uptime_seconds", "Time since the node was started.", lambda row: row.uptime),
    (
        "redistopo_node_slots",
        "Slots that the primary owns.",
        lambda row: sum(map(len, row.slots)) if row.role is Role.PRIMARY and row.slots else None,
    ),
    (
        "redistopo_replica_lag_bytes",
        "Bytes of the replication stream that the replica is behind its primary.",
        lambda row: row.behind,
    ),
)


def _of_nodes(own: Mapping[str, str], rows: Iterable[NodeStatus]) -> Iterable[Gauge]:
    labelled = [({**own, "node": row.name, "address": row.address}, row) for row in rows]
    yield Gauge(
        name="redistopo_node_up",
        help="1 if the node replies and reports no fault.",
        samples=tuple((labels, float(row.state == "ok")) for labels, row in labelled),
    )
    yield Gauge(
        name="redistopo_node_role",
        help="1 for the node's present role and shard; state is as redistopo status shows it.",
        samples=tuple(
            (
                {
                    **labels,
                    "shard": str(row.shard or ""),
                    "role": row.role.value if row.role else "unknown",
                    "state": row.state,
                },
                1.0,
            )
            for labels, row in labelled
        ),
    )
    for name, text, of in _NODE:
        found = ((labels, of(row)) for labels, row in labelled)
        samples = tuple((labels, float(value)) for labels, value in found if value is not None)
        yield Gauge(name=name, help=text, samples=samples)
