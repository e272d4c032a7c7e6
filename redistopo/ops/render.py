"""`render`: the configuration that `up` would start the nodes on."""

from dataclasses import field
from pathlib import Path

from redistopo.errors import ExitCode
from redistopo.host.files import absolute, private_folder, write_private
from redistopo.host.made_paths import leaving_nothing
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
        texts = _rendered(made, session.credentials, folder)
    with leaving_nothing(*texts):
        private_folder(folder)
        for path, text in texts.items():
            private_folder(path.parent)
            write_private(path, text)
    return RenderResult(folder=folder, files=tuple(texts), engine=made.engine.title)


def _rendered(made: Plan, held: Credentials, folder: Path) -> dict[Path, str]:
    texts: dict[Path, str] = {}
    for node in made.nodes:
        path = folder / node.name / node.folder.config.name
        watches = node.role is Role.SENTINEL
        texts[path] = (sentinel_conf if watches else node_conf)(made, node, held)
        if made.topology.acl:
            users = path.with_name(node.folder.users.name)
            texts[users] = users_acl(made, held, sentinel=watches)
    return texts
