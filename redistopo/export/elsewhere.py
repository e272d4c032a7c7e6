"""A plan whose nodes run elsewhere: their configurations, for the folders and addresses there."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import field, fields, replace
from pathlib import Path

from redistopo.errors import UsageError
from redistopo.export.exported_file import ExportedFile
from redistopo.model.planning.plan import NodePlan, Plan
from redistopo.model.protocol.credentials import Credentials, Login, TlsTexts
from redistopo.model.state.observed import Role
from redistopo.model.topology.hosts import Hosts
from redistopo.model.topology.project_paths import NodeFolder, TlsFolder
from redistopo.quick_dataclass import dataclass
from redistopo.render.conf import node_conf, own_templates, sentinel_conf, users_acl
from redistopo.render.jinja_templates import render_template

AUTHORITY, CERTIFICATE = "ca.crt", "tls.pem"
"""The files of a server with TLS: the CA, and its certificate with the key."""


class _ServerTls(TlsFolder):
    """The certificates in a folder of a single server."""

    def node(self, name: str) -> Path:  # noqa: ARG002  any name
        return self.root / CERTIFICATE


class _Placed(NodePlan):
    """A node with all of its files in one folder."""

    @property
    def certificates(self) -> TlsFolder:
        return _ServerTls(self.home)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What an export is made from: the plan at the target's addresses, its credentials, and its
    certificates."""

    plan: Plan
    credentials: Credentials
    tls: TlsTexts = field(default_factory=TlsTexts)

    @property
    def name(self) -> str:
        """The name of what the target runs; its prefix keeps it apart from the system's own."""
        return f"redis-{self.plan.topology.name}"

    def login(self, node: NodePlan) -> Login:
        """Return the login with which scripts of the export connect to a node."""
        if node.role is Role.SENTINEL and self.credentials.sentinel and not self.credentials.acl:
            return self.credentials.sentinel
        return self.credentials.own

    def render(self, name: str, values: Mapping[str, object] | None = None) -> str:
        """Render a template of the target, or the user's own in its place."""
        common = {
            "topology": self.plan.topology,
            "engine": self.plan.engine,
            "name": self.name,
            "expires": self.tls.expires,
        }
        return render_template(name, {**common, **(values or {})}, own=own_templates(self.plan))


def refuse_no_password(plan: Plan, target: str) -> None:
    """Raise UsageError for a topology without a password: containers listen at every address."""
    if not plan.topology.auth:
        raise UsageError(
            f"export {target} needs a password, and auth = false in {plan.layout.topology.name}",
            detail="the servers listen at every address of their containers",
            hint="set auth = true",
        )


def moved(
    plan: Plan,
    change: Callable[[NodePlan], NodePlan],
    *,
    host: str = "",
) -> Plan:
    """Change every node, and with `host` the address that they bind."""
    topology = replace(plan.topology, templates=own_templates(plan))
    nodes = [change(node) for node in plan.nodes]
    if host:
        topology = replace(topology, host=host, announce_host="", hosts=None)
        nodes = [replace(node, machine="") for node in nodes]
    return replace(plan, topology=topology, nodes=tuple(nodes))


def configuration(
    made: Exported, node: NodePlan, first_lines: Iterable[str] = ()
) -> dict[str, str]:
    """Render the files that a node starts on: file name -> text; `first_lines` are at the top."""
    plan, held = made.plan, made.credentials
    watches = node.role is Role.SENTINEL
    conf = (sentinel_conf if watches else node_conf)(plan, node, held)
    files = {node.folder.config.name: _headed(made, node, conf, first_lines)}
    if plan.topology.acl:
        files[node.folder.users.name] = users_acl(plan, held, sentinel=watches)
    if plan.topology.tls:
        files[AUTHORITY] = made.tls.authority
        files[CERTIFICATE] = made.tls.nodes[node.name]
    return files


def client_files(made: Exported) -> tuple[ExportedFile, ...]:
    """Return the files with which a client connects: none without TLS."""
    if not made.plan.topology.tls:
        return ()
    return (
        ExportedFile(path="tls/ca.crt", text=made.tls.authority),
        ExportedFile(path="tls/client.pem", text=made.tls.client, secret=True),
    )


def certificate_names(plan: Plan, *more: str) -> dict[str, tuple[str, ...]]:
    """Return the names of each node's certificate: its planned address, the name that clients are
    given, and those of the target."""
    announced = plan.topology.announced_name
    return {
        node.name: tuple(dict.fromkeys(filter(None, (node.host, announced, *more))))
        for node in plan.nodes
    }


def _headed(made: Exported, node: NodePlan, conf: str, first_lines: Iterable[str]) -> str:
    """Replace the comment at the top, which is true only of the files in redistopo's folder."""
    lines = conf.splitlines(keepends=True)
    while lines and lines[0].startswith("#"):
        del lines[0]
    head = (
        f"# {node.name} of {made.plan.topology.name} ({made.plan.topology.shape.value}), "
        f"for {made.plan.engine.title}; exported by redistopo.",
        *first_lines,
    )
    return "".join(f"{line}\n" for line in head) + "".join(lines)


def in_folder(node: NodePlan, folder: str) -> NodePlan:
    """Return the node with its files directly in that folder."""
    there = Path(folder)
    values = {one.name: getattr(node, one.name) for one in fields(node)}
    return _Placed(**{**values, "folder": NodeFolder(there), "home": there})


def plain(node: NodePlan) -> dict[str, object]:
    """Return a node for templates: plain values only, because a Path could write files."""
    return {
        "name": node.name,
        "role": node.role.value,
        "shard": node.shard,
        "host": node.host,
        "port": node.port,
    }


def plain_machine(hosts: Hosts, name: str) -> dict[str, object]:
    """Return a machine for templates: its name, and what its SSH connection needs."""
    machine = hosts.machine(name)
    user = machine.user or hosts.user
    address = machine.ssh or machine.address
    return {
        "name": name,
        "login": f"{user}@{address}" if user else address,
        "port": machine.port,
    }
