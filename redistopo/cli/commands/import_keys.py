from pathlib import Path

import click

from redistopo.cli import options
from redistopo.cli.run_verb import run_and_show

_PEM = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command("import")
@click.option(
    "--from",
    "source",
    required=True,
    metavar="SOURCE",
    help="HOST:PORT, a URL, an RDB file, or a folder appendonlydir.",
)
@options.project
@click.option("--replace", is_flag=True, help="Replace keys of the same names.")
@click.option("--until-quiet", is_flag=True, help="Go on until nothing was written for a second.")
@click.option("--switch", is_flag=True, help="In the end, pause the source's writes: see above.")
@click.option(
    "--hold",
    default="60s",
    show_default=True,
    callback=options.seconds,
    help="With --switch, how long its writes wait for clients to move.",
)
@click.option(
    "--verify/--no-verify",
    default=None,
    help="Compare a digest of both sides.  [of a file: if at most 64 MB]",
)
@click.option("--user", default="", help="User to log in as at the source.")
@click.option("--cacert", type=_PEM, help="Connect to the source with TLS, and trust this CA.")
@click.option("--cert", type=_PEM, help="PEM file with a client certificate and its key.")
@click.option("--follow", is_flag=True, help="Also read nodes of the source on other hosts.")
@options.timeout("1h", "Time limit.")
@options.output
def command(
    source: str,
    root: Path,
    replace: bool,
    until_quiet: bool,
    switch: bool,
    hold: float,
    verify: bool | None,
    user: str,
    cacert: Path | None,
    cert: Path | None,
    follow: bool,
    timeout: float,
) -> None:
    """Copy the keys of another server, or of a file, into this topology.

    A standalone server, Sentinels, a cluster: any node's address will do. The source is only read;
    its password is REDISTOPO_PASSWORD, or in the URL. A second pass copies what changed in the
    meantime; the exit code is 3 if the source changed until the end.

    To switch without loss: with --until-quiet, what is written is copied until you have stopped the
    writers. With --switch, redistopo makes them wait (CLIENT PAUSE) once all but the last keys are
    copied; let clients use the topology before that ends.
    """
    from redistopo.cli.connect_options import TargetOptions
    from redistopo.cli.views.import_keys import show_import
    from redistopo.importing.import_source import ImportFrom
    from redistopo.ops.import_keys import ImportRequest, import_keys

    login = TargetOptions(connect=source, user=user, cacert=cacert, cert=cert, follow=follow)

    def request() -> ImportRequest:
        return ImportRequest(
            root=root,
            source=ImportFrom(text=source, access=login.login()),
            replace=replace,
            until_quiet=until_quiet,
            switch=switch,
            hold=hold,
            verify=verify,
            seconds=timeout,
        )

    run_and_show(lambda progress: import_keys(request(), progress), show_import)
