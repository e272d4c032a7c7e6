"""Reads any redis.conf on this machine the way a server does, and finds which server uses it."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
from shlex import quote

from redistopo.client.connection import Connections, try_ping
from redistopo.doctor.conf_files import included, read_regular_file
from redistopo.doctor.conf_includes import (
    AccessSettings,
    access_settings,
    acl_requires_password,
    expand_includes,
)
from redistopo.doctor.conf_trial import try_conf
from redistopo.doctor.facts import ConfSeen, PortReply
from redistopo.doctor.firewall_reader import read_firewalls
from redistopo.errors import AccessDenied, MissingPrerequisite, Unreachable, UsageError
from redistopo.host.files import absolute
from redistopo.host.listening_sockets import listeners, port_holder
from redistopo.host.ports import is_foreign_address
from redistopo.host.tcp import probe_port
from redistopo.model.connectivity.matrix import PortState
from redistopo.model.protocol.conf import read_conf
from redistopo.model.protocol.credentials import Login, single_credential
from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.protocol.engine import Engine, Version, parse_request
from redistopo.model.protocol.replies import parse_info

_PATIENCE = 2.0


def read_conf_file(path: Path, engines: Sequence[Engine] = ()) -> ConfSeen:
    """Read the configuration with its includes, try it with these servers, and probe its ports.

    A relative include before any `dir` is read from the file's folder; a server reads it from the
    folder where it is started. Raises UsageError if there is no file, or it can't be a
    configuration, MissingPrerequisite if it can't be read.
    """
    path = absolute(path).resolve()
    try:
        text = read_regular_file(path)
    except MissingPrerequisite as error:
        # a distribution's file is readable by its server's user only
        error.hint = f"run it with permission: sudo redistopo doctor --config {quote(str(path))}"
        raise
    if text is None:
        raise UsageError(
            f"there is no file {path}",
            hint="a running server reports its own: redis-cli INFO server | grep config_file",
        )
    whole = expand_includes(
        str(path), text, lambda pattern, at: included(path.parent / at / pattern)
    )
    shown = _printable(whole.text)
    conf = access_settings(shown)
    secret = read_conf(shown).get("requirepass", ("",))[-1]
    return ConfSeen(
        path=str(path),
        conf=conf,
        requires_password=_password_required(conf, path.parent),
        files=whole.files,
        unread=tuple(map(_printable, whole.unread)),
        start_relative=tuple(map(_printable, whole.start_relative)),
        starting=try_conf(whole, path.parent, engines, sentinel=conf.sentinel),
        foreign_addresses=tuple(_foreign_addresses(conf)),
        replies=tuple(_probe(conf, port, secret) for port in conf.ports),
        firewalls=read_firewalls() if conf.exposed_addresses else (),
    )


def _printable(text: str) -> str:
    return text.encode(errors="surrogateescape").decode(errors="replace")


def _foreign_addresses(conf: AccessSettings) -> Iterator[str]:
    """Yield addresses that it must bind, and this machine does not have: those without ``-``
    before them, and all of them if there is no other."""
    words = (conf.addresses or ()) if conf.ports else ()
    foreign = [word for word in words if _is_foreign(word.removeprefix("-"))]
    alone = len(foreign) == len(words) and not conf.unixsocket
    yield from (word.removeprefix("-") for word in foreign if alone or not word.startswith("-"))


def _is_foreign(text: str) -> bool:
    try:
        return is_foreign_address(str(ip_address(text)))
    except ValueError:
        return False


def _password_required(conf: AccessSettings, folder: Path) -> bool | None:
    if conf.requires_password is not None:
        return conf.requires_password
    try:
        text = read_regular_file(folder / conf.aclfile)
    except (MissingPrerequisite, UsageError):
        return None
    return None if text is None else acl_requires_password(text)


def _probe(conf: AccessSettings, port: int, secret: str) -> PortReply:
    endpoint = Endpoint(conf.local_address, port)
    if port == conf.tls_port:
        # without its certificates only the connection is tested
        reply = "TLS" if probe_port(endpoint) is PortState.OK else ""
    else:
        answer = try_ping(endpoint, Login())
        reply = "" if answer.startswith("no reply") else answer
    there = listeners((port,))
    addresses = None if there is None else there[port]
    listened = bool(reply) if addresses is None else bool(addresses)
    found = PortReply(
        port=port,
        at=conf.local_address,
        reply=reply,
        holder=port_holder(port) if listened else "",
        listening=addresses,
    )
    if not reply or port == conf.tls_port:
        return found
    return _with_server_info(found, secret if found.asks_here else "")


def _with_server_info(found: PortReply, secret: str) -> PortReply:
    """Add the server's version and file, according to itself, if the file's password is valid."""
    if found.reply != "PONG" and not secret:
        return found
    credentials = single_credential(Login(password=secret))
    try:
        with Connections(credentials, seconds=_PATIENCE) as client:
            info = parse_info(
                str(client.execute(Endpoint(found.at, found.port), [("INFO", "server")])[0])
            )
    except AccessDenied:
        return replace(found, refused=bool(secret))
    except Unreachable:
        return found
    product = "valkey" if "valkey_version" in info else "redis"
    request = parse_request(f"{product} {info.get(f'{product}_version', '')}")
    numbers = request.numbers if request else ()
    return replace(
        found,
        holder=found.holder or f"pid {info.get('process_id', '?')}",
        version=Version(*numbers) if numbers else None,
        config=str(Path(file).resolve()) if (file := info.get("config_file", "")) else "",
    )
