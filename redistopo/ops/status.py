"""`status`: what each node of the folder's topology is doing now."""

from dataclasses import field, replace
from pathlib import Path

from redistopo.checks.catalogue import judge
from redistopo.client.target import Detail
from redistopo.client.tls import presented
from redistopo.errors import ExitCode
from redistopo.host.in_threads import in_threads
from redistopo.model.planning.upgrade import upgrade_command
from redistopo.model.protocol.credentials import Certificate, Credentials
from redistopo.model.protocol.engine import parse_request
from redistopo.model.state.finding import Finding, failed_findings
from redistopo.model.state.observed import Observed
from redistopo.model.state.selector import select_nodes
from redistopo.model.state.status_rows import NodeStatus, status_rows
from redistopo.model.topology.spec import Shape
from redistopo.project.progress_log import logged_within
from redistopo.project.started_topology import lost_record_error
from redistopo.quick_dataclass import dataclass
from redistopo.session.open import open_session
from redistopo.session.session import CredentialSource, Session, SessionRequest

_RATED_SECONDS = 2.0
"""Servers report the commands of the last 1.6 s (server.h, STATS_METRIC_SAMPLES): of an idle server
that a verb of ours has just formed or restarted, ours alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusResult:
    """Every node of the folder's topology, shard by shard, then those in no shard.

    Commands per second are None until no verb of ours has changed the topology for two seconds.
    `faults` are the failed findings of `verify` without a write, whichever nodes are selected;
    `upgrade` is the command after which all run the engine that the topology file asks for, "" if
    they do; `certificate` is the one that expires first, of those that the servers present;
    `unfinished` is the command of a change that is under way, or was interrupted, "" for none.
    """

    name: str
    shape: Shape
    root: Path
    engine: str
    nodes: tuple[NodeStatus, ...]
    faults: tuple[Finding, ...] = ()
    certificate: Certificate | None = None
    unfinished: str = ""
    upgrade: str = ""
    code: ExitCode = field(default=ExitCode.DONE)


def status(root: Path, words: tuple[str, ...] = ()) -> StatusResult:
    """Return the state of each node, or each selected one; a topology that isn't running is no
    error, but RedistopoError is raised for servers whose record is gone."""
    asked = SessionRequest(root=root, needs_started=False, credentials=CredentialSource.APPLICATION)
    with open_session(asked) as session:
        rated = not logged_within(session.layout, _RATED_SECONDS)
        seen = session.observe(Detail.FULL)
        if not seen.nodes and (lost := lost_record_error(session.layout)):
            raise lost
        names = {node.name for node in select_nodes(seen, words)} if words else set()
        lines = status_rows(seen)
        if not rated:
            lines = tuple(replace(line, operations=None) for line in lines)
        return StatusResult(
            name=session.topology.name,
            shape=session.topology.shape,
            root=session.layout.root,
            engine=" and ".join(seen.engines),
            upgrade="" if session.adopted else _upgrade(session.topology.engine, seen),
            nodes=tuple(line for line in lines if not words or line.name in names),
            faults=failed_findings(judge(seen, session.expected)) if seen.nodes else (),
            certificate=_first_to_expire(seen, session.credentials),
            unfinished=_unfinished(session),
        )


def _unfinished(session: Session) -> str:
    if not session.host.files.status(session.layout.job):
        return ""
    from redistopo.project.job_file import load_job

    job = load_job(session.layout)
    return job.command if job else ""


def _upgrade(asked: str, seen: Observed) -> str:
    request = parse_request(asked)
    accepted = request is None or all(map(request.accepts_title, seen.engines))
    return "" if accepted and len(seen.engines) < 2 else upgrade_command(seen, asked)


def _first_to_expire(seen: Observed, credentials: Credentials) -> Certificate | None:
    tls = credentials.own.tls
    if tls is None or not seen.answering:
        return None
    found = in_threads(lambda node: presented(node.endpoint, tls), seen.answering, most=8)
    return min((one for one in found if one), key=lambda one: one.left, default=None)
