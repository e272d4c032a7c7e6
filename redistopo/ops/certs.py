"""`certs renew`: new certificates on every server, without any downtime."""

from dataclasses import dataclass, field
from pathlib import Path

from redistopo.errors import ExitCode, RedistopoError, Unreachable, WrongRequest
from redistopo.events import Tell, step, warn
from redistopo.model.access import Certificate, Keys
from redistopo.ops.project import load, plan_of
from redistopo.ops.running import configs, running_keys, running_targets
from redistopo.world.certs import renew_certificates
from redistopo.world.client import Asker, succeed
from redistopo.world.lock import locked
from redistopo.world.observe import Target
from redistopo.world.process import ours
from redistopo.world.tls import presented
from redistopo.world.waiting import Deadline


@dataclass(frozen=True, slots=True, kw_only=True)
class CertsResult:
    """Who presents a new certificate now, until when, and who will only after a restart."""

    renewed: tuple[str, ...]
    waiting: tuple[str, ...]
    expires: str
    folder: Path
    code: ExitCode = field(default=ExitCode.DONE)


def renew(root: Path, days: int, tell: Tell) -> CertsResult:
    """Every node and the client have a new certificate of the same CA, valid for `days`.

    Running servers present it from now on, seen by a new connection to each; connections
    already made go on. Raises RedistopoError where there is nothing to renew.
    """
    project = load(root)
    layout = project.layout
    if not project.topology.tls:
        raise WrongRequest(
            "tls = false in the topology file: there are no certificates",
            hint="redistopo init --tls makes a topology with TLS",
        )
    with locked(layout, "certs renew", Deadline(30), tell) as there:
        if not there or not layout.tls.ca.exists():
            raise RedistopoError("no certificate was made here yet", hint="redistopo up makes them")
        rendered = configs(layout)
        keys = running_keys(layout, rendered)
        nodes = [one for one in running_targets(layout, rendered) if ours(layout, one.name)]
        before = {node.name: _presented(node, keys) for node in nodes}
        with step(tell, "sign new certificates"):
            renew_certificates(plan_of(project, assume=True), days)
        with step(tell, f"load them into {len(nodes)} servers"), Asker(keys) as asker:
            renewed = tuple(node.name for node in nodes if _load(node, before[node.name], asker))
    waiting = tuple(node.name for node in nodes if node.name not in renewed)
    for name in waiting:
        warn(tell, f"{name} still presents its old certificate: redistopo down, then up")
    seen = [found.expires for node in nodes if (found := _presented(node, keys))]
    return CertsResult(
        renewed=renewed, waiting=waiting, expires=min(seen, default=""), folder=layout.tls.root
    )


def _presented(node: Target, keys: Keys) -> Certificate | None:
    return presented(node.host, node.port, keys.own.tls) if keys.own.tls else None


def _load(node: Target, before: Certificate | None, asker: Asker) -> bool:
    """Whether the server presents another certificate than before.

    Setting a TLS file, be it to the same path, reads all of them again (config.c, the
    directive is marked volatile for that).
    """
    path = str(node.layout.tls.node(node.name)) if node.layout else ""
    try:
        reply = asker.ask(node.host, node.port, [("CONFIG", "SET", "tls-cert-file", path)])[0]
    except Unreachable:
        return False
    succeed(reply, f"{node.name}: CONFIG SET tls-cert-file")
    after = _presented(node, asker.keys)
    return after is not None and (before is None or after.serial != before.serial)
