from pathlib import Path

import click

from redistopo.cli import complete, options
from redistopo.cli.run_verb import run_program
from redistopo.cli.topology_options import INIT_NOTES, given_keys, topology_options

_COMMAND = "redistopo.command"

_NOTES = {
    **INIT_NOTES,
    "port": "a free block",
    "name": "the shape; mymaster",
    "formation": "instant",
    "persistence": "none",
}
"""Defaults of a topology that exists for the command only."""


class _Run(click.Command):
    """A command whose words after -- are another program's, also if they look like options."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if "--" in args:
            cut = args.index("--")
            ctx.meta[_COMMAND] = tuple(args[cut + 1 :])
            args = args[:cut]
        return super().parse_args(ctx, args)

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        return [*super().collect_usage_pieces(ctx), "--", "COMMAND..."]


@click.command("run", cls=_Run)
@click.argument("shape", required=False, default="", shell_complete=complete.shapes)
@options.project
@topology_options(_NOTES)
@click.option("--env-prefix", default="", metavar="P", help="Begin each variable's name with P.")
@click.option("--keep", is_flag=True, help="Leave the servers of SHAPE running.")
@options.timeout("60s", "Time limit until every node is healthy.")
@options.quiet
def command(
    shape: str,
    root: Path,
    settings: tuple[str, ...],
    env_prefix: str,
    keep: bool,
    timeout: float,
    **keys: object,
) -> None:
    """Run a command with a topology and its variables.

    Its variables are those of redistopo env. With SHAPE, it exists for the command only; without,
    it is the folder's, left as it was found. The exit code is the command's, 128 plus a signal's
    number, 127 if it isn't found.
    """
    from redistopo.cli.views.run import show_run
    from redistopo.errors import UsageError
    from redistopo.ops.ephemeral import EphemeralRequest
    from redistopo.ops.run import RunRequest, RunResult, run
    from redistopo.progress import Progress

    given = given_keys(keys)

    def work(progress: Progress) -> RunResult:
        if not shape and (given or settings or keep):
            raise UsageError(
                "options of a topology need a SHAPE", hint="redistopo run cluster ... -- COMMAND"
            )
        made = EphemeralRequest(shape=shape, keys=given, settings=settings, seconds=timeout)
        request = RunRequest(
            command=click.get_current_context().meta.get(_COMMAND, ()),
            root=root,
            ephemeral=made if shape else None,
            prefix=env_prefix,
            keep=keep,
            seconds=timeout,
        )
        return run(request, progress)

    run_program(work, show_run)
