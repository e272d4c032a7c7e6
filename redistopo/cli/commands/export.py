from pathlib import Path

import click

from redistopo.cli import options
from redistopo.cli.counts import counted
from redistopo.cli.run_verb import run_and_show
from redistopo.export.targets import TARGETS

_TARGETS = "\n".join(f"  {name:<13} {what}" for name, what in TARGETS.items())


@click.command("export", epilog=f"\b\nTargets:\n{_TARGETS}")
@click.argument("target", type=click.Choice(list(TARGETS)))
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@options.project
@options.engine
@click.option("--force", is_flag=True, help="Replace files that differ.")
@options.output
def command(target: str, folder: Path, root: Path, engine: str, force: bool) -> None:
    """Write files by which other programs run or watch the topology.

    FOLDER gets a README.md with the commands to use them. Files with passwords can be read by
    you only. Nothing is started.
    """
    from redistopo.ops.export import ExportRequest, ExportResult, export

    def show(result: ExportResult) -> None:
        click.echo(f"{counted(len(result.files), 'file')} for {target} in {result.folder}")
        if result.secret:
            number = counted(len(result.secret), "file")
            click.echo(f"{number} with passwords, readable by you only")
        click.echo(f"How to use them: {result.folder / 'README.md'}")

    request = ExportRequest(root=root, target=target, folder=folder, engine=engine, force=force)
    run_and_show(lambda _progress: export(request), show)
