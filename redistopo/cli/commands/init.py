from pathlib import Path

import click

from redistopo.cli import complete, options
from redistopo.cli.connect_options import PEM, TargetOptions
from redistopo.cli.run_verb import run_and_show
from redistopo.cli.topology_options import choices, given_keys, topology_options


class _Init(click.Command):
    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        return [*super().collect_usage_pieces(ctx)[:-1], "|".join(choices("shape").choices)]


@click.command("init", cls=_Init)
@click.argument("shape", required=False, shell_complete=complete.shapes)
@options.new_project
@topology_options()
@click.option("--hosts", metavar="LIST", help="Hosts to use: h1=10.0.0.1,h2=10.0.0.2,...")
@click.option("--inventory", metavar="FILE", help="Ansible inventory with the hosts.")
@click.option("--group", metavar="NAME", help="Group of the inventory.  [redis]")
@click.option("--allow-colocated", is_flag=True, help="A shard's nodes may share a host.")
@click.option(
    "--from",
    "address",
    metavar="HOST:PORT",
    help="Adopt servers that run already.",
)
@click.option("--user", default="", hidden=True, help="User to log in as, with --from.")
@click.option("--cacert", type=PEM, hidden=True, help="Connect with TLS, and trust this CA.")
@click.option("--cert", type=PEM, hidden=True, help="PEM file with a certificate and its key.")
@click.option("--follow", is_flag=True, hidden=True, help="With --from, also other hosts.")
@click.option("--force", is_flag=True, help="Replace a different topology file.")
@options.output
def command(
    shape: str | None,
    root: Path,
    settings: tuple[str, ...],
    hosts: str | None,
    inventory: str | None,
    group: str | None,
    allow_colocated: bool,
    address: str | None,
    user: str,
    cacert: Path | None,
    cert: Path | None,
    follow: bool,
    force: bool,
    **keys: object,
) -> None:
    """Write redistopo.toml for a topology.

    cluster: slots over several primaries. replication: a primary with replicas.
    sentinel: the same with automatic failover. standalone: one server.
    """
    given = given_keys(keys)
    if address is not None:
        target = TargetOptions(connect=address, user=user, cacert=cacert, cert=cert, follow=follow)
        others = [
            shape,
            settings,
            hosts,
            inventory,
            group,
            allow_colocated,
            *(given.keys() - {"name"}),
        ]
        _adopt(root, target, str(given.get("name", "")), force=force, others=any(others))
        return
    if user or cacert or cert or follow:
        raise click.UsageError("--user, --cacert, --cert and --follow are options of --from")
    if shape is None:
        raise click.MissingParameter(param_hint="'SHAPE'", param_type="argument")
    from redistopo.cli.views.init import show_init
    from redistopo.ops.init import HostsAsked, InitRequest, init

    request = InitRequest(
        root=root,
        shape=shape,
        keys=given,
        settings=settings,
        force=force,
        hosts=HostsAsked(
            machines=hosts, inventory=inventory, group=group, allow_colocated=allow_colocated
        ),
    )
    run_and_show(lambda progress: init(request, progress), lambda one: show_init(one, root))


def _adopt(root: Path, target: TargetOptions, name: str, *, force: bool, others: bool) -> None:
    from redistopo.cli.views.init import show_adopted
    from redistopo.errors import UsageError
    from redistopo.ops.adopt import AdoptRequest, AdoptResult, adopt
    from redistopo.progress import Progress

    def work(progress: Progress) -> AdoptResult:
        if others:
            raise UsageError(
                "--from reads the topology from its servers",
                detail="besides --name, it has no other options of a topology, and no shape",
                hint=f"redistopo init --from {target.connect}",
            )
        request = AdoptRequest(
            root=root, address=target.connect, access=target.login(), name=name, force=force
        )
        return adopt(request, progress)

    run_and_show(work, lambda result: show_adopted(result, root))
