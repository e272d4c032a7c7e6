import json

import click


@click.command("schema")
def command() -> None:
    """Print the JSON schema of redistopo.toml, for editors."""
    from redistopo.model.topology.schema import schema as topology_schema

    click.echo(json.dumps(topology_schema(), indent=2))
