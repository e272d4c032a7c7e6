"""A project folder that was moved while its servers ran: their files are in the new place,
while the absolute paths in their configuration name the old one."""

from redistopo.model.protocol.conf import Directives
from redistopo.model.topology.project_paths import Layout


def moved_from(layout: Layout, node: str, config: str) -> str:
    """Return the folder of the project when that node read its configuration from `config`;
    "" if it hasn't moved, or if `config` is no file of such a project."""
    today = str(layout.node(node).config)
    inside = today.removeprefix(str(layout.root))
    if config == today or not config.endswith(inside):
        return ""
    return config.removesuffix(inside)


def relocated_path(value: str, former: str, layout: Layout) -> str:
    """Translate a path below the former root to the current one; keep any other value."""
    if former and value.startswith(f"{former}/"):
        return str(layout.root) + value.removeprefix(former)
    return value


def relocated_directives(conf: Directives, layout: Layout, node: str) -> Directives:
    """Translate the paths in a node's directives to the current root."""
    folder = conf.get("dir", ("",))[-1]
    former = moved_from(layout, node, f"{folder}/{layout.node(node).config.name}")
    if not former:
        return conf
    return {
        name: tuple(relocated_path(value, former, layout) for value in values)
        for name, values in conf.items()
    }
