from pathlib import Path

import click

from redistopo.cli import complete, options
from redistopo.cli.run_verb import output, run_and_show


@click.command("env")
@options.project
@click.option(
    "--format",
    "form",
    default="",
    metavar="FORMAT",
    shell_complete=complete.environment_formats,
    help="shell (default), fish, dotenv, json, github or redisinsight.",
)
@click.option("--prefix", default="", metavar="P", help="Begin the name of each variable with P.")
@options.output
def command(root: Path, form: str, prefix: str) -> None:
    """Print the environment variables of an application, with the password.

    REDIS_URL, REDIS_HOST, REDIS_PORT, REDIS_PASSWORD and more; shell, fish: redistopo env as input
    of eval or source. dotenv: for a .env file, as python-dotenv reads it. github: appends to the
    file GITHUB_ENV, and masks the password. redisinsight: a file that Redis Insight imports.
    """
    from redistopo.ops.env import EnvRequest, EnvResult, env

    if form and output().format:
        raise click.UsageError("--json prints all variables, without --format")
    request = EnvRequest(
        root=root, form=form or ("" if output().format else "shell"), prefix=prefix
    )

    def show(result: EnvResult) -> None:
        for line in result.lines:
            click.echo(line)

    run_and_show(lambda progress: env(request, progress), show, value=True)
