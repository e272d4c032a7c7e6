from pathlib import Path

import click

from redistopo.cli import options
from redistopo.cli.run_verb import run_and_show


@click.command("snapshot")
@click.argument("name", default="", metavar="[NAME]")
@options.project
@click.option("--pause", is_flag=True, help="Pause writes, so that all shards have one moment.")
@click.option(
    "--keep",
    type=click.IntRange(1),
    default=None,
    metavar="N",
    help="Afterwards remove older snapshots that have no NAME, but N.",
)
@click.option(
    "--verify/--no-verify",
    default=None,
    help="Load the files and record a digest of the data.  [if at most 64 MB, 100,000 keys]",
)
@click.option("--with-secrets", is_flag=True, help="Also save the generated passwords.")
@click.option("--archive", is_flag=True, help="Save one file: snapshots/NAME.tar.gz.")
@click.option("--zstd", is_flag=True, help="Save snapshots/NAME.tar.zst, by the program zstd.")
@click.option(
    "--timer",
    type=click.Choice(["cron", "systemd"]),
    help="Print what runs this command daily; do nothing.",
)
@options.timeout("10m", "Time limit.")
@options.output
def command(
    name: str,
    root: Path,
    pause: bool,
    keep: int | None,
    verify: bool | None,
    with_secrets: bool,
    archive: bool,
    zstd: bool,
    timer: str | None,
    timeout: float,
) -> None:
    """Save the data of all shards in snapshots/NAME.

    A replica of each shard that is online saves it (BGSAVE), otherwise the primary. Each shard is
    saved at a moment of its own; with --pause, writes wait until all saves have begun. NAME is a
    time by default. Passwords are not saved.
    """
    from redistopo.cli.views.snapshot import show_snapshot, show_timer
    from redistopo.ops.snapshot import SnapshotRequest, snapshot, timer_line

    if timer:
        given = {"--pause": pause, "--archive": archive and not zstd, "--zstd": zstd}
        words = ("--keep", str(keep or 7), *(flag for flag, on in given.items() if on))
        run_and_show(lambda _progress: timer_line(root, timer, *words), show_timer, value=True)
        return
    request = SnapshotRequest(
        root=root,
        name=name,
        pause=pause,
        keep=keep or 0,
        verify=verify,
        secrets=with_secrets,
        archive=".tar.zst" if zstd else ".tar.gz" if archive else "",
        seconds=timeout,
    )
    run_and_show(lambda progress: snapshot(request, progress), show_snapshot)
