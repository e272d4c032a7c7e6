"""`export systemd`: a unit for each node, a target for all, and a unit that forms a cluster."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain
from shlex import quote

from redistopo.errors import UsageError
from redistopo.export.elsewhere import (
    Exported,
    certificate_names,
    client_files,
    configuration,
    in_folder,
    moved,
    open_files,
    plain,
)
from redistopo.export.exported_file import ExportedFile
from redistopo.export.scripts import form_script, probe_script
from redistopo.model.planning.plan import NodePlan, Plan
from redistopo.model.protocol.credentials import Credentials, TlsTexts
from redistopo.model.protocol.engine import Product
from redistopo.model.state.observed import Role


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
    """Render the export; `notifies` is whether the server is built with libsystemd."""
    stem = "valkey" if plan.engine.product is Product.VALKEY else "redis"
    programs = _Programs(
        server=plan.engine.path or f"/usr/bin/{stem}-server",
        cli=plan.engine.cli or f"/usr/bin/{stem}-cli",
        notifies=notifies,
    )
    folder = f"/var/lib/redis-{plan.topology.name}"
    placed = moved(plan, lambda node: in_folder(node, f"{folder}-{node.name}"))
    made = Exported(plan=placed, credentials=credentials, tls=tls)
    of_nodes = (_of_node(made, node, programs) for node in placed.nodes)
    return (*_of_all(made, programs), *chain.from_iterable(of_nodes))


def _of_all(made: Exported, programs: _Programs) -> Iterable[ExportedFile]:
    plan = made.plan
    units = [f"{made.name}-{node.name}.service" for node in plan.nodes]
    formed = [f"{made.name}-form.service"] if plan.topology.clustered else []
    values = {
        "nodes": [plain(node) for node in plan.nodes],
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


def _of_node(made: Exported, node: NodePlan, programs: _Programs) -> Iterable[ExportedFile]:
    files = configuration(made, node)
    values = {
        "node": plain(node),
        "sentinel": node.role is Role.SENTINEL,
        "server": _executable(programs.server),
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


def _executable(path: str) -> str:
    """Quote the path of a program in ExecStart, where ``%`` begins a specifier, and ``$`` is plain.

    Raises UsageError for characters that systemd refuses there (load-fragment.c,
    string_is_safe), quoted or not.
    """
    if not path.isprintable() or set(path) & set("\"'\\"):
        raise UsageError(
            f"systemd runs no program whose path has quotes or backslashes: {path}",
            hint="name another server: --engine PATH",
        )
    word = path.replace("%", "%%")
    return f'"{word}"' if " " in word else word
