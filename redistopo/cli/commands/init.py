from pathlib import Path

import click

from redistopo.cli import complete, options
from redistopo.cli.run_verb import run_and_show
from redistopo.cli.topology_options import choices, given_keys, topology_options


class _Init(click.Command):
    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        return [*super().collect_usage_pieces(ctx)[:-1], "|".join(choices("shape").choices)]


@click.command("init", cls=_Init)
@click.argument("shape", shell_complete=complete.shapes)
@options.new_project
@topology_options()
@click.option("--hosts", metavar="LIST", help="Hosts to use: h1=10.0.0.1,h2=10.0.0.2,...")
@click.option("--inventory", metavar="FILE", help="Ansible inventory with the hosts.")
@click.option("--group", metavar="NAME", help="Group of the inventory.  [redis]")
@click.option("--allow-colocated", is_flag=True, help="A shard's nodes may share a host.")
@click.option("--force", is_flag=True, help="Replace a different topology file.")
@options.output
def command(
    shape: str,
    root: Path,
    settings: tuple[str, ...],
    hosts: str | None,
    inventory: str | None,
    group: str | None,
    allow_colocated: bool,
    force: bool,
    **keys: object,
) -> None:
    """Write redistopo.toml for a topology.

    cluster: slots over several primaries. replication: a primary and its replicas.
    sentinel: the same, with Sentinels for automatic failover. standalone: one server.
    """
    from redistopo.cli.views.init import show_init
    from redistopo.ops.init import HostsAsked, InitRequest, init

    request = InitRequest(
        root=root,
        shape=shape,
        keys=given_keys(keys),
        settings=settings,
        force=force,
        hosts=HostsAsked(
            machines=hosts, inventory=inventory, group=group, allow_colocated=allow_colocated
        ),
    )
    run_and_show(lambda progress: init(request, progress), lambda one: show_init(one, root))
