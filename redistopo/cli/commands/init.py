"""``redistopo init``"""

from pathlib import Path

import click

from redistopo.cli import options
from redistopo.cli.output import OutputOptions, run_and_show


def _shapes(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """What the shell offers; aliases are understood too."""
    shapes = ("cluster", "replication", "sentinel", "standalone")
    return [shape for shape in shapes if shape.startswith(incomplete)]


@click.command()
@click.argument("shape", metavar="cluster|replication|sentinel|standalone", shell_complete=_shapes)
@options.project
@click.option("--shards", type=int, help="Primaries sharing the slots.  [cluster: 3]")
@click.option("--replicas", type=int, help="Replicas of each primary.  [2, cluster: 1]")
@click.option("--sentinels", type=int, help="How many watch the primary.  [sentinel: 3]")
@click.option("--quorum", type=int, help="Of them, to find it down.  [majority]")
@click.option("--port", type=int, help="First data port.  [cluster: 7000, else 6379]")
@click.option("--sentinel-port", type=int, help="First Sentinel's port.  [port + 20000]")
@click.option("--host", help="Address that every node binds.  [127.0.0.1]")
@click.option("--name", help="What the topology is called.  [the folder's name]")
@click.option("--engine", help='Server to use: "auto", "7.2", "valkey 9" or a path.  [auto]')
@click.option(
    "--formation",
    type=click.Choice(["auto", "redis-cli", "instant"]),
    help="How a cluster is made.  [auto]",
)
@click.option("--node-timeout", type=int, help="Milliseconds until a node counts as failing.")
@click.option("--down-after", type=int, help="The same, for Sentinels.  [5000]")
@click.option(
    "--persistence",
    type=click.Choice(["aof", "rdb", "none"]),
    help="What survives a restart.  [aof]",
)
@click.option("--tls", is_flag=True, help="TLS alone, with a private CA of its own.")
@click.option("--acl", is_flag=True, help="Users with least privilege, each with a password.")
@click.option("--no-auth", is_flag=True, help="No password; loopback only.")
@click.option(
    "--set", "settings", multiple=True, metavar="DIRECTIVE=VALUE", help="Any redis.conf directive."
)
@click.option("--force", is_flag=True, help="Replace another topology file.")
@options.output
def init(
    shape: str,
    root: Path,
    settings: tuple[str, ...],
    tls: bool,
    acl: bool,
    no_auth: bool,
    force: bool,
    as_json: bool,
    quiet: bool,
    **keys: object,
) -> None:
    """Write redistopo.toml for a topology.

    cluster: slots over several primaries. replication: a primary and its replicas.
    sentinel: the same, with Sentinels that fail over. standalone: one server.
    """
    from redistopo.ops.init import InitRequest, InitResult
    from redistopo.ops.init import init as verb

    given = {name: value for name, value in keys.items() if value is not None}
    given |= {name: True for name, asked in (("tls", tls), ("acl", acl)) if asked}
    if no_auth:
        given["auth"] = False
    request = InitRequest(root=root, shape=shape, keys=given, settings=settings, force=force)

    def show(result: InitResult) -> None:
        said = "replaced" if result.replaced else "written"
        click.echo(f"{result.path} {said if result.written else 'says exactly that already'}")
        topology = result.topology
        nodes = "1 node" if topology.count == 1 else f"{topology.count} nodes"
        click.echo(f"{topology.name}: {topology.shape.value} of {nodes}, ports {result.ports}")
        here = "" if root == Path() else f" --dir {root}"
        click.echo(f"Start it: redistopo up{here}")

    run_and_show(
        OutputOptions(verb="init", as_json=as_json, quiet=quiet), lambda t: verb(request, t), show
    )
