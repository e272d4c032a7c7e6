"""A topology as it was started: its nodes and password, from what lies in its state folder.

None of this needs a valid topology file: whatever happened to that, `down` must work.
"""

from redistopo.errors import RedistopoError
from redistopo.model.conf_text import read_conf
from redistopo.model.layout import Layout
from redistopo.model.moved import directives_here
from redistopo.model.topology import Directives
from redistopo.world.files import read_text
from redistopo.world.observe import Target
from redistopo.world.record import load_record, recorded_nodes


def configs(layout: Layout) -> dict[str, Directives]:
    """Node -> its rendered configuration, for each node of the topology that has one.

    A folder that an earlier, larger attempt left behind is no node of it.
    """
    record = load_record(layout)
    planned = {node.name for node in record.nodes} if record else None
    found = {}
    for name in recorded_nodes(layout):
        if planned is not None and name not in planned:
            continue
        text = read_text(layout.node(name).config)
        if text is not None:
            found[name] = directives_here(read_conf(text), layout, name)
    return found


def running_targets(layout: Layout, rendered: dict[str, Directives]) -> tuple[Target, ...]:
    """The nodes as targets to look at, by the addresses in their own configuration."""
    return tuple(
        Target(name=name, host=conf["bind"][-1], port=int(conf["port"][-1]), layout=layout)
        for name, conf in rendered.items()
        if conf.get("bind") and conf.get("port", ("",))[-1].isdigit()
    )


def running_password(rendered: dict[str, Directives]) -> str:
    """The password that the nodes were started with; "" for none.

    From their own configuration: REDISTOPO_PASSWORD may be unset in this shell.
    """
    return next(
        (conf["requirepass"][-1] for conf in rendered.values() if "requirepass" in conf), ""
    )


def saves(conf: Directives) -> bool:
    """Whether a node keeps anything on disk."""
    return conf.get("appendonly", ("no",))[-1] == "yes" or any(conf.get("save", ()))


def nothing_started(layout: Layout) -> RedistopoError:
    """The error of a verb that needs servers where none was ever started."""
    return RedistopoError(
        f"nothing was started in {layout.root} yet",
        hint="start it: redistopo up",
    )
