import re
from pathlib import Path

import click

from redistopo.cli import options
from redistopo.cli.connect_options import TargetOptions, target_options
from redistopo.cli.run_verb import output, run_and_show, run_and_stream
from redistopo.errors import UsageError
from redistopo.progress import Progress


@click.command("demo")
@options.project
@click.option(
    "--port", type=click.IntRange(0, 65535), default=5000, show_default=True, help="Port to serve."
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--open", "open_", is_flag=True, help="Open the page in a browser.")
@options.duration("--ttl", "ttl", "How long a row stays in the cache.", default="60s")
@options.duration("--db-delay", "delay", "How long the database takes for a read.", default="2s")
@click.option(
    "--database",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The SQLite file.  [default: .redistopo/demo.sqlite]",
)
@click.option(
    "--check",
    is_flag=True,
    help="Serve no page: measure miss, hit and expiry, then a failover.",
)
@target_options
@options.output
def command(
    root: Path,
    port: int,
    host: str,
    open_: bool,
    ttl: float,
    delay: float,
    database: Path | None,
    check: bool,
    target: TargetOptions,
) -> None:
    """Serve a web application that uses the topology as a cache.

    Its page requests items, generates load, and stops and starts nodes; GET /data/ID replies with
    JSON. Needs pip install 'redistopo[demo]'. With --check nothing more is needed; the exit code
    is 3 if the cache doesn't work as promised, and stopped nodes are started again.
    --connect also accepts redis://USER:PASSWORD@HOST:PORT, and rediss:// with --cacert.
    """
    from redistopo.demo.backend import BackendRequest

    if re.search(r"://[^/]*:[^/]+@", target.connect):
        warning = "every user of this machine can read the password in the process list"
        click.echo(f"warning: {warning}: use REDISTOPO_PASSWORD and --user instead", err=True)

    def backend() -> BackendRequest:
        return BackendRequest(root=root, connect=target.connect, access=target.login())

    if check:
        from redistopo.cli.views.demo_check import show_check
        from redistopo.demo.cache_check import CheckRequest, CheckResult
        from redistopo.demo.cache_check import check as measure

        def work(progress: Progress) -> CheckResult:
            if database or open_:
                what = "--database" if database else "--open"
                hint = f"leave {what} out: the check uses a small database of its own, and no page"
                raise UsageError(f"{what} doesn't go with --check", hint=hint)
            return measure(CheckRequest(backend=backend(), ttl=ttl, db_delay=delay), progress)

        run_and_show(work, show_check)
        return
    from redistopo.cli.progress import plain_lines
    from redistopo.demo.serve_demo import DemoRequest, demo

    def serve() -> None:
        if output().format or output().quiet:
            raise UsageError("--json and --quiet need --check", hint="redistopo demo --check")
        request = DemoRequest(
            backend=backend(), host=host, port=port, ttl=ttl, delay=delay, database=database
        )
        demo(request, plain_lines, lambda url: _ready(url, open_=open_))

    run_and_stream(serve)


def _ready(url: str, *, open_: bool) -> None:
    click.echo(f"Serving on {url} (Ctrl-C ends)")
    if open_:
        import threading

        # a browser in the terminal would block the server that it requests the page from
        threading.Thread(target=_open, args=(url,), daemon=True).start()


def _open(url: str) -> None:
    import webbrowser

    if not webbrowser.open(url):
        click.echo("warning: no browser was found: open that address in yours", err=True)
