"""Passwords: supplied by the user, or generated once and stored readable only by the user."""

import os
from dataclasses import replace
from pathlib import Path

from redistopo.errors import MissingPrerequisite, UsageError
from redistopo.host.files import absolute, certainly_missing, read_exactly, read_text, write_private
from redistopo.host.tcp import numeric
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
from redistopo.model.topology.spec import Adopted, Shape, Topology

_MOST_BYTES = 16384


def load_password(
    topology: Topology, layout: Layout, *, make: bool = False, save: bool = True
) -> str:
    """Load the password by precedence: REDISTOPO_PASSWORD, password_file, our own file, or "".

    With `make`, generate a missing one from 32 random bytes, and store it if `save`. Raises
    MissingPrerequisite for an unreadable file, UsageError for an unusable password.
    """
    if not topology.auth:
        return ""
    plain = topology.shape is Shape.SENTINEL and not topology.acl
    if given := os.environ.get(ENVIRONMENT_VARIABLE):
        return _usable(given, ENVIRONMENT_VARIABLE, plain=plain)
    if topology.password_file:
        path = _file(topology, layout)
        if certainly_missing(path):
            raise MissingPrerequisite(
                f"the password file {path} doesn't exist",
                hint="create it, or remove `password_file` to generate a password",
            )
        text = read_exactly(path)
        return _usable(text.split("\n", 1)[0].rstrip("\r"), str(path), plain=plain)
    return _kept(layout.password, make=make, save=save)


def load_credentials(
    topology: Topology, layout: Layout, *, make: bool = False, save: bool = True
) -> Credentials:
    """Load all credentials of the topology by the same rules; `make` generates missing passwords.

    The passwords of our own users (replication, admin) are always generated. They are empty if
    they don't exist yet and aren't generated.
    """
    if topology.adopted:
        return _adopted(topology, topology.adopted, layout)
    tls = tls_files(layout) if topology.tls else None
    application = Login(password=load_password(topology, layout, make=make, save=save), tls=tls)
    sentinel = _sentinel(topology, layout, make=make, save=save)
    if not topology.acl:
        found = replace(single_credential(application), stranger=_stranger(layout, tls))
        logins = _sentinel_logins(topology, layout, sentinel) if sentinel else {}
        return replace(found, sentinel=sentinel, sentinels=logins)
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


def _adopted(topology: Topology, adopted: Adopted, layout: Layout) -> Credentials:
    """The credentials of adopted servers: nothing is generated, and the password
    is used for their hosts alone, whatever they announce."""
    tls = tls_files(layout) if topology.tls else None
    if tls and certainly_missing(layout.tls.client):
        tls = replace(tls, pem="")  # they need none
    named = {one.host for one in adopted.servers.values()}
    hosts = frozenset(named | {numeric(Endpoint(host, 0)).host for host in named})
    password = load_password(topology, layout)
    own = Login(user=adopted.user, password=password, tls=tls, hosts=hosts)
    if not adopted.sentinels:
        return single_credential(own)
    kept = (read_text(layout.secret(TopologyUser.SENTINEL)) or "").strip()
    login = own if kept == password else replace(own, user="", password=kept)
    logins = {adopted.servers[name]: login for name in adopted.sentinels}
    return replace(single_credential(own), sentinel=login, sentinels=logins)


def _sentinel(topology: Topology, layout: Layout, *, make: bool, save: bool) -> Login | None:
    """How Sentinels log in to each other; None without Sentinels."""
    if topology.shape is not Shape.SENTINEL:
        return None
    tls = tls_files(layout) if topology.tls else None
    if not topology.auth:
        return Login(tls=tls)
    kept = _kept(layout.secret(TopologyUser.SENTINEL), make=make, save=save)
    return Login(user=TopologyUser.SENTINEL if topology.acl else "", password=kept, tls=tls)


def _sentinel_logins(topology: Topology, layout: Layout, login: Login) -> dict[Endpoint, Login]:
    from redistopo.project.numbered_nodes import numbered_nodes

    return {one.endpoint: login for one in numbered_nodes(topology, layout).sentinels}


def tls_files(layout: Layout) -> TlsFiles:
    """Return the CA and client certificate of redistopo's own connections."""
    return TlsFiles(ca=str(layout.tls.ca), pem=str(layout.tls.client))


def _stranger(layout: Layout, tls: TlsFiles | None) -> str:
    there = tls is not None and layout.tls.stranger.exists()
    return str(layout.tls.stranger) if there else ""


def new_password() -> str:
    """Generate a password of 32 random bytes, as letters, digits, - and _."""
    import secrets  # takes 3 ms, and most verbs generate none

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
    """Write a password to a file that only the user can read."""
    write_private(path, text + "\n")


def password_source(topology: Topology, layout: Layout) -> str | None:
    """Return where the user supplies the password: a variable or a file; None if generated."""
    if os.environ.get(ENVIRONMENT_VARIABLE):
        return ENVIRONMENT_VARIABLE
    return str(_file(topology, layout)) if topology.password_file else None


def password_path(topology: Topology, layout: Layout) -> Path | None:
    """Return the file with the password; None if it is in no file."""
    if not topology.auth or os.environ.get(ENVIRONMENT_VARIABLE):
        return None
    if topology.password_file:
        return _file(topology, layout)
    return layout.password


def absent_secrets(topology: Topology, layout: Layout) -> tuple[Path, ...]:
    """Return the files that adopted servers don't need: their Sentinels have no password, or they
    ask clients for no certificate."""
    some = (layout.secret(TopologyUser.SENTINEL), layout.tls.client) if topology.adopted else ()
    return tuple(path for path in some if certainly_missing(path))


def _file(topology: Topology, layout: Layout) -> Path:
    chosen = topology.password_file
    return absolute(Path(chosen)) if chosen.startswith("~") else layout.root / chosen


def _usable(text: str, source: str, *, plain: bool = False) -> str:
    """Check a password; a `plain` one may contain neither spaces nor quotes."""
    if not text:
        raise UsageError(f"the password in {source} is empty", hint="set one")
    size = len(text.encode(errors="replace"))
    if size > _MOST_BYTES:
        raise UsageError(
            f"the password in {source} has {size} bytes, and may have {_MOST_BYTES}",
            detail="servers accept no longer argument before a login (networking.c, "
            "processMultibulkBuffer)",
            hint="use a shorter one: 32 random bytes can't be guessed",
        )
    if any(0xD800 <= ord(letter) < 0xE000 for letter in text):  # how Python keeps such bytes
        raise UsageError(f"the password in {source} is not UTF-8", hint="use another one")
    if any(ord(letter) < 32 or ord(letter) == 127 for letter in text):
        raise UsageError(
            f"the password in {source} has a control character",
            hint="use printable characters on one line",
        )
    if plain and any(letter.isspace() or letter in "\"'" for letter in text):
        raise UsageError(
            f"the password in {source} has a space or a quote, which Sentinels can't store",
            detail="they write it to their own file without quotes (sentinel.c, "
            "rewriteConfigSentinelOption), and can't read it at their next start",
            hint="use another one; or acl = true, with which Sentinels have their own",
        )
    return text
