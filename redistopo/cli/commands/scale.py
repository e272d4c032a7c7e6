from pathlib import Path

import click

from redistopo.cli import options
from redistopo.cli.run_verb import run_and_show


@click.command("scale")
@click.option("--shards", type=click.IntRange(1, 1000), help="Primaries that share the slots.")
@click.option("--replicas", type=click.IntRange(0, 10), help="Replicas of each primary.")
@click.option("--sentinels", type=click.IntRange(1, 99), help="Sentinels; the quorum follows.")
@options.project
@click.option("--dry-run", is_flag=True, help="Print the steps and their causes; do nothing.")
@options.timeout("10m", "Time limit until every node is healthy.")
@options.output
def command(
    shards: int | None,
    replicas: int | None,
    sentinels: int | None,
    root: Path,
    dry_run: bool,
    timeout: float,
) -> None:
    """Add or remove shards, replicas or Sentinels.

    Changes the numbers in redistopo.toml, whose comments are kept, and then the running topology,
    while clients go on; no key is lost. Only in a healthy topology. Existing nodes keep their names
    and ports; a removed node's folder stays.
    """
    from redistopo.cli.views.up import show_up
    from redistopo.ops.scale import ScaleRequest, preview_scale, scale

    request = ScaleRequest(
        root=root, shards=shards, replicas=replicas, sentinels=sentinels, seconds=timeout
    )
    if dry_run:
        from redistopo.cli.views.change_cost import show_steps_and_cost

        run_and_show(
            lambda _progress: preview_scale(request),
            lambda result: show_steps_and_cost(result, "scale"),
        )
        return
    run_and_show(lambda progress: scale(request, progress), show_up)
