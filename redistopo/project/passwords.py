"""Passwords: given by the user, or made once and kept where only they can read them."""

import os
import secrets
from dataclasses import replace
from pathlib import Path

from redistopo.errors import MissingPrerequisite, UsageError
from redistopo.host.files import absolute, read_text, write_private
from redistopo.model.protocol.credentials import (
    ENVIRONMENT_VARIABLE,
    Credentials,
    Login,
    TlsFiles,
    TopologyUser,
    single_credential,
)
from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.topology.project_paths import Layout
from redistopo.model.topology.spec import Shape, Topology


def load_password(
    topology: Topology, layout: Layout, *, make: bool = False, save: bool = True
) -> str:
    """The password by precedence: REDISTOPO_PASSWORD, password_file, our own file; "" for none.

    With `make`, one of 32 random bytes is made where there is none, and kept if told to `save`
    it. Raises MissingPrerequisite
    for a file that can't be read, UsageError for a password that can't be one.
    """
    if not topology.auth:
        return ""
    plain = topology.shape is Shape.SENTINEL and not topology.acl
    if given := os.environ.get(ENVIRONMENT_VARIABLE):
        return _usable(given, ENVIRONMENT_VARIABLE, plain=plain)
    if topology.password_file:
        path = _file(topology, layout)
        text = read_text(path)
        if text is None:
            raise MissingPrerequisite(
                f"the password file {path} doesn't exist",
                hint="make it, or remove `password_file` to have a password generated",
            )
        return _usable(text.split("\n", 1)[0].rstrip("\r"), str(path), plain=plain)
    return _kept(layout.password, make=make, save=save)


def load_credentials(
    topology: Topology, layout: Layout, *, make: bool = False, save: bool = True
) -> Credentials:
    """All that opens the topology, by the same rules; what is missing is made with `make`.

    The passwords of our own users (replication, admin) are always ours to make. Where they
    aren't known yet, and not made, they are empty.
    """
    tls = tls_files(layout) if topology.tls else None
    application = Login(password=load_password(topology, layout, make=make, save=save), tls=tls)
    sentinel = _sentinel(topology, layout, make=make, save=save)
    if not topology.acl:
        found = replace(single_credential(application), stranger=_stranger(layout, tls))
        first = topology.first_sentinel
        ports = range(first, first + topology.sentinels)
        ways = {Endpoint(topology.host, port): sentinel for port in ports} if sentinel else {}
        return replace(found, sentinel=sentinel, sentinels=ways)
    ours = {
        user: _kept(layout.secret(user), make=make, save=save)
        for user in (TopologyUser.REPLICATION, TopologyUser.ADMIN)
    }
    return Credentials(
        sentinel=sentinel,
        own=Login(user=TopologyUser.ADMIN, password=ours[TopologyUser.ADMIN], tls=tls),
        application=application,
        replication=Login(
            user=TopologyUser.REPLICATION, password=ours[TopologyUser.REPLICATION], tls=tls
        ),
        stranger=_stranger(layout, tls),
    )


def _sentinel(topology: Topology, layout: Layout, *, make: bool, save: bool) -> Login | None:
    """How Sentinels come in to each other; None where there are none."""
    if topology.shape is not Shape.SENTINEL:
        return None
    tls = tls_files(layout) if topology.tls else None
    if not topology.auth:
        return Login(tls=tls)
    kept = _kept(layout.secret(TopologyUser.SENTINEL), make=make, save=save)
    return Login(user=TopologyUser.SENTINEL if topology.acl else "", password=kept, tls=tls)


def tls_files(layout: Layout) -> TlsFiles:
    """What our own client trusts and presents."""
    return TlsFiles(ca=str(layout.tls.ca), pem=str(layout.tls.client))


def _stranger(layout: Layout, tls: TlsFiles | None) -> str:
    there = tls is not None and layout.tls.stranger.exists()
    return str(layout.tls.stranger) if there else ""


def new_password() -> str:
    """32 random bytes in letters, digits, - and _."""
    return secrets.token_urlsafe(32)


def _kept(path: Path, *, make: bool, save: bool) -> str:
    kept = (read_text(path) or "").strip()
    if kept or not make:
        return kept
    made = new_password()
    if save:
        keep_password(path, made)
    return made


def keep_password(path: Path, text: str) -> None:
    """The file holds that password, and only you may read it."""
    write_private(path, text + "\n")


def password_source(topology: Topology, layout: Layout) -> str | None:
    """Where the user gives the password: a variable's name or a file; None where it is ours."""
    if os.environ.get(ENVIRONMENT_VARIABLE):
        return ENVIRONMENT_VARIABLE
    return str(_file(topology, layout)) if topology.password_file else None


def password_path(topology: Topology, layout: Layout) -> Path | None:
    """The file that a user's shell can read the password from; None where it is in no file."""
    if not topology.auth or os.environ.get(ENVIRONMENT_VARIABLE):
        return None
    if topology.password_file:
        return _file(topology, layout)
    return layout.password


def _file(topology: Topology, layout: Layout) -> Path:
    chosen = topology.password_file
    return absolute(Path(chosen)) if chosen.startswith("~") else layout.root / chosen


def _usable(text: str, source: str, *, plain: bool = False) -> str:
    """The password, if it can be one; a `plain` one has neither space nor quote."""
    if not text:
        raise UsageError(f"the password in {source} is empty", hint="put one there")
    if any(ord(letter) < 32 or ord(letter) == 127 for letter in text):
        raise UsageError(
            f"the password in {source} has a control character",
            hint="use printable characters on one line",
        )
    if plain and any(letter.isspace() or letter in "\"'" for letter in text):
        raise UsageError(
            f"the password in {source} has a space or a quote, and Sentinels can't keep it",
            detail="they write it into their own file without quotes (sentinel.c, "
            "rewriteConfigSentinelOption), and couldn't read that at their next start",
            hint="use another one; or acl = true, with which they have their own",
        )
    return text
