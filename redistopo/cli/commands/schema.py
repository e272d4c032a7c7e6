"""``redistopo schema``"""

import json

import click


@click.command()
def schema() -> None:
    """Print the JSON schema of redistopo.toml, for editors."""
    from redistopo.model.topology.schema import schema as made

    click.echo(json.dumps(made(), indent=2))
