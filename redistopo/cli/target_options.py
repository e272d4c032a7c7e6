"""Options for a topology elsewhere, by the address of one of its nodes."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from redistopo.model.protocol.credentials import Login
    from redistopo.session.target import TargetRequest

Command = TypeVar("Command", bound=Callable[..., Any])

_PEM = click.Path(exists=True, dir_okay=False, path_type=Path)


def target_options(command: Command) -> Command:
    """``--connect``, and ``--user``, ``--cacert`` and ``--cert`` for it."""
    for option in (
        click.option("--cert", type=_PEM, help="A PEM file with certificate and key to present."),
        click.option("--cacert", type=_PEM, help="Connect by TLS, and trust this CA."),
        click.option("--user", default="", help="The user to come in as, with --connect."),
        click.option(
            "--connect",
            default="",
            metavar="HOST:PORT",
            help="Any topology by address; REDISTOPO_PASSWORD opens it, and "
            "REDISTOPO_SENTINEL_PASSWORD its Sentinels, where theirs is another.",
        ),
    ):
        command = option(command)
    return command


def access(
    connect: str, user: str, cacert: Path | None, cert: Path | None, password: str = ""
) -> "Login":
    """How to come in there; raises UsageError for options that don't go together."""
    from redistopo.errors import UsageError
    from redistopo.model.protocol.credentials import Login, TlsFiles

    if not connect and (user or cacert or cert):
        raise UsageError(
            "--user, --cacert and --cert are for another topology's address",
            hint="name it: --connect HOST:PORT",
        )
    if cert and not cacert:
        raise UsageError("--cert is used by TLS alone", hint="add --cacert CA.crt")
    tls = TlsFiles(str(cacert.absolute()), str(cert.absolute()) if cert else "") if cacert else None
    return Login(user=user, password=password, tls=tls)


def sight_request(
    root: Path, connect: str, user: str, cacert: Path | None, cert: Path | None
) -> "TargetRequest":
    """What a verb that looks again and again is to look at; UsageError as `access` raises it."""
    from redistopo.session.target import TargetRequest

    return TargetRequest(root=root, connect=connect, access=access(connect, user, cacert, cert))
