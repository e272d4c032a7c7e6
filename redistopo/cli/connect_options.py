"""Options of a topology that has no folder here, named by the address of one of its nodes."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from redistopo.quick_dataclass import dataclass

if TYPE_CHECKING:
    from redistopo.model.protocol.credentials import Login
    from redistopo.session.watched_topology import TargetRequest

PEM = click.Path(exists=True, dir_okay=False, path_type=Path)


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetOptions:
    """What was typed; `connect` is "" for the folder's own topology."""

    connect: str
    user: str
    cacert: Path | None
    cert: Path | None
    master: str = ""
    follow: bool = False

    def login(self, password: str = "") -> "Login":
        """Return how to log in there; raise UsageError for options that don't go together."""
        from redistopo.errors import UsageError
        from redistopo.model.protocol.credentials import Login, TlsFiles

        if not self.connect and self._used:
            raise UsageError(
                "--user, --cacert, --cert, --master and --follow are options of --connect",
                hint="add --connect HOST:PORT",
            )
        if self.cert and not self.cacert:
            raise UsageError("--cert needs TLS", hint="add --cacert CA.crt")
        tls = None
        if self.cacert:
            tls = TlsFiles(
                str(self.cacert.absolute()), str(self.cert.absolute()) if self.cert else ""
            )
        hosts: frozenset[str] | None = None if self.follow else frozenset()
        return Login(user=self.user, password=password, tls=tls, hosts=hosts)

    @property
    def _used(self) -> bool:
        return bool(self.user or self.cacert or self.cert or self.master or self.follow)

    def request(self, root: Path) -> "TargetRequest":
        """Return the target of a verb that polls; raise UsageError as `login` does."""
        from redistopo.session.watched_topology import TargetRequest

        return TargetRequest(
            root=root, connect=self.connect, access=self.login(), master=self.master
        )


master_option = click.option(
    "--master",
    default="",
    metavar="NAME",
    help="Of the primaries that a Sentinel monitors, only this one; the default is all.",
)
"""Of verbs that observe; it is passed on in the argument of `target_options`, which is below it."""


def target_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--connect``, and ``--user``, ``--cacert``, ``--cert`` and ``--follow`` for it, as argument
    `target`."""

    @functools.wraps(command)
    def with_target(
        *args: Any,
        connect: str,
        user: str,
        cacert: Path | None,
        cert: Path | None,
        follow: bool,
        master: str = "",
        **rest: Any,
    ) -> Any:
        target = TargetOptions(
            connect=connect, user=user, cacert=cacert, cert=cert, master=master, follow=follow
        )
        return command(*args, target=target, **rest)

    decorated: Callable[..., Any] = with_target
    for option in (
        click.option(
            "--follow",
            is_flag=True,
            help="With --connect, connect to nodes on other hosts too, with the same password.",
        ),
        click.option("--cert", type=PEM, help="PEM file with a client certificate and its key."),
        click.option("--cacert", type=PEM, help="Connect with TLS, and trust this CA."),
        click.option("--user", default="", help="User to log in as, with --connect."),
        click.option(
            "--connect",
            default="",
            metavar="HOST:PORT",
            help="Use the topology of this node, started by redistopo or not. Passwords: "
            "REDISTOPO_PASSWORD, and REDISTOPO_SENTINEL_PASSWORD if Sentinels have another.",
        ),
    ):
        decorated = option(decorated)
    return decorated
