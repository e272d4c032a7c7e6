"""`export systemd`: a unit for each node, a target for all, and a unit that forms a cluster."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from shlex import quote

from redistopo.export.elsewhere import (
    Exported,
    certificate_names,
    client_files,
    configuration,
    in_folder,
    moved,
    plain,
    plain_machine,
)
from redistopo.export.exported_file import ExportedFile
from redistopo.export.scripts import form_script, probe_script
from redistopo.model.planning.plan import NodePlan, Plan
from redistopo.model.protocol.credentials import Credentials, TlsTexts
from redistopo.model.protocol.engine import Product
from redistopo.model.state.observed import Role
from redistopo.quick_dataclass import dataclass
from redistopo.render.unit_on_host import open_files, unit_word


@dataclass(frozen=True, slots=True, kw_only=True)
class _Programs:
    """The server and its CLI; `notifies` is whether it reports to systemd when it is ready."""

    server: str
    cli: str
    notifies: bool


def systemd_names(plan: Plan) -> dict[str, tuple[str, ...]]:
    """Return the names of each node's certificate."""
    return certificate_names(plan, "localhost")


def systemd_files(
    plan: Plan, credentials: Credentials, tls: TlsTexts, *, notifies: bool
) -> tuple[ExportedFile, ...]:
    """Render the export, over several hosts a folder for each of them; `notifies` is whether the
    server is built with libsystemd."""
    stem = "valkey" if plan.engine.product is Product.VALKEY else "redis"
    hosts = plan.topology.hosts
    programs = _Programs(
        server=(hosts.engine if hosts else "") or plan.engine.path or f"/usr/bin/{stem}-server",
        cli=plan.engine.cli or f"/usr/bin/{stem}-cli",
        notifies=notifies,
    )
    folder = f"/var/lib/redis-{plan.topology.name}"
    placed = moved(plan, lambda node: in_folder(node, f"{folder}-{node.name}"))
    made = Exported(plan=placed, credentials=credentials, tls=tls)
    if hosts is None:
        return tuple(_of_machine(made, placed.nodes, programs))
    of: dict[str, list[NodePlan]] = {}
    for node in placed.nodes:
        of.setdefault(node.machine, []).append(node)
    below = (
        replace(file, path=f"{name}/{file.path}")
        for name, nodes in of.items()
        for file in _of_machine(made, nodes, programs)
    )
    machines = [plain_machine(hosts, name) for name in of]
    text = made.render("systemd/hosts.md.j2", {"machines": machines})
    return (ExportedFile(path="README.md", text=text), *below)


def _of_machine(
    made: Exported, nodes: Sequence[NodePlan], programs: _Programs
) -> Iterable[ExportedFile]:
    """The files of one machine; a cluster is formed by that of the first node."""
    plan = made.plan
    units = [f"{made.name}-{node.name}.service" for node in nodes]
    forms = plan.topology.clustered and nodes[0] is plan.nodes[0]
    formed = [f"{made.name}-form.service"] if forms else []
    values = {
        "forms": forms,
        "nodes": [plain(node) for node in nodes],
        "server": programs.server,
        "assumed": not plan.engine.path,
        "notify": programs.notifies,
    }

    def file(path: str, template: str, **more: object) -> ExportedFile:
        return ExportedFile(path=path, text=made.render(f"systemd/{template}", values | more))

    yield file("README.md", "README.md.j2")
    yield file("install.sh", "install.sh.j2")
    yield file("prepare.sh", "prepare.sh.j2")
    yield file(f"units/{made.name}.target", "topology.target.j2", units=[*units, *formed])
    yield ExportedFile(path="probe.sh", text=probe_script(made, quote(programs.cli)))
    if formed:
        yield file(f"units/{formed[0]}", "form.service.j2", units=units)
        script = form_script(made, quote(programs.cli), resolves=False)
        yield ExportedFile(path="form.sh", text=script)
        yield ExportedFile(path="password", text=made.credentials.own.password, secret=True)
    yield from client_files(made)
    for node in nodes:
        yield from _of_node(made, node, programs)


def _of_node(made: Exported, node: NodePlan, programs: _Programs) -> Iterable[ExportedFile]:
    files = configuration(made, node)
    values = {
        "node": plain(node),
        "sentinel": node.role is Role.SENTINEL,
        "server": unit_word(programs.server),
        "notify": programs.notifies,
        "in_home": programs.server.startswith(("/home/", "/root/")),
        "folder": str(node.folder.root),
        "files": open_files(node),
        "credentials": list(files),
    }
    yield ExportedFile(
        path=f"units/{made.name}-{node.name}.service",
        text=made.render("systemd/node.service.j2", values),
    )
    for name, text in files.items():
        yield ExportedFile(path=f"nodes/{node.name}/{name}", text=text, secret=True)
    password = made.login(node).password
    yield ExportedFile(path=f"nodes/{node.name}/password", text=password, secret=True)
