"""What a shell offers for TAB: node names, roles and shards of the folder's topology, directives,
topics and shapes. No server is called, and no error is shown."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import click


def nodes(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Selectors of the nodes in the folder's topology."""
    return [word for word in _selectors(ctx) if word.startswith(incomplete)]


def _selectors(ctx: click.Context) -> Iterator[str]:
    from redistopo.errors import RedistopoError
    from redistopo.model.topology.spec import Shape
    from redistopo.project.find_project import project_above
    from redistopo.project.load import load_project
    from redistopo.project.numbered_nodes import numbered_nodes

    root = ctx.params.get("root") or ctx.meta.get("redistopo.folder")
    with suppress(RedistopoError, OSError):
        project = load_project(root or project_above() or Path())
        topology, named = project.topology, numbered_nodes(project.topology, project.layout)
        yield from (node.name for node in (*named.data, *named.sentinels))
        yield from ("primary", "replica")
        if topology.shape is Shape.SENTINEL:
            yield "sentinel"
        if topology.clustered:
            yield from (f"shard:{number}" for number in range(1, topology.shards + 1))


def directives(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Directives of Redis and Valkey that can be set; directives.txt lists them."""
    names = Path(__file__).with_name("directives.txt").read_text(encoding="utf-8").split()
    return [name for name in names if name.startswith(incomplete)]


def topics(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Topics of `explain`."""
    from redistopo.render.topics import list_topics

    return [topic.name for topic in list_topics() if topic.name.startswith(incomplete)]


def shapes(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Shapes of `init`; aliases are accepted but not offered."""
    from redistopo.model.topology.spec import Shape

    return [shape for shape in Shape if shape.startswith(incomplete)]


def verbs(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Verbs, for `help`."""
    from redistopo.cli.verbs import VERBS

    return [name for name in VERBS if name.startswith(incomplete)]


def environment_formats(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Formats of `env`."""
    from redistopo.render.environment import FORMATS

    return [name for name in FORMATS if name.startswith(incomplete)]


def clients(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Clients of `connect`."""
    from redistopo.render.connect import CLIENTS

    return [name for name in (*CLIENTS, "shell", "url") if name.startswith(incomplete)]
