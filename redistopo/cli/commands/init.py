from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from redistopo.cli import complete, options
from redistopo.cli.run_verb import run_and_show
from redistopo.model.topology.spec import TOPOLOGY_KEYS, Shape, shape_defaults


class _KeyOption(click.Option):
    """An option for a key of the topology file, whose choices and defaults are the file's."""

    def __init__(self, *args: Any, note: str = "", **settings: Any) -> None:
        super().__init__(*args, **settings)
        self._note = note

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        record = super().get_help_record(ctx)
        if record is None or not self.name:
            return record
        return record[0], f"{record[1]}  [{self._note or _default_text(self.name)}]"


def _default_text(key: str) -> str:
    """``cluster: 7000, else 6379``; a default of all shapes alone."""
    usual = {shape.value: str(shape_defaults(shape)[key]) for shape in Shape}
    common = max(usual.values(), key=list(usual.values()).count)
    own = [f"{shape}: {value}" for shape, value in usual.items() if value != common]
    return ", ".join([*own, f"else {common}"]) if own else common


def _choices(key: str) -> click.Choice[str]:
    return click.Choice(next(one.choices for one in TOPOLOGY_KEYS if one.name == key))


def _key(flag: str, help: str, type: Any = int, note: str = "") -> Callable[..., Any]:
    return click.option(flag, cls=_KeyOption, type=type, help=help, note=note)


class _Init(click.Command):
    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        return [*super().collect_usage_pieces(ctx)[:-1], "|".join(_choices("shape").choices)]


@click.command("init", cls=_Init)
@click.argument("shape", shell_complete=complete.shapes)
@options.new_project
@_key("--shards", "Number of primaries.")
@_key("--replicas", "Replicas of each primary.")
@_key("--sentinels", "Number of Sentinels.")
@_key("--quorum", "Sentinels that must agree it is down.", note="majority")
@_key("--port", "Port of the first data node.")
@_key("--sentinel-port", "Port of the first Sentinel.", note="port + 20000")
@_key("--host", "Address that every node binds.", str)
@_key("--name", "Name of the topology.", str, note="name of the folder")
@_key("--engine", 'Version such as "valkey 9", or path.', str)
@_key("--formation", "How the cluster is created.", _choices("formation"))
@_key("--node-timeout", "Timeout of a cluster node, in ms.")
@_key("--down-after", "Timeout of a node for Sentinels, in ms.")
@_key("--persistence", "How data is kept on disk.", _choices("persistence"))
@click.option("--tls", is_flag=True, help="TLS only, with a private CA.")
@click.option("--acl", is_flag=True, help="ACL users with least privilege.")
@click.option("--no-auth", is_flag=True, help="No password; loopback addresses only.")
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="DIRECTIVE=VALUE",
    help="Any redis.conf directive.",
    shell_complete=complete.directives,
)
@click.option("--force", is_flag=True, help="Replace a different topology file.")
@options.output
def command(
    shape: str,
    root: Path,
    settings: tuple[str, ...],
    tls: bool,
    acl: bool,
    no_auth: bool,
    force: bool,
    **keys: object,
) -> None:
    """Write redistopo.toml for a topology.

    cluster: slots over several primaries. replication: a primary and its replicas.
    sentinel: the same, with Sentinels for automatic failover. standalone: one server.
    """
    from redistopo.cli.views.init import show_init
    from redistopo.ops.init import InitRequest, init

    given = {name: value for name, value in keys.items() if value is not None}
    given |= {name: True for name, asked in (("tls", tls), ("acl", acl)) if asked}
    if no_auth:
        given["auth"] = False
    request = InitRequest(root=root, shape=shape, keys=given, settings=settings, force=force)
    run_and_show(lambda progress: init(request, progress), lambda one: show_init(one, root))
