"""The unit of systemd by which a host keeps a node."""

from redistopo.errors import UsageError
from redistopo.host.server_log import LOG_MARK
from redistopo.model.planning.plan import NodePlan, Plan
from redistopo.model.state.observed import Role
from redistopo.render.conf import own_templates
from redistopo.render.jinja_templates import render_template

_HOMES = ("/home/", "/root/")

_FILES = 65535
_OWN_FILES = 256
"""File descriptors that a server needs besides those of its clients."""


def unit_on_host(plan: Plan, name: str, folder: str, keeper: str = "redistopo") -> str:
    """Render the unit of a node whose files are in that folder of its machine; `keeper` is the
    program that writes it there.

    Raises UsageError for paths that can't be written in a unit.
    """
    node = plan.node(name)
    paths = [folder, plan.engine.path, *(word for one in node.directives.values() for word in one)]
    values = {
        "topology": plan.topology,
        "node": {"name": node.name},
        "keeper": keeper,
        "mark": LOG_MARK.replace("redistopo", keeper),
        "sentinel": node.role is Role.SENTINEL,
        "server": unit_word(plan.engine.path),
        "config": unit_word(f"{folder}/{node.folder.config.name}").replace("$", "$$"),
        "quoted": unit_word(folder),
        "folder": _escaped(folder),
        "log": _escaped(f"{folder}/{node.folder.log.name}"),
        "files": open_files(node),
        "in_home": any(path.startswith(_HOMES) for path in paths),
    }
    return render_template("systemd/host.service.j2", values, own=own_templates(plan))


def open_files(node: NodePlan) -> int:
    """Return how many files a server may open: for its clients, and its own."""
    clients = node.directives.get("maxclients", ("10000",))[-1]
    return max(_FILES, int(clients) + _OWN_FILES if clients.isdecimal() else 0)


def unit_word(path: str) -> str:
    """Quote a path as a word of a unit, where ``%`` begins a specifier; ``$`` is plain in that of
    a program.

    Raises UsageError for characters that systemd refuses there (load-fragment.c,
    string_is_safe), quoted or not.
    """
    if not path.isprintable() or set(path) & set("\"'\\"):
        raise UsageError(
            f"systemd runs no program whose path has quotes or backslashes: {path}",
            hint="name another server: --engine PATH",
        )
    word = _escaped(path)
    return f'"{word}"' if " " in word else word


def _escaped(path: str) -> str:
    return path.replace("%", "%%")
