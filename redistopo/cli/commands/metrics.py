from pathlib import Path

import click

from redistopo.cli import options
from redistopo.cli.connect_options import TargetOptions, master_option, target_options
from redistopo.cli.run_verb import run_and_stream


@click.command("metrics")
@options.project
@click.option(
    "--listen",
    default="",
    metavar="HOST:PORT",
    help="Serve them there over HTTP, as of each request; port 0 is any free one.",
)
@master_option
@target_options
def command(root: Path, listen: str, target: TargetOptions) -> None:
    """Print roles, slots, lag and checks as metrics for Prometheus.

    The checks are those of verify, without the data proof: no key is written. The address of
    --listen asks for no password, and the metrics contain none.
    """
    from redistopo.errors import UsageError
    from redistopo.model.protocol.endpoint import Endpoint
    from redistopo.ops.metrics import metrics, serve_metrics

    def ready(endpoint: Endpoint) -> None:
        click.echo(f"Serving on http://{endpoint}/metrics (Ctrl-C ends)", err=True)

    def work() -> None:
        request = target.request(root)
        if not listen:
            click.echo(metrics(request), nl=False)
            return
        try:
            endpoint = Endpoint.parse(listen)
        except ValueError as error:
            hint = "use HOST:PORT: 127.0.0.1:9122"
            raise UsageError(f"{listen!r} is not an address", hint=hint) from error
        serve_metrics(request, endpoint, ready)

    run_and_stream(work)
