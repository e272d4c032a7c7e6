"""Parses the address of a topology: HOST:PORT, or a URL with a password."""

import re
from dataclasses import replace
from urllib.parse import SplitResult, unquote, urlsplit

from redistopo.errors import UsageError
from redistopo.model.protocol.credentials import Login
from redistopo.model.protocol.endpoint import format_address

_DEFAULT_PORT = 6379


def parse_connect_url(text: str, access: Login) -> tuple[str, Login]:
    """Return HOST:PORT and the login; the URL takes precedence over `access`.

    ``redis://[user[:password]@]host[:port]``, ``rediss://`` for TLS (redis-py, from_url).
    Raises UsageError, which never contains the password.
    """
    if "://" not in text:
        return text, access
    try:
        url = urlsplit(text)
        host, port = url.hostname, url.port or _DEFAULT_PORT
    except ValueError as error:
        raise _bad_url("the port is not a number up to 65535, or a bracket is missing") from error
    if url.scheme not in ("redis", "rediss") or not host:
        raise _bad_url("the scheme must be redis or rediss, followed by a host")
    if not re.fullmatch(r"/?0?", url.path) or url.query or url.fragment:
        raise _bad_url("a database other than 0, and options, can't be given")
    if url.scheme == "rediss" and access.tls is None:
        raise UsageError("rediss:// needs a CA certificate", hint="add --cacert CA.crt")
    if url.scheme == "redis" and access.tls is not None:
        raise UsageError("--cacert is for TLS, but redis:// is not TLS", hint="write rediss://")
    return format_address(host, port), _with_credentials(url, access)


def _with_credentials(url: SplitResult, access: Login) -> Login:
    """Add user and password; a password without a user belongs to the default user."""
    user = unquote(url.username or "")
    return replace(
        access,
        user=user or access.user,
        password=unquote(url.password or "") or access.password,
    )


def _bad_url(why: str) -> UsageError:
    return UsageError(
        "the URL can't be used",
        detail=why,
        hint="write redis://user:password@host:6379, or HOST:PORT",
    )
