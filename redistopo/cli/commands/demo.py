"""``redistopo demo``"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from redistopo.cli import options
from redistopo.cli.output import OutputOptions, run_and_show, run_and_stream
from redistopo.cli.target_options import access, target_options

if TYPE_CHECKING:
    from redistopo.demo.cache_check import CheckRequest
    from redistopo.demo.serve_demo import DemoRequest


@click.command()
@options.project
@click.option(
    "--port", type=click.IntRange(0, 65535), default=5000, show_default=True, help="Where to serve."
)
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="Another address lets others in."
)
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
    help="No page: measure miss, hit and expiry, then stop a primary and see who takes over.",
)
@target_options
@options.output
def demo(
    root: Path,
    port: int,
    host: str,
    open_: bool,
    ttl: float,
    delay: float,
    database: Path | None,
    check: bool,
    connect: str,
    user: str,
    cacert: Path | None,
    cert: Path | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Serve a web application that uses the topology as a cache, and shows what happens.

    Its page asks for items, makes load, and breaks and mends nodes; GET /data/ID answers with
    JSON. Needs pip install 'redistopo[demo]'. With --check it needs nothing more, ends with
    exit code 3 where the cache isn't as promised, and starts again what it stopped.
    --connect also takes redis://USER:PASSWORD@HOST:PORT, and rediss:// with --cacert.
    """
    from redistopo.demo.backend import BackendRequest
    from redistopo.errors import UsageError

    def where() -> BackendRequest:
        return BackendRequest(
            root=root, connect=connect, access=access(connect, user, cacert, cert)
        )

    manner = OutputOptions(verb="demo", as_json=as_json, quiet=quiet)
    if check:

        def checked() -> "CheckRequest":
            from redistopo.demo.cache_check import CheckRequest

            if database or open_:
                what = "--database" if database else "--open"
                hint = "leave it out: the check has a small database of its own, and no page"
                raise UsageError(f"{what} isn't for --check", hint=hint)
            return CheckRequest(backend=where(), ttl=ttl, db_delay=delay)

        _check(manner, checked)
        return

    def served() -> "DemoRequest":
        from redistopo.demo.serve_demo import DemoRequest

        if as_json or quiet:
            raise UsageError("--json and --quiet are for --check", hint="redistopo demo --check")
        return DemoRequest(
            backend=where(), host=host, port=port, ttl=ttl, delay=delay, database=database
        )

    _serve(manner, served, open_=open_)


def _check(manner: OutputOptions, asked: Callable[[], "CheckRequest"]) -> None:
    from redistopo.cli.views.demo_check import show_check
    from redistopo.demo.cache_check import check as verb

    run_and_show(manner, lambda progress: verb(asked(), progress), show_check)


def _serve(manner: OutputOptions, asked: Callable[[], "DemoRequest"], *, open_: bool) -> None:
    from redistopo.cli.progress import plain_lines
    from redistopo.demo.serve_demo import demo as verb

    def ready(url: str) -> None:
        click.echo(f"Serving on {url} (Ctrl-C ends)")
        if open_:
            import threading

            # a browser of the terminal would hold up the server that it asks
            threading.Thread(target=_open, args=(url,), daemon=True).start()

    run_and_stream(manner, lambda: verb(asked(), plain_lines, ready))


def _open(url: str) -> None:
    import webbrowser

    if not webbrowser.open(url):
        click.echo("warning: no browser was found here: open that address in yours", err=True)
