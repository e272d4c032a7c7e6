"""TLS connections that trust one CA, and attempts that a locked server must refuse."""

import os
import ssl
import time
from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache
from ipaddress import ip_address
from pathlib import Path

from redistopo.host.tcp import Socket, connect_tcp, handshake
from redistopo.model.protocol.credentials import Certificate, TlsFiles
from redistopo.model.protocol.endpoint import Endpoint

_SECONDS = 1.0


def _context(tls: TlsFiles) -> ssl.SSLContext:
    return _context_of(tls, _age(tls.ca), _age(tls.pem))


def _age(path: str) -> tuple[int, int]:
    """Another pair as soon as another file stands there."""
    with suppress(OSError):
        found = os.stat(path)  # noqa: PTH116  a path that is text, or none
        return found.st_ino, found.st_mtime_ns
    return 0, 0


@lru_cache(maxsize=8)
def _context_of(tls: TlsFiles, *_ages: tuple[int, int]) -> ssl.SSLContext:
    """A context with those files as they were then; ssl.SSLError where they are no good."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(cafile=tls.ca)
        if tls.pem:
            context.load_cert_chain(tls.pem, password=_unasked)
    except OSError as error:
        # two arguments: of one alone, Python shows the tuple
        raise ssl.SSLError(
            1,
            f"the certificates in {tls.ca} and {tls.pem or 'no file'} can't be used: "
            f"{error.strerror or error}",
        ) from error
    return context


def _unasked() -> str:
    """No password of a key is ever asked for on the terminal."""
    return ""


def loads(certificate: Path, key: Path | None = None) -> bool:
    """Whether a file holds a certificate and the key that fits; the key may lie apart."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_cert_chain(certificate, key, password=_unasked)
    except (OSError, ValueError):
        return False
    return True


def wrapped(plain: Socket, host: str, tls: TlsFiles | None) -> ssl.SSLSocket:
    """The connection by TLS: the server proved that it is `host` by a certificate of our CA.

    Raises OSError (ssl.SSLError is one) where it didn't, or where our own files are no good.
    """
    if tls is None:
        raise ValueError("no TLS files are known")
    return handshake(plain, host, _context(tls))


def presented(endpoint: Endpoint, tls: TlsFiles) -> Certificate | None:
    """The certificate that a server presents now; None where none of our CA's is."""
    with suppress(OSError), connect_tcp(endpoint, _SECONDS) as plain:
        with wrapped(plain, endpoint.host, tls) as secure:
            said = secure.getpeercert() or {}
        names = [_written(str(pair[1])) for pair in said.get("subjectAltName", ())]
        expires = float(ssl.cert_time_to_seconds(str(said["notAfter"])))
        return Certificate(
            left=expires - time.time(),
            expires=datetime.fromtimestamp(expires, UTC).date().isoformat(),
            serial=str(said["serialNumber"]),
            names=tuple(names),
        )
    return None


def _written(name: str) -> str:
    """An address as servers write it (OpenSSL writes ::1 in full); a host name as it is."""
    try:
        return str(ip_address(name))
    except ValueError:
        return name


def answer_in_plain(endpoint: Endpoint) -> str:
    """What a client that doesn't speak TLS gets for PING; "" where it is refused."""
    with suppress(OSError), connect_tcp(endpoint, _SECONDS) as plain:
        plain.sendall(b"PING\r\n")
        return _words(plain.recv(200))
    return ""


def answer_to_stranger(endpoint: Endpoint, tls: TlsFiles) -> str:
    """What a client with that certificate gets for PING; "" where it is refused.

    With TLS 1.3 the client's side of the handshake is done before the server has looked at
    the certificate, so that only an answer counts.
    """
    with (
        suppress(OSError),
        connect_tcp(endpoint, _SECONDS) as plain,
        wrapped(plain, endpoint.host, tls) as secure,
    ):
        secure.sendall(b"PING\r\n")
        return _words(secure.recv(200))
    return ""


def _words(raw: bytes) -> str:
    """A reply in Redis's protocol as text; "" for anything else, such as a TLS alert."""
    return raw.decode(errors="replace").strip() if raw[:1] in (b"+", b"-", b"$", b"*") else ""
