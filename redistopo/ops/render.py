"""`render`: the configuration that `up` would start the nodes on."""

from dataclasses import dataclass, field
from pathlib import Path

from redistopo.errors import ExitCode
from redistopo.host.files import absolute, private_folder, write_private
from redistopo.host.node_folder import claim_state_folder
from redistopo.model.planning.plan import Plan
from redistopo.model.protocol.credentials import Credentials
from redistopo.model.state.observed import Role
from redistopo.project.load import load_project, plan_of
from redistopo.project.passwords import load_credentials
from redistopo.project.secrets import redacting_errors
from redistopo.render.conf import node_conf, sentinel_conf, users_acl


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderResult:
    """The files written: a redis.conf for each data node, a sentinel.conf for each Sentinel,
    and with `acl` a users.acl for each."""

    folder: Path
    files: tuple[Path, ...]
    engine: str
    code: ExitCode = field(default=ExitCode.DONE)


def render(root: Path, out: Path | None, engine: str = "") -> RenderResult:
    """Every node's configuration is in its own folder below `out`, readable by you alone.

    They hold the password; where none was made yet, this makes the one that `up` will use.
    """
    project = load_project(root)
    made = plan_of(project, engine, assume=True)
    if project.topology.auth:
        claim_state_folder(project.layout)
    credentials = load_credentials(project.topology, project.layout, make=True)
    folder = absolute(out or project.layout.root / "rendered")
    with redacting_errors(project.layout):
        files = _rendered(made, credentials, folder)
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
