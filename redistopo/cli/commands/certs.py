"""``redistopo certs``"""

from pathlib import Path

import click

from redistopo.cli import options
from redistopo.cli.output import OutputOptions, run_and_show


@click.group()
def certs() -> None:
    """Renew the certificates of a topology with TLS."""


@certs.command()
@options.project
@click.option(
    "--days",
    type=click.IntRange(1, 825),
    default=365,
    show_default=True,
    help="How long the new ones are valid.",
)
@click.option("--new-ca", is_flag=True, help="Also a new CA, where the old one is lost.")
@options.output
def renew(root: Path, days: int, new_ca: bool, as_json: bool, quiet: bool) -> None:
    """Sign new certificates; running servers load them.

    No downtime: connections stay, new ones get the new certificate.
    """
    from redistopo.ops.certs import CertsResult
    from redistopo.ops.certs import renew as verb

    def show(result: CertsResult) -> None:
        click.echo(f"New certificates in {result.folder}")
        if result.new_ca:
            click.echo(f"They are of a new CA: applications need {result.new_ca} again")
        if result.renewed:
            click.echo(f"{len(result.renewed)} servers present them, valid until {result.expires}")

    manner = OutputOptions(verb="certs renew", as_json=as_json, quiet=quiet)
    run_and_show(manner, lambda t: verb(root, days, t, new_ca=new_ca), show)
