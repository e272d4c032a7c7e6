"""A project's folder that was moved while its servers ran: their files are where it is now,
and the absolute paths in their configuration are where it was."""

from redistopo.model.protocol.conf import Directives
from redistopo.model.topology.layout import Layout


def moved_from(layout: Layout, node: str, config: str) -> str:
    """Where the project was when that node read its configuration from the file `config`;
    "" where it is there still, or where that is no file of such a project."""
    today = str(layout.node(node).config)
    inside = today.removeprefix(str(layout.root))
    if config == today or not config.endswith(inside):
        return ""
    return config.removesuffix(inside)


def here(value: str, former: str, layout: Layout) -> str:
    """A path below the former root as it is today; any other value as it is."""
    if former and value.startswith(f"{former}/"):
        return str(layout.root) + value.removeprefix(former)
    return value


def directives_here(conf: Directives, layout: Layout, node: str) -> Directives:
    """A node's directives with their paths as they are today."""
    folder = conf.get("dir", ("",))[-1]
    former = moved_from(layout, node, f"{folder}/{layout.node(node).config.name}")
    if not former:
        return conf
    return {
        name: tuple(here(value, former, layout) for value in values)
        for name, values in conf.items()
    }
