"""The effects of a verb that takes service away: shown by `--dry-run`, and before a question."""

import sys
from collections.abc import Callable

import click

from redistopo.cli.printable import cleaned
from redistopo.cli.run_verb import Result, output, run_and_show
from redistopo.errors import RedistopoError
from redistopo.model.planning.step import join_names
from redistopo.progress import Progress
from redistopo.session.preview_result import Preview

_DOING = {
    "down": "stop",
    "kill": "send the signal to",
    "set": "change the setting of",
    "failover": "promote",
    "certs renew": "renew the certificates of",
    "secret rotate": "change the passwords of",
    "drill failover": "run the drill on",
    "drill grow": "add, and remove again,",
    "drill host": "run the drill on",
    "drill all": "run the drills on",
    "up": "continue with",
    "rebalance": "promote",
}


def dry_run(look: Callable[[], Preview]) -> None:
    """Print what the verb would do; nothing is changed."""
    run_and_show(lambda _progress: look(), show_preview)


def run_previewed(
    look: Callable[[], Preview],
    work: Callable[[Progress], Result],
    show: Callable[[Result], None],
    *,
    dry: bool,
    yes: bool,
) -> None:
    """Run a verb that may take something away: with `dry` only its effects are printed, otherwise
    a terminal is asked first."""
    if dry:
        dry_run(look)
        return

    def confirmed(progress: Progress) -> Result:
        confirm(look, yes=yes)
        return work(progress)

    run_and_show(confirmed, show)


def confirm(look: Callable[[], Preview], *, yes: bool) -> None:
    """Ask on a terminal before service or data is lost; without one, or with `yes`, go on.

    Raises RedistopoError if the user does not agree.
    """
    if yes or not output().interactive:
        return
    found = cleaned(look())
    if not found.losses:
        return
    for one in found.losses:
        click.echo(f"  {one}", err=True)
    sys.stderr.flush()
    what = join_names(found.nodes)
    doing = "kill" if found.verb == "kill" else _doing(found.verb)
    question = f"{doing.capitalize()} {what}?"
    if not click.confirm(question, err=True):
        raise RedistopoError("nothing was changed")


def show_preview(found: Preview) -> None:
    """Print the nodes, the turns and the losses."""
    if not found.nodes and not found.losses:
        click.echo("Nothing to do.")
        return
    if found.nodes:
        click.echo(f"Would {_doing(found.verb)} {join_names(found.nodes)}")
    for number, turn in enumerate(found.turns, 1):
        click.echo(f"  {number}. {turn}")
    for one in found.losses:
        click.echo(f"  {one}")
    if not found.losses:
        click.echo("  the service loses nothing")
    click.echo("Nothing was changed.")


def _doing(verb: str) -> str:
    return _DOING.get(verb, verb)
