"""Options that several commands share."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])


_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "": 1.0}


def seconds(_ctx: click.Context, _param: click.Parameter, value: str | None) -> float | None:
    """Seconds, from ``10``, ``10s``, ``500ms``, ``2m``, ``3h`` or ``1d``; None for none."""
    if value is None:
        return None
    found = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|m|h|d|)", value.strip())
    if found is None:
        raise click.BadParameter(f"{value!r} is no duration; write 10s, 500ms or 2m")
    return float(found[1]) * _UNITS[found[2]]


def project(command: Command) -> Command:
    """``--dir``: the folder with the topology file."""
    return click.option(
        "--dir",
        "-C",
        "root",
        type=click.Path(file_okay=False, path_type=Path),
        default=".",
        envvar="REDISTOPO_DIR",
        help="Folder with redistopo.toml.  [default: this one]",
    )(command)


def nodes(command: Command) -> Command:
    """``NODE...``: selector words, read against what the nodes are now."""
    return click.argument("nodes", nargs=-1, metavar="[NODE]...")(command)


def named_nodes(command: Command) -> Command:
    """The same for verbs that do nothing without any: they say so, with what may be typed."""
    return click.argument("nodes", nargs=-1, metavar="NODE...")(command)


def named_node(command: Command) -> Command:
    """The same for verbs that take one node, which several words may name."""
    return click.argument("nodes", nargs=-1, metavar="NODE")(command)


def output(command: Command) -> Command:
    """``--json`` and ``--quiet``: how results and progress are told."""
    command = click.option(
        "--quiet", "-q", is_flag=True, help="Print nothing but errors; the exit code tells."
    )(command)
    return click.option(
        "--json", "as_json", is_flag=True, help="One JSON document on stdout; progress on stderr."
    )(command)


def engine(command: Command) -> Command:
    """``--engine``: goes before the topology file's."""
    return click.option(
        "--engine",
        default="",
        metavar="ENGINE",
        help='A version ("7.2", "valkey 9") or a server\'s path, instead of the topology file\'s.',
    )(command)


def timeout(default: str, says: str) -> Callable[[Command], Command]:
    """``--timeout``, as seconds."""
    return duration("--timeout", "timeout", says, default=default)


def duration(
    flag: str, name: str, says: str, *, default: str | None = None
) -> Callable[[Command], Command]:
    """An option that is a length of time, as seconds; None where it isn't given."""
    return click.option(
        flag,
        name,
        callback=seconds,
        default=default,
        show_default=default is not None,
        metavar="DURATION",
        help=says,
    )
