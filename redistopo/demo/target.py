"""The address of somebody's topology as people write it: HOST:PORT, or a URL with a password."""

import re
from dataclasses import replace
from urllib.parse import SplitResult, unquote, urlsplit

from redistopo.errors import UsageError
from redistopo.model.protocol.credentials import Login
from redistopo.model.protocol.endpoint import format_address

_DEFAULT_PORT = 6379


def entry(text: str, access: Login) -> tuple[str, Login]:
    """HOST:PORT, and how to come in there: what the URL says goes before `access`.

    ``redis://[user[:password]@]host[:port]``, ``rediss://`` by TLS (redis-py, from_url).
    Raises UsageError, which never tells the password.
    """
    if "://" not in text:
        return text, access
    try:
        url = urlsplit(text)
        host, port = url.hostname, url.port or _DEFAULT_PORT
    except ValueError as error:
        raise _wrong("the port is no number up to 65535, or a bracket is missing") from error
    if url.scheme not in ("redis", "rediss") or not host:
        raise _wrong("the scheme is redis or rediss, and a host follows")
    if not re.fullmatch(r"/?0?", url.path) or url.query or url.fragment:
        raise _wrong("only the host's database 0 is used, without options")
    if url.scheme == "rediss" and access.tls is None:
        raise UsageError("rediss:// is TLS, and no CA is given", hint="add --cacert CA.crt")
    if url.scheme == "redis" and access.tls is not None:
        raise UsageError("--cacert is for TLS, and redis:// isn't", hint="write rediss://")
    return format_address(host, port), _with_words(url, access)


def _with_words(url: SplitResult, access: Login) -> Login:
    """A password without a user, or with `default`, is the default user's."""
    user = unquote(url.username or "")
    return replace(
        access,
        user=user or access.user,
        password=unquote(url.password or "") or access.password,
    )


def _wrong(why: str) -> UsageError:
    return UsageError(
        "the URL of --connect can't be used",
        detail=why,
        hint="write redis://user:password@host:6379, or HOST:PORT",
    )
