from pathlib import Path

import click

from redistopo.cli import options
from redistopo.cli.verb_group import SubGroup


@click.group("certs", cls=SubGroup)
def command() -> None:
    """Renew the TLS certificates of a topology."""


@command.command()
@options.project
@click.option(
    "--days",
    type=click.IntRange(1, 825),
    default=365,
    show_default=True,
    help="How long the new certificates are valid.",
)
@click.option("--new-ca", is_flag=True, help="Also create a new CA, for example if it was lost.")
@options.dry_run
@options.yes("Don't ask.")
@options.output
def renew(root: Path, days: int, new_ca: bool, dry_run: bool, yes: bool) -> None:
    """Sign new certificates and load them into running servers.

    There is no downtime: connections stay open, and new connections get the new certificate. With
    --new-ca, a terminal is asked first: clients that have only the old CA lose access.
    """
    from redistopo.cli.views import preview
    from redistopo.ops.certs import CertsResult, preview_renew
    from redistopo.ops.certs import renew as verb

    def show(result: CertsResult) -> None:
        click.echo(f"New certificates in {result.folder}")
        if result.new_ca:
            click.echo(f"They have a new CA: give applications the new {result.new_ca}")
        if result.renewed:
            click.echo(f"{len(result.renewed)} servers use them; valid until {result.expires}")

    preview.run_previewed(
        lambda: preview_renew(root, new_ca=new_ca),
        lambda progress: verb(root, days, progress, new_ca=new_ca),
        show,
        dry=dry_run,
        yes=yes,
    )
