"""Options and arguments that commands share, each declared once.

Those that concern every command (folder, output) store their value in the click context; a
command's function receives what is its own.
"""

import re
from collections.abc import Callable
from pathlib import Path
from shlex import quote
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from redistopo.cli import complete
from redistopo.cli.formats import FORMATS, TEXT

Command = TypeVar("Command", bound=Callable[..., Any])

FORMAT, QUIET, FOUND = "redistopo.format", "redistopo.quiet", "redistopo.found"
NAMED = "redistopo.named"
"""Keys of the click context's meta: --output, --quiet, a project folder found by search, and one
that an option named."""

_FOLDER = "redistopo.folder"
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "": 1.0}
_FOLDER_HELP = "Folder with redistopo.toml.  [this one or above]"


class _Folder(click.Path):
    """A folder; of a file, as the topology file, its folder is named in the error."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if (path := Path(value)).is_file():
            from redistopo.cli.usage_hints import ExactForm

            folder = quote(str(path.parent))
            raise ExactForm(f"{value} is a file, and no folder", f"name its folder: -C {folder}")
        return super().convert(value, param, ctx)


_PATH = _Folder(file_okay=False, path_type=Path)


def seconds(_ctx: click.Context, _param: click.Parameter, value: str | None) -> float | None:
    """Parse ``10``, ``10s``, ``500ms``, ``2m``, ``3h`` or ``1d`` to seconds; None stays None."""
    if value is None:
        return None
    found = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|m|h|d|)", value.strip())
    if found is None:
        raise click.BadParameter(f"{value!r} is not a duration; examples: 10s, 500ms, 2m")
    return float(found[1]) * _UNITS[found[2]]


def folder(command: Command) -> Command:
    """``--dir`` before the verb; the verb's own takes precedence."""

    def store(ctx: click.Context, param: click.Parameter, value: Path | None) -> None:
        if value is not None:
            ctx.meta[_FOLDER] = value
            if ctx.get_parameter_source(param.name or "") is ParameterSource.COMMANDLINE:
                ctx.meta[NAMED] = value

    return _dir(callback=store, expose_value=False, envvar="REDISTOPO_DIR")(command)


def project(command: Command) -> Command:
    """``--dir``: the folder with the topology file, else the nearest folder above the current one
    that has it, as git finds a repository."""
    return _dir(callback=_nearest_project)(command)


def project_elsewhere(command: Command) -> Command:
    """``-C`` alone, for a verb whose ``--dir`` is another folder."""
    return click.option("-C", "root", type=_PATH, help=_FOLDER_HELP, callback=_nearest_project)(
        command
    )


def new_project(command: Command) -> Command:
    """``--dir`` of a verb that writes the topology file: folders above aren't searched."""
    return _dir(
        callback=lambda ctx, _param, value: value or ctx.meta.get(_FOLDER, Path()),
        help="Folder for redistopo.toml.  [this one]",
    )(command)


def _dir(help: str = _FOLDER_HELP, **settings: Any) -> Callable[[Command], Command]:
    return click.option("--dir", "-C", "root", type=_PATH, help=help, **settings)


def _nearest_project(
    ctx: click.Context, _param: click.Parameter, value: Path | None
) -> Path | None:
    if value is not None:
        ctx.meta[NAMED] = value
    named: Path | None = value or ctx.meta.get(_FOLDER)
    if named is not None or ctx.resilient_parsing:
        return named
    from redistopo.project.find_project import project_above

    if found := project_above():
        ctx.meta[FOUND] = found
    return found or Path()


def _store(key: str) -> Callable[[click.Context, click.Parameter, Any], None]:
    def store(ctx: click.Context, param: click.Parameter, value: Any) -> None:
        if value:
            ctx.meta[key] = param.name if value is True and key == FORMAT else value

    return store


def formats(command: Command) -> Command:
    """``--output``, with a short form for each format: ``--json``."""
    for name in FORMATS:
        command = click.option(
            f"--{name}",
            name,
            is_flag=True,
            expose_value=False,
            callback=_store(FORMAT),
            help=f"Short for --output {name}.",
        )(command)
    return click.option(
        "--output",
        "-o",
        type=click.Choice([TEXT, *FORMATS]),
        expose_value=False,
        callback=_store(FORMAT),
        help="Format of results; progress is on stderr.",
    )(command)


def quiet(command: Command) -> Command:
    """``--quiet``."""
    return click.option(
        "--quiet",
        "-q",
        is_flag=True,
        expose_value=False,
        callback=_store(QUIET),
        help="Print only errors and requested values; the exit code is the result.",
    )(command)


def output(command: Command) -> Command:
    """``--output`` and ``--quiet``: how results and progress are printed."""
    return formats(quiet(command))


def selectors(metavar: str) -> Callable[[Command], Command]:
    """An argument with selectors, applied to the roles and shards as they are now."""
    return click.argument("nodes", nargs=-1, metavar=metavar, shell_complete=complete.nodes)


nodes = selectors("[NODE]...")

named_nodes = selectors("NODE...")
"""For verbs that need at least one: without any, the error lists the nodes."""

named_node = selectors("NODE")
"""For verbs that act on a single node; several selectors may narrow it down."""


def node_option(
    flag: str, name: str, help: str, *, multiple: bool = True
) -> Callable[[Command], Command]:
    """An option that names nodes."""
    return click.option(
        flag,
        name,
        multiple=multiple,
        default=None if multiple else "",
        metavar="NODE",
        help=help,
        shell_complete=complete.nodes,
    )


def engine(command: Command) -> Command:
    """``--engine``: takes precedence over the topology file."""
    return click.option(
        "--engine",
        default="",
        metavar="ENGINE",
        help='Version ("7.2", "valkey 9") or path of the server, instead of the topology file\'s.',
    )(command)


def yes(help: str) -> Callable[[Command], Command]:
    """``--yes``: don't ask for confirmation."""
    return click.option("--yes", "-y", is_flag=True, help=help)


def allow_blocking(command: Command) -> Command:
    """``--allow-blocking`` of a verb that moves keys."""
    return click.option(
        "--allow-blocking",
        is_flag=True,
        help="Also keys that block a server for over half the node timeout.",
    )(command)


def percent(_ctx: click.Context, _param: click.Parameter, text: str) -> float:
    """Parse ``5%`` or ``5`` to 0.05."""
    found = re.fullmatch(r"(\d{1,3}(?:\.\d+)?)%?", text.strip())
    if found is None:
        raise click.BadParameter(f"{text!r} is not a percentage; an example: 5%")
    return float(found[1]) / 100


def dry_run(command: Command) -> Command:
    """``--dry-run`` of a verb that takes service away."""
    return click.option("--dry-run", is_flag=True, help="Print the effects; do nothing.")(command)


def skip_unreachable(command: Command) -> Command:
    """``--skip-unreachable`` of a verb that is safe without the other hosts."""
    return click.option(
        "--skip-unreachable",
        is_flag=True,
        help="Also if hosts of other nodes can't be reached.",
    )(command)


def timeout(default: str, help: str) -> Callable[[Command], Command]:
    """``--timeout``, in seconds."""
    return duration("--timeout", "timeout", help, default=default)


def duration(
    flag: str, name: str, help: str, *, default: str | None = None
) -> Callable[[Command], Command]:
    """An option that is a duration, in seconds; None where it isn't given."""
    return click.option(
        flag,
        name,
        callback=seconds,
        default=default,
        show_default=default is not None,
        metavar="DURATION",
        help=help,
    )
