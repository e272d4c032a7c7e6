"""`bundle`: everything that a report on a failure needs, in one file, without any secret."""

from dataclasses import field
from datetime import UTC, datetime
from pathlib import Path

from redistopo.errors import ExitCode, MissingPrerequisite, RedistopoError
from redistopo.host.archive import write_archive
from redistopo.host.files import absolute
from redistopo.model.protocol.redact import Redactor
from redistopo.model.topology.project_paths import Layout
from redistopo.ops.bundle_contents import Evidence
from redistopo.progress import Progress, step
from redistopo.project.redact_secrets import secrets_of
from redistopo.project.started_topology import nothing_started_error
from redistopo.project.state_folder import refuse_foreign
from redistopo.quick_dataclass import dataclass
from redistopo.session.open import open_session
from redistopo.session.session import Session, SessionRequest

_SUFFIX = ".tar.gz"


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleResult:
    """The bundle's file, mode 0600; its size in bytes, and the names of what is in it."""

    path: Path
    size: int
    members: tuple[str, ...]
    code: ExitCode = field(default=ExitCode.DONE)


def bundle(root: Path, out: Path | None, progress: Progress) -> BundleResult:
    """Write everything known about the folder's topology to one file, without secrets and data.

    Works whether or not servers run, and with an invalid topology file. Raises RedistopoError
    if nothing was ever started here, UsageError if `out` already exists, MissingPrerequisite if
    it can't be written.
    """
    with open_session(SessionRequest(root=root, needs_file=False, needs_started=False)) as session:
        return _bundle(session, out, progress)


def _bundle(session: Session, out: Path | None, progress: Progress) -> BundleResult:
    layout = session.layout
    if not layout.state.is_dir():
        raise nothing_started_error(layout)
    refuse_foreign(layout)
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    folder = f"redistopo-bundle-{_name(session)}-{stamp}"
    path = _path(layout, folder, out)
    evidence = Evidence(session=session, scrub=Redactor(secrets_of(layout)))
    with step(progress, "collect what is known"):
        try:
            members = write_archive(path, folder, evidence.members())
        except MissingPrerequisite as error:
            hint = f"{error.hint}; --out FILE writes it elsewhere"
            raise MissingPrerequisite(error.message, detail=error.detail, hint=hint) from error
    return BundleResult(path=path, size=path.stat().st_size, members=members)


def _name(session: Session) -> str:
    """The name of the topology: from its file, its recorded state, or its folder."""
    try:
        return session.topology.name
    except RedistopoError:
        pass
    try:
        record = session.state
    except RedistopoError:
        record = None
    name = str(record.name) if record else session.layout.root.name
    return "".join(one if one.isalnum() or one in "_.-" else "-" for one in name)[:64]


def _path(layout: Layout, folder: str, out: Path | None) -> Path:
    """The path of the bundle; a default name that is taken gets a number."""
    if out is not None and not out.is_dir():
        return absolute(out)
    place = absolute(out) if out is not None else layout.root
    path, number = place / f"{folder}{_SUFFIX}", 2
    while path.exists():
        path, number = place / f"{folder}-{number}{_SUFFIX}", number + 1
    return path
