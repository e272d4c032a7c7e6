import json
import sys
from pathlib import Path

import click

from redistopo.cli.formats import FORMATS, TEXT
from redistopo.cli.run_verb import run_and_stream
from redistopo.cli.usage_hints import ExactForm


@click.command("schema")
@click.option(
    "--output",
    "-o",
    "out",
    type=click.Path(dir_okay=False, allow_dash=True, path_type=Path),
    metavar="FILE",
    help="Write the schema of what --json prints to FILE; - is stdout.",
)
def command(out: Path | None) -> None:
    """Print the JSON schema of redistopo.toml, for editors.

    With --output FILE, the schema of what commands print with --json instead: documents and lines,
    described in docs/json.md.
    """
    if out is None:
        from redistopo.model.topology.schema import schema as topology_schema

        click.echo(json.dumps(topology_schema(), indent=2))
        return
    if str(out) in (TEXT, *FORMATS):  # a format, as --output of other commands
        raise ExactForm(
            f"--output {out} names a format; the schema of --json's output needs a file",
            "redistopo schema --output FILE; to print it: redistopo schema --output -",
        )
    run_and_stream(lambda: _write_output_schema(out))


def _write_output_schema(out: Path) -> None:
    from redistopo.cli.output_schema import output_schema
    from redistopo.host.files import write_named

    text = json.dumps(output_schema(), indent=2) + "\n"
    if str(out) == "-":
        sys.stdout.write(text)
        return
    write_named(out, text)
