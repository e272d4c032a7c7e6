"""`export ansible`: a playbook, an inventory and our own module, for the topology's hosts."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from redistopo.errors import UsageError
from redistopo.export.elsewhere import (
    AUTHORITY,
    CERTIFICATE,
    Exported,
    certificate_names,
    client_files,
    configuration,
    in_folder,
    moved,
    plain,
)
from redistopo.export.exported_file import ExportedFile
from redistopo.export.scripts import form_script, probe_script
from redistopo.model.planning.plan import NodePlan, Plan
from redistopo.model.protocol.conf import read_conf
from redistopo.model.protocol.credentials import Credentials, TlsTexts
from redistopo.model.protocol.engine import Product
from redistopo.model.state.observed import Role
from redistopo.model.topology.boot_start import held_back, unit_name
from redistopo.model.topology.hosts import Hosts, Service
from redistopo.quick_dataclass import dataclass
from redistopo.render.unit_on_host import unit_on_host

_SERVER = "@redistopo_server@"
"""In units, instead of the server's program, which is a variable of the inventory: our module knows
its path on each host."""

_PLAYBOOKS = ("up.yml", "probe.yml", "down.yml", "ansible.cfg", "up.json.j2", "down.json.j2")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Setting:
    """The export, its hosts, the files of each node (path below the export -> text), and the units
    of those that may have one."""

    made: Exported
    hosts: Hosts
    nodes: Mapping[str, Mapping[str, str]]
    units: Mapping[str, str]


def ansible_names(plan: Plan) -> dict[str, tuple[str, ...]]:
    """Return the names of each node's certificate."""
    return certificate_names(plan)


def ansible_files(
    plan: Plan, credentials: Credentials, tls: TlsTexts, *, modules: Mapping[str, str]
) -> tuple[ExportedFile, ...]:
    """Render the export; `modules` are the files of our module, by their paths.

    Raises UsageError for a topology on this machine.
    """
    hosts = plan.topology.hosts
    if hosts is None:
        raise UsageError(
            f"export ansible needs hosts, and {plan.layout.topology.name} has no [hosts]",
            hint="add [hosts], or run it here: redistopo export systemd DIR",
        )
    base = hosts.folder(plan.topology.name)
    placed = moved(plan, lambda node: in_folder(node, f"{base}/nodes/{node.name}"))
    made = Exported(plan=placed, credentials=credentials, tls=tls)
    nodes = {node.name: configuration(made, node) for node in placed.nodes}
    setting = _Setting(made=made, hosts=hosts, nodes=nodes, units=_units(made, hosts))
    return (
        *_of_all(setting),
        *_of_nodes(setting),
        *client_files(made),
        *(ExportedFile(path=path, text=text) for path, text in modules.items()),
    )


def _of_all(setting: _Setting) -> Iterable[ExportedFile]:
    made, hosts = setting.made, setting.hosts
    plan = made.plan
    stem = "valkey" if plan.engine.product is Product.VALKEY else "redis"
    values = {
        "base": hosts.folder(plan.topology.name),
        "become": hosts.become,
        "group": hosts.group,
        "own_inventory": bool(hosts.inventory),
        "inventories": "-i YOUR_INVENTORY -i inventory.yml " if hosts.inventory else "",
        "hosts": _hosts(setting),
        "nodes": [plain(node) for node in plan.nodes],
        "server": _server(setting, f"{stem}-server"),
        "cli": plan.topology.clustered,
        "units": bool(setting.units),
        "unit_server": _SERVER,
        "held": any(not _unit(setting, node)["boot"] for node in plan.nodes),
        "service": hosts.service,
    }
    for name in ("README.md", "inventory.yml", *_PLAYBOOKS):
        yield ExportedFile(path=name, text=made.render(f"ansible/{name}.j2", values))
    yield ExportedFile(path="probe.sh", text=probe_script(made, f"{stem}-cli"))
    if plan.topology.clustered:
        yield ExportedFile(path="form.sh", text=form_script(made, f"{stem}-cli", resolves=False))
        yield ExportedFile(path="password", text=made.credentials.own.password, secret=True)


def _of_nodes(setting: _Setting) -> Iterable[ExportedFile]:
    for node in setting.made.plan.nodes:
        password = setting.made.login(node).password
        for name, text in {**setting.nodes[node.name], "password": password}.items():
            yield ExportedFile(path=f"nodes/{node.name}/{name}", text=text, secret=True)
        if node.name in setting.units:
            yield ExportedFile(path=f"nodes/{node.name}/unit", text=setting.units[node.name])


def _units(made: Exported, hosts: Hosts) -> dict[str, str]:
    """The unit of each node whose host may keep it by systemd: as redistopo itself does."""
    if hosts.service == Service.PROCESS:
        return {}
    plan = replace(made.plan, engine=replace(made.plan.engine, path=_SERVER))
    return {
        node.name: unit_on_host(plan, node.name, str(node.home), keeper="Ansible")
        for node in plan.nodes
        if hosts.service or not hosts.is_local(node.machine)
    }


def _server(setting: _Setting, usual: str) -> str:
    """The program on the hosts: the topology file's, or the one on the PATH there."""
    named = setting.hosts.engine
    return named if named.startswith("/") else usual


def _hosts(setting: _Setting) -> list[dict[str, object]]:
    """Each host with its nodes and, without an inventory of the user's own, its address."""
    of: dict[str, list[dict[str, object]]] = {}
    for node in setting.made.plan.nodes:
        of.setdefault(node.machine, []).append(_node(setting, node))
    return [
        {"name": name, "nodes": nodes, "variables": _variables(setting.hosts, name)}
        for name, nodes in of.items()
    ]


def _variables(hosts: Hosts, name: str) -> dict[str, object]:
    if hosts.inventory:
        return {}
    machine = hosts.machine(name)
    user = machine.user or hosts.user
    found: dict[str, object] = {"ansible_host": machine.ssh or machine.address}
    return found | ({"ansible_user": user} if user else {}) | _port(machine.port)


def _port(port: int) -> dict[str, object]:
    return {"ansible_port": port} if port else {}


def _node(setting: _Setting, node: NodePlan) -> dict[str, object]:
    """A node for templates; a cluster keeps its state in nodes.conf, and its redis.conf is ours."""
    files = setting.nodes[node.name]
    ours = [name for name in files if name == node.folder.config.name]
    certificates = [name for name in files if name in (AUTHORITY, CERTIFICATE)]
    replaced = [*(ours if setting.made.plan.topology.clustered else []), *certificates]
    return {
        **plain(node),
        "unit": _unit(setting, node) if node.name in setting.units else None,
        "config": node.folder.config.name,
        "log": node.folder.log.name,
        "sentinel": node.role is Role.SENTINEL,
        "replaced": replaced,
        "kept": [name for name in files if name not in replaced],
    }


def _unit(setting: _Setting, node: NodePlan) -> dict[str, object]:
    """What the module needs to know of a unit besides its text: if the topology file doesn't ask
    for systemd, the module uses it where it can."""
    plan, conf = setting.made.plan, read_conf(setting.nodes[node.name][node.folder.config.name])
    held = held_back(conf, data_nodes=len(plan.data), watched=bool(plan.sentinels))
    return {
        "name": unit_name(setting.hosts.folder(plan.topology.name), node.name),
        "boot": not held,
        "auto": not setting.hosts.service,
    }
