"""``redistopo demo``"""

from pathlib import Path

import click

from redistopo.cli import options
from redistopo.cli.elsewhere import elsewhere
from redistopo.cli.output import Manner, deliver


@click.command()
@options.project
@click.option("--check", is_flag=True, help="Measure the pattern without a browser, and end.")
@options.duration("--ttl", "ttl", "How long an item is cached at most.", default="60s")
@options.duration("--db-delay", "db_delay", "What a read of the database takes.", default="2s")
@elsewhere
@options.output
def demo(
    root: Path,
    check: bool,
    ttl: float,
    db_delay: float,
    connect: str,
    user: str,
    cacert: Path | None,
    cert: Path | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Serve a small application with a cache, and see what happens when a primary dies."""
    from redistopo.cli.elsewhere import access
    from redistopo.cli.views.demo_check import show_check
    from redistopo.demo.measure import CheckRequest, CheckResult
    from redistopo.demo.measure import check as verb
    from redistopo.demo.stage import StageRequest
    from redistopo.errors import WrongRequest
    from redistopo.events import Tell

    def work(tell: Tell) -> CheckResult:
        if not check:
            raise WrongRequest("only --check is there yet", hint="redistopo demo --check")
        asked = StageRequest(root=root, connect=connect, access=access(connect, user, cacert, cert))
        return verb(CheckRequest(stage=asked, ttl=ttl, db_delay=db_delay), tell)

    deliver(Manner(verb="demo", as_json=as_json, quiet=quiet), work, show_check)
