"""`export kubernetes`: a StatefulSet for each shard, and a Job that forms a cluster."""

import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import replace

from redistopo.errors import UsageError
from redistopo.export.container_image import image_of, programs_of, user_of
from redistopo.export.elsewhere import (
    AUTHORITY,
    CERTIFICATE,
    Exported,
    configuration,
    in_folder,
    moved,
    refuse_no_password,
)
from redistopo.export.exported_file import ExportedFile
from redistopo.export.scripts import form_script, join_script, probe_script
from redistopo.model.planning.plan import NodePlan, Plan
from redistopo.model.protocol.credentials import Credentials, TlsTexts
from redistopo.model.protocol.endpoint import BUS_OFFSET, Endpoint
from redistopo.model.state.observed import Role
from redistopo.quick_dataclass import dataclass

_PORT = 6379
_SENTINEL_PORT = 26379

_LONGEST = 36
"""A StatefulSet's name may have 52 characters, and has the shard's number too."""

_NAMES = ("sentinel resolve-hostnames yes", "sentinel announce-hostnames yes")
"""Pods keep their names, not their addresses."""

_HOSTNAME = "cluster-announce-hostname"

_EVERY_ADDRESS = "0.0.0.0"  # noqa: S104  of a container


@dataclass(frozen=True, slots=True, kw_only=True)
class _Set:
    """The nodes of a StatefulSet, in the order of their pods."""

    name: str
    component: str
    shard: str
    nodes: tuple[str, ...]

    @property
    def pods(self) -> dict[str, str]:
        """Node -> its pod."""
        return {node: f"{self.name}-{index}" for index, node in enumerate(self.nodes)}


def kubernetes_names(plan: Plan) -> dict[str, tuple[str, ...]]:
    """Return the names of each node's certificate: of its pod, and of the Service.

    Raises UsageError for a cluster that can only give clients addresses of pods, which change.
    """
    if plan.topology.tls and plan.topology.clustered and not plan.engine.knows(_HOSTNAME):
        raise UsageError(
            f"a cluster of {plan.engine.title} gives clients the addresses of pods, which change: "
            "no certificate can be made for them",
            hint="set tls = false, or use Redis 7.0 or newer",
        )
    name = instance_name(plan.topology.name)
    return {
        node: (f"{pod}.{name}", name, "localhost", "127.0.0.1")
        for one in _sets(plan, name)
        for node, pod in one.pods.items()
    }


def kubernetes_files(
    plan: Plan, credentials: Credentials, tls: TlsTexts
) -> tuple[ExportedFile, ...]:
    """Render the export. Raises UsageError for a topology without a password."""
    refuse_no_password(plan, "kubernetes")
    name = instance_name(plan.topology.name)
    sets = _sets(plan, name)
    pods = {node: pod for one in sets for node, pod in one.pods.items()}
    placed = moved(
        plan,
        lambda node: _placed(node, pods[node.name], name, plan.topology.tls),
        host=_EVERY_ADDRESS,
    )
    made = Exported(plan=placed, credentials=credentials, tls=tls)
    values = {
        "name": name,
        "image": image_of(plan.engine),
        "sets": [_set_values(made, one, name) for one in sets],
        "ports": _ports(*placed.nodes),
        "components": [
            component
            for component, nodes in (("data", plan.data), ("sentinel", plan.sentinels))
            if len(nodes) > 1
        ],
        "count": len(plan.nodes),
        "entry": _entry(placed),
        "scripts": _scripts(made),
        "secrets": _secrets(made, pods),
        "client": _client(tls),
    }
    manifests = ["secret", "configmap", "service", "statefulsets"]
    manifests += ["disruption"] * bool(values["components"]) + ["form"] * plan.topology.clustered
    values["manifests"] = [f"{one}.yaml" for one in manifests]
    return tuple(
        ExportedFile(
            path=path, text=made.render(f"kubernetes/{path}.j2", values), secret="secret" in path
        )
        for path in ("README.md", "kustomization.yaml", *(f"{one}.yaml" for one in manifests))
    )


def instance_name(topology: str) -> str:
    """Return the name of everything of a topology: lower case, digits and hyphens (RFC 1035)."""
    plain = re.sub("[^a-z0-9]+", "-", topology.lower())[:_LONGEST]
    return f"redis-{plain.strip('-')}"


def _sets(plan: Plan, name: str) -> tuple[_Set, ...]:
    data = tuple(
        _Set(
            name=f"{name}-shard{shard.number}",
            component="data",
            shard=str(shard.number),
            nodes=(shard.primary, *shard.replicas),
        )
        for shard in plan.shards
    )
    if not plan.sentinels:
        return data
    watching = tuple(node.name for node in plan.sentinels)
    own = _Set(name=f"{name}-sentinel", component="sentinel", shard="", nodes=watching)
    return (*data, own)


def _placed(node: NodePlan, pod: str, name: str, tls: bool) -> NodePlan:
    watches = node.role is Role.SENTINEL
    directives = dict(node.directives)
    if node.bus_port:
        directives["cluster-announce-ip"] = ("",)  # the address of the pod is an argument
        if tls:
            directives["cluster-preferred-endpoint-type"] = ("hostname",)
    if watches:
        directives["sentinel resolve-hostnames"] = ("yes",)  # see _NAMES
    return replace(
        in_folder(node, "/data"),
        endpoint=Endpoint(f"{pod}.{name}", _SENTINEL_PORT if watches else _PORT),
        bus_port=_PORT + BUS_OFFSET if node.bus_port else 0,
        directives=directives,
    )


def _set_values(made: Exported, one: _Set, name: str) -> dict[str, object]:
    first = made.plan.node(one.nodes[0])
    watches = first.role is Role.SENTINEL
    arguments = ["--sentinel"] if watches else []
    if first.bus_port:
        arguments = ["--cluster-announce-ip", "$(POD_IP)"]
        if made.plan.topology.tls:
            # certificates have the names of pods
            arguments += [f"--{_HOSTNAME}", f"$(POD_NAME).{name}"]
    return {
        "name": one.name,
        "component": one.component,
        "shard": one.shard,
        "count": len(one.nodes),
        "port": first.port,
        "ports": _ports(first),
        "arguments": arguments,
        "password": "sentinel-password" if watches else "password",
    }


def _ports(*nodes: NodePlan) -> list[dict[str, object]]:
    """The ports of nodes, each once."""
    found: dict[str, int] = {}
    for node in nodes:
        found["sentinel" if node.role is Role.SENTINEL else "redis"] = node.port
        if node.bus_port:
            found["bus"] = node.bus_port
    return [{"name": name, "number": number} for name, number in found.items()]


def _entry(plan: Plan) -> str:
    if plan.sentinels:
        host, port = plan.sentinels[0].endpoint
        return (
            f"the Sentinels at `{host.partition('.')[2]}`, port {port}, name `{plan.topology.name}`"
        )
    if plan.topology.clustered:
        host, port = plan.data[0].endpoint
        return f"`{host.partition('.')[2]}`, port {port}"
    return f"the primary at `{plan.data[0].address}`"


def _scripts(made: Exported) -> dict[str, str]:
    server, cli = programs_of(made.plan.engine)
    found = {
        "start.sh": made.render(
            "export/start.sh.j2", {"server": server, "user": user_of(made.plan.engine)}
        ),
        "probe.sh": probe_script(made, cli),
    }
    if made.plan.topology.clustered:
        found["form.sh"] = form_script(made, cli, resolves=True)
        found["join.sh"] = join_script(made, cli)
    return found


def _secrets(made: Exported, pods: Mapping[str, str]) -> dict[str, str]:
    """Key -> value in base64, in which no character can be mistaken for YAML's."""
    texts = {"password": made.credentials.own.password}
    for node in made.plan.nodes:
        watches = node.role is Role.SENTINEL
        if watches:
            texts["sentinel-password"] = made.login(node).password
        files = configuration(made, node, _NAMES if watches else ())
        texts[f"{pods[node.name]}.conf"] = files[node.folder.config.name]
        if made.plan.topology.acl:
            texts[f"{pods[node.name]}.acl"] = files[node.folder.users.name]
        if made.plan.topology.tls:
            texts[f"{pods[node.name]}.pem"] = files[CERTIFICATE]
            texts |= {AUTHORITY: files[AUTHORITY], "client.pem": made.tls.client}
    return _encoded(texts)


def _client(tls: TlsTexts) -> dict[str, str]:
    """What an application's pod mounts."""
    key, certificate = tls.client_key_and_certificate
    return _encoded({AUTHORITY: tls.authority, "tls.crt": certificate, "tls.key": key})


def _encoded(texts: Mapping[str, str]) -> dict[str, str]:
    return {key: b64encode(text.encode()).decode() for key, text in texts.items()}
