"""``redistopo demo``"""

from pathlib import Path

import click

from redistopo.cli import options
from redistopo.cli.elsewhere import access, elsewhere
from redistopo.cli.output import Manner, stream


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
@elsewhere
def demo(
    root: Path,
    port: int,
    host: str,
    open_: bool,
    ttl: float,
    delay: float,
    database: Path | None,
    connect: str,
    user: str,
    cacert: Path | None,
    cert: Path | None,
) -> None:
    """Serve a web application that uses the topology as a cache, and shows what happens.

    Its page asks for items, makes load, and breaks and mends nodes; GET /data/ID answers with
    JSON. Needs pip install 'redistopo[demo]'.
    """
    from redistopo.cli.progress import plain_lines
    from redistopo.demo.serving import DemoRequest
    from redistopo.demo.serving import demo as verb
    from redistopo.demo.stage import StageRequest

    def work() -> None:
        request = DemoRequest(
            stage=StageRequest(
                root=root, connect=connect, access=access(connect, user, cacert, cert)
            ),
            host=host, port=port, ttl=ttl, delay=delay, database=database,
        )  # fmt: skip
        verb(request, plain_lines, ready)

    def ready(url: str) -> None:
        click.echo(f"Serving on {url} (Ctrl-C ends)")
        if open_:
            import webbrowser

            webbrowser.open(url)

    stream(Manner(verb="demo"), work)
