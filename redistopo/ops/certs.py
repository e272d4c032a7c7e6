"""`certs renew`: new certificates on every server, without any downtime."""

from pathlib import Path

from redistopo.client.connection import Connections, raise_on_error
from redistopo.client.target import Target
from redistopo.client.tls import presented
from redistopo.errors import ExitCode, RedistopoError, Unreachable, UsageError
from redistopo.host.host import Host
from redistopo.model.planning.plan import Plan
from redistopo.model.protocol.credentials import Certificate, Credentials
from redistopo.model.remedies.of_topology import renew_ca
from redistopo.model.remedies.remedy import loses
from redistopo.progress import Progress, note, step, warn
from redistopo.project.certificates import ensure_certificates, made_before, renew_certificates
from redistopo.project.started_topology import live_targets, running_nodes
from redistopo.quick_dataclass import dataclass
from redistopo.session.local_preconditions import refuse_other_nodes
from redistopo.session.open import open_session
from redistopo.session.preview_result import Preview
from redistopo.session.session import Session, SessionRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class CertsResult:
    """Nodes with a new certificate, its expiry, and nodes still without; `new_ca` is the file of
    the CA if it is new."""

    renewed: tuple[str, ...]
    waiting: tuple[str, ...]
    expires: str
    folder: Path
    new_ca: Path | None = None

    @property
    def code(self) -> ExitCode:
        return ExitCode.FAILED if self.waiting else ExitCode.DONE


def prepare_certificates(plan: Plan, host: Host, progress: Progress) -> None:
    """Create missing and damaged certificates, and, if no server runs, expired ones. Raises
    RedistopoError if the CA is lost."""
    if not plan.topology.tls:
        return
    if spoilt := ensure_certificates(plan, idle=not running_nodes(plan.layout, host)):
        note(progress, f"renewed, since damaged or expired: {', '.join(spoilt)}")


def renew(root: Path, days: int, progress: Progress, *, new_ca: bool = False) -> CertsResult:
    """Renew the certificates of every node and the client for `days`, with the same CA, or a new
    one with `new_ca`, while nothing runs.

    Running servers present the new one from then on, verified by a connection to each; existing
    connections continue. Raises RedistopoError if there is nothing to renew.
    """
    asked = SessionRequest(root=root, lock="certs renew", seconds=30, needs_started=False)
    with open_session(asked, progress) as session:
        layout, told = session.layout, session.progress
        plan = _ready(session, new_ca=new_ca)
        credentials = session.credentials
        nodes = live_targets(layout, session.rendered, session.host)
        before = {node.name: _presented(node, credentials) for node in nodes}
        session.host.reach()
        with step(told, "create a new CA" if new_ca else "sign new certificates"):
            renew_certificates(plan, days, new_ca=new_ca)
        with step(told, f"load them into {len(nodes)} servers"):
            for node in nodes:
                session.host.send(node.name, (layout.tls.ca, layout.tls.node(node.name)))
            session.host.flush()
            left = {node.name: _load(node, before[node.name], session.client) for node in nodes}
        waiting = {name: why for name, why in left.items() if why}
        for name, why in waiting.items():
            warn(told, f"{name} still presents its old certificate: {why}")
        seen = [found.expires for node in nodes if (found := _presented(node, credentials))]
    return CertsResult(
        renewed=tuple(name for name in left if name not in waiting),
        waiting=tuple(waiting),
        expires=min(seen, default=""),
        folder=layout.tls.root,
        new_ca=layout.tls.ca if new_ca else None,
    )


def preview_renew(root: Path, *, new_ca: bool) -> Preview:
    """Determine the effects of `renew`; raises what it would raise."""
    asked = SessionRequest(root=root, verb="certs renew", seconds=30, needs_started=False)
    with open_session(asked) as session:
        plan = _ready(session, new_ca=new_ca)
    lost = f"{loses(renew_ca())}: give them the new {session.layout.tls.ca}"
    names = tuple(node.name for node in plan.nodes)
    return Preview(verb="certs renew", nodes=names, losses=(lost,) if new_ca else ())


def _ready(session: Session, *, new_ca: bool) -> Plan:
    """Return the plan; raises RedistopoError if there is nothing to renew, or servers run with the
    CA to be replaced."""
    _refuse(session)
    plan = session.plan(assume=True)
    refuse_other_nodes(session, plan)
    if new_ca and (names := running_nodes(session.layout, session.host)):
        raise RedistopoError(
            f"{', '.join(names)} run{'s' if len(names) == 1 else ''} with the CA that there is",
            hint=renew_ca("redistopo down, then ", ", then redistopo up"),
        )
    return plan


def _refuse(session: Session) -> None:
    if not session.topology.tls:
        raise UsageError(
            "tls = false in the topology file: there are no certificates",
            hint=f"in another folder: redistopo init {session.topology.shape} --tls",
        )
    if not made_before(session.layout.tls):
        raise RedistopoError("no certificate was made here yet", hint="redistopo up makes them")


def _presented(node: Target, credentials: Credentials) -> Certificate | None:
    return presented(node.endpoint, credentials.own.tls) if credentials.own.tls else None


def _load(node: Target, before: Certificate | None, client: Connections) -> str:
    """Return "" if the server now presents another certificate than before, else what to do.

    Setting a TLS file, even to the same path, makes the server read all of them again (config.c:
    the directive is marked volatile for that).
    """
    path = node.machine.there(node.layout.tls.node(node.name)) if node.layout else ""
    again = "redistopo down, then up"
    if node.layout and node.layout.node(node.name).sentinel:
        return f"a Sentinel reads certificates only at its start: redistopo restart {node.name}"
    try:
        reply = client.execute(node.endpoint, [("CONFIG", "SET", "tls-cert-file", path)])[0]
    except Unreachable as error:
        if "certificate" in error.detail:
            return f"{again} ({error.detail})"
        return f"it doesn't reply ({error.detail}): run certs renew again when it does"
    raise_on_error(reply, f"{node.name}: CONFIG SET tls-cert-file")
    after = _presented(node, client.credentials)
    well = after is not None and (before is None or after.serial != before.serial)
    return "" if well else again
