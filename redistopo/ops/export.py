"""`export`: files with which another program runs, watches or reaches the topology."""

from collections.abc import Mapping, Sequence
from dataclasses import field
from pathlib import Path

from redistopo.errors import ExitCode, UsageError
from redistopo.export.exported_file import ExportedFile
from redistopo.export.targets import WITHOUT_SECRETS
from redistopo.host.engine_libraries import links_libsystemd
from redistopo.host.files import absolute, changed_files, write_private_named, write_public
from redistopo.host.made_paths import leaving_nothing
from redistopo.model.planning.plan import Plan
from redistopo.model.protocol.credentials import Credentials, TlsTexts
from redistopo.model.remedies.of_topology import replace_file
from redistopo.project.state_folder import claim_state_folder
from redistopo.quick_dataclass import dataclass
from redistopo.session.open import open_session
from redistopo.session.session import CredentialSource, SessionRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportRequest:
    """The folder of the topology, the target, and the folder to write to; `force` replaces files
    that differ."""

    root: Path
    target: str
    folder: Path
    engine: str = ""
    force: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportResult:
    """The files written; only their owner can read the `secret` ones."""

    target: str
    folder: Path
    files: tuple[Path, ...]
    secret: tuple[Path, ...]
    engine: str
    code: ExitCode = field(default=ExitCode.DONE)


def export(request: ExportRequest) -> ExportResult:
    """Write the files of a target; nothing is started.

    Those with passwords are readable by the user only; if there is no password yet, this generates
    the one that `up` will use. Raises UsageError for a topology that the target can't have, and if
    another file would be overwritten, unless `force`.
    """
    secret = request.target not in WITHOUT_SECRETS
    source = CredentialSource.MADE if secret else CredentialSource.FILE
    asked = SessionRequest(
        root=request.root,
        verb=f"export {request.target}",
        credentials=source,
        needs_started=False,
    )
    with open_session(asked) as session:
        plan = session.plan(request.engine, assume=True)
        if secret and (session.topology.auth or session.topology.tls):
            claim_state_folder(session.layout)
        files = _files(request.target, plan, session.credentials)
    folder = absolute(request.folder).resolve()
    wanted = {folder / one.path: one for one in files}
    _refuse_changed(folder, wanted, request)
    with leaving_nothing(*wanted):
        for path, one in wanted.items():
            (write_private_named if one.secret else write_public)(path, one.text)
    return ExportResult(
        target=request.target,
        folder=folder,
        files=tuple(wanted),
        secret=tuple(path for path, one in wanted.items() if one.secret),
        engine=plan.engine.title,
    )


def _refuse_changed(
    folder: Path, wanted: Mapping[Path, ExportedFile], request: ExportRequest
) -> None:
    changed = changed_files({path: one.text for path, one in wanted.items()})
    if changed and not request.force:
        raise UsageError(
            f"{len(changed)} files in {folder} are there already, and differ from this export",
            detail="\n".join(str(path.relative_to(folder)) for path in changed),
            hint=replace_file("", "", " replaces them"),
        )


def _files(target: str, plan: Plan, credentials: Credentials) -> tuple[ExportedFile, ...]:
    """Render a target's files; each target is imported only where it is asked for."""
    match target:
        case "systemd":
            from redistopo.export.systemd import systemd_files, systemd_names

            notifies = bool(plan.engine.path) and links_libsystemd(plan.engine.path)
            tls = _certificates(plan, target, systemd_names(plan))
            return systemd_files(plan, credentials, tls, notifies=notifies)
        case "compose":
            from redistopo.export.compose import compose_files, compose_names

            tls = _certificates(plan, target, compose_names(plan))
            return compose_files(plan, credentials, tls)
        case "kubernetes":
            from redistopo.export.kubernetes import kubernetes_files, kubernetes_names

            tls = _certificates(plan, target, kubernetes_names(plan))
            return kubernetes_files(plan, credentials, tls)
        case "ansible":
            from redistopo.export.ansible import ansible_files, ansible_names
            from redistopo.host.fleet.encoding import module_files

            tls = _certificates(plan, target, ansible_names(plan))
            return ansible_files(plan, credentials, tls, modules=module_files())
        case "prometheus":
            from redistopo.export.prometheus import prometheus_files

            return prometheus_files(plan, credentials)
        case "redisinsight":
            from redistopo.export.redisinsight import redisinsight_files
            from redistopo.ops.env import tls_texts

            texts = tls_texts(credentials.application or credentials.own)
            return redisinsight_files(plan, credentials, texts)
        case _:
            raise UsageError(f"there is no export for {target}")


def _certificates(plan: Plan, target: str, names: Mapping[str, Sequence[str]]) -> TlsTexts:
    """Return the certificates of a topology with TLS, for each node's `names` at the target."""
    if not plan.topology.tls:
        return TlsTexts()
    from redistopo.project.export_certificates import export_certificates

    return export_certificates(plan, target, names)
