"""`render`: the configuration that `up` would start the nodes on."""

from dataclasses import field
from pathlib import Path

from redistopo.errors import ExitCode
from redistopo.host.files import absolute, private_folder, write_private
from redistopo.model.planning.plan import Plan
from redistopo.model.protocol.credentials import Credentials
from redistopo.model.state.observed import Role
from redistopo.project.state_folder import claim_state_folder
from redistopo.quick_dataclass import dataclass
from redistopo.render.conf import node_conf, sentinel_conf, users_acl
from redistopo.session.open import open_session
from redistopo.session.session import CredentialSource, SessionRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderResult:
    """The files written: a redis.conf for each data node, a sentinel.conf for each Sentinel,
    and with `acl` a users.acl for each."""

    folder: Path
    files: tuple[Path, ...]
    engine: str
    code: ExitCode = field(default=ExitCode.DONE)


def render(root: Path, out: Path | None, engine: str = "") -> RenderResult:
    """Write every node's configuration to its own folder below `out`, readable only by the user.

    They contain the password; if there is none yet, this generates the one that `up` will use.
    """
    asked = SessionRequest(
        root=root, verb="render", credentials=CredentialSource.MADE, needs_started=False
    )
    with open_session(asked) as session:
        made = session.plan(engine, assume=True)
        if session.topology.auth:
            claim_state_folder(session.layout)
        # a folder that the user named may be a link; a `rendered` in the project may be anyone's
        folder = absolute(out).resolve() if out else session.layout.root / "rendered"
        private_folder(folder)
        files = _rendered(made, session.credentials, folder)
    return RenderResult(folder=folder, files=tuple(files), engine=made.engine.title)


def _rendered(made: Plan, held: Credentials, folder: Path) -> list[Path]:
    files: list[Path] = []
    for node in made.nodes:
        path = folder / node.name / node.folder.config.name
        private_folder(path.parent)
        watches = node.role is Role.SENTINEL
        write_private(path, (sentinel_conf if watches else node_conf)(made, node, held))
        files.append(path)
        if made.topology.acl:
            users = path.with_name(node.folder.users.name)
            write_private(users, users_acl(made, held, sentinel=watches))
            files.append(users)
    return files
