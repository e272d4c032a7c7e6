"""`export compose`: a service for each node, and one that forms a cluster and ends."""

import re
from collections.abc import Iterable
from dataclasses import asdict, replace

from redistopo.export.container_image import image_of, programs_of, user_of
from redistopo.export.elsewhere import (
    CERTIFICATE,
    Exported,
    certificate_names,
    client_files,
    configuration,
    in_folder,
    moved,
    plain,
    refuse_no_password,
)
from redistopo.export.exported_file import ExportedFile
from redistopo.export.fixed_network import fixed_network
from redistopo.export.scripts import form_script, probe_script
from redistopo.model.planning.plan import NodePlan, Plan
from redistopo.model.protocol.credentials import Credentials, TlsTexts
from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.state.observed import Role
from redistopo.model.topology.spec import Shape
from redistopo.quick_dataclass import dataclass
from redistopo.render.unit_on_host import open_files

_EVERY_ADDRESS = "0.0.0.0"  # noqa: S104  of a container

_AUTODETECT = {"cluster-announce-ip": ("",)}
"""Nodes learn their addresses in the containers' network from each other."""

_SENTINELS = "sentinel-password"
"""The file with the password of Sentinels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Secret:
    """A file that Compose hands to containers."""

    name: str
    file: str
    text: str


def compose_names(plan: Plan) -> dict[str, tuple[str, ...]]:
    """Return the names of each node's certificate: of its service, and those of this machine."""
    found = certificate_names(plan, "localhost", "127.0.0.1", "host.docker.internal")
    return {name: (name, *names) for name, names in found.items()}


def compose_files(plan: Plan, credentials: Credentials, tls: TlsTexts) -> tuple[ExportedFile, ...]:
    """Render the export. Raises UsageError for a topology without a password."""
    refuse_no_password(plan, "compose")
    shared = _shares_host_network(plan)
    placed = moved(plan, _of_host if shared else _of_bridge, host="" if shared else _EVERY_ADDRESS)
    made = Exported(plan=placed, credentials=credentials, tls=tls)
    secrets = tuple(_secrets(made))
    texts = _texts(made, plan, secrets, shared=shared)
    return (
        *(ExportedFile(path=path, text=text) for path, text in texts.items()),
        *(ExportedFile(path=one.file, text=one.text, secret=True) for one in secrets),
        *client_files(made),
    )


def _shares_host_network(plan: Plan) -> bool:
    """Whether clients and nodes have to use the same addresses: those that Sentinels name, and
    those of a cluster whose version has no announced host names."""
    if plan.topology.shape is Shape.SENTINEL:
        return True
    return plan.topology.clustered and not plan.engine.knows("cluster-announce-hostname")


def _of_host(node: NodePlan) -> NodePlan:
    return in_folder(node, "/data")


def _of_bridge(node: NodePlan) -> NodePlan:
    there = replace(in_folder(node, "/data"), endpoint=Endpoint(node.name, node.port))
    if not node.bus_port:
        return there
    named = {**node.directives, **_AUTODETECT, "cluster-preferred-endpoint-type": ("hostname",)}
    return replace(there, directives=named)


def _secrets(made: Exported) -> Iterable[_Secret]:
    for node in made.plan.nodes:
        files = configuration(made, node)
        of = {node.folder.config.name: "conf", node.folder.users.name: "users", CERTIFICATE: "tls"}
        for name in (one for one in of if one in files):
            path = f"nodes/{node.name}/{name}"
            yield _Secret(name=f"{node.name}-{of[name]}", file=path, text=files[name])
    logins = {_password_name(node): made.login(node).password for node in made.plan.nodes}
    for name, password in logins.items():
        yield _Secret(name=name, file=name, text=password)


def _password_name(node: NodePlan) -> str:
    return _SENTINELS if node.role is Role.SENTINEL else "password"


def _texts(
    made: Exported, plan: Plan, secrets: Iterable[_Secret], *, shared: bool
) -> dict[str, str]:
    """Render the files without passwords; `plan` has the addresses outside of the containers."""
    server, cli = programs_of(plan.engine)
    project = re.sub("[^a-z0-9_-]", "-", made.name.lower())
    fixed = plan.topology.clustered and not shared
    network = fixed_network(project, made.plan) if fixed else None
    announced = f"${{ANNOUNCE_HOST:-{plan.topology.announce_host or '127.0.0.1'}}}"
    nodes = []
    for node in made.plan.nodes:
        words = ["--sentinel"] if node.role is Role.SENTINEL else []
        if not shared and len(plan.nodes) > 1:
            # what clients are given: nodes use the addresses, or names, of their network
            directive = "cluster-announce-hostname" if node.bus_port else "replica-announce-ip"
            words = [f"--{directive}", announced]
        nodes.append(
            {
                **plain(node),
                "host": node.host if shared else "127.0.0.1",
                "outside": plan.node(node.name).address if shared else f"127.0.0.1:{node.port}",
                "address": network.addresses[node.name] if network else "",
                "arguments": [f'"{word}"' for word in words],
                "password": _password_name(node),
            }
        )
    values = {
        "project": project,
        "image": image_of(plan.engine),
        "host_network": shared,
        "network": asdict(network) if network else None,
        "files": max(open_files(node) for node in plan.nodes),
        "nodes": nodes,
        "entry": next((one for one in nodes if one["password"] == _SENTINELS), nodes[0])["outside"],
        "secrets": [{"name": one.name, "file": one.file} for one in secrets],
        "user": made.credentials.own.user,
    }
    texts = {
        name: made.render(f"compose/{name}.j2", values) for name in ("README.md", "compose.yaml")
    }
    texts["start.sh"] = made.render(
        "export/start.sh.j2", {"server": server, "user": user_of(plan.engine)}
    )
    texts["probe.sh"] = probe_script(made, cli)
    if plan.topology.clustered:
        texts["form.sh"] = form_script(made, cli, resolves=not shared)
    return texts
