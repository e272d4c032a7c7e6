"""Options for the keys of the topology file, which `init` writes and `run` uses once."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

from redistopo.cli import complete
from redistopo.model.topology.spec import TOPOLOGY_KEYS, Shape, shape_defaults

Command = TypeVar("Command", bound=Callable[..., Any])

FLAGS = ("tls", "acl", "no_auth")
"""Options that are no key by themselves."""


class _KeyOption(click.Option):
    """An option for a key of the topology file, whose choices and defaults are the file's."""

    def __init__(self, *args: Any, note: str = "", **settings: Any) -> None:
        super().__init__(*args, **settings)
        self._note = note

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        record = super().get_help_record(ctx)
        if record is None or not self.name:
            return record
        return record[0], f"{record[1]}  [{self._note or _default_text(self.name)}]"


def _default_text(key: str) -> str:
    """``cluster: 7000, else 6379``; a default of all shapes alone."""
    usual = {shape.value: str(shape_defaults(shape)[key]) for shape in Shape}
    common = max(usual.values(), key=list(usual.values()).count)
    own = [f"{shape}: {value}" for shape, value in usual.items() if value != common]
    return ", ".join([*own, f"else {common}"]) if own else common


def choices(key: str) -> click.Choice[str]:
    return click.Choice(next(one.choices for one in TOPOLOGY_KEYS if one.name == key))


def _options(notes: Mapping[str, str]) -> tuple[Callable[..., Any], ...]:
    def key(flag: str, help: str, type: Any = int) -> Callable[..., Any]:
        note = notes.get(flag.removeprefix("--"), "")
        return click.option(flag, cls=_KeyOption, type=type, help=help, note=note)

    return (
        key("--shards", "Number of primaries."),
        key("--replicas", "Replicas of each primary."),
        key("--sentinels", "Number of Sentinels."),
        key("--quorum", "Sentinels that must agree."),
        key("--port", "First data port."),
        key("--sentinel-port", "Port of the first Sentinel."),
        key("--host", "Address that every node binds.", str),
        key("--announce-host", "Address or name that clients are given.", str),
        key("--name", "Name of the topology.", str),
        key("--engine", 'Version such as "valkey 9", or path.', str),
        key("--formation", "How the cluster is created.", choices("formation")),
        key("--node-timeout", "Timeout of a cluster node, in ms."),
        key("--down-after", "Timeout for Sentinels, in ms."),
        key("--persistence", "How data is kept on disk.", choices("persistence")),
        click.option("--tls", is_flag=True, help="TLS only, with a private CA."),
        click.option("--acl", is_flag=True, help="ACL users with least privilege."),
        click.option("--no-auth", is_flag=True, help="No password; loopback addresses only."),
        click.option(
            "--set",
            "settings",
            multiple=True,
            metavar="DIRECTIVE=VALUE",
            help="Any redis.conf directive.",
            shell_complete=complete.directives,
        ),
    )


INIT_NOTES = {"quorum": "majority", "sentinel-port": "port + 20000", "name": "name of the folder"}
"""Defaults that depend on something else, of `init`."""


def topology_options(notes: Mapping[str, str] = INIT_NOTES) -> Callable[[Command], Command]:
    """All of them, with these defaults in the help; a command gets `settings`, `FLAGS` and the keys
    by name."""

    def add(command: Command) -> Command:
        for option in reversed(_options(notes)):
            command = option(command)
        return command

    return add


def given_keys(values: Mapping[str, object]) -> dict[str, object]:
    """Return the keys that were given, from the values of these options."""
    given = {n: value for n, value in values.items() if value is not None and n not in FLAGS}
    given |= {name: True for name in ("tls", "acl") if values[name]}
    return {**given, "auth": False} if values["no_auth"] else given
