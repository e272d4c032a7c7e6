"""TLS connections that trust one CA, and connections that a TLS server must refuse.

Python's ssl takes as long to import as a query of all nodes without TLS, so it is imported late.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import lru_cache
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING

from redistopo.host.safe_open import read_bytes
from redistopo.host.tcp import Socket, connect_tcp, handshake
from redistopo.model.protocol.credentials import Certificate, TlsFiles
from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.protocol.replies import NO_REPLY

if TYPE_CHECKING:
    import ssl

_SECONDS = 1.0


def _context(tls: TlsFiles) -> "ssl.SSLContext":
    return _context_of(tls, _age(tls.ca), _age(tls.pem))


def _age(path: str) -> tuple[int, int]:
    """A value that changes when the file is replaced."""
    with suppress(OSError):
        found = os.stat(path)  # noqa: PTH116  a path that is text, or none
        return found.st_ino, found.st_mtime_ns
    return 0, 0


@lru_cache(maxsize=8)
def _context_of(tls: TlsFiles, *_ages: tuple[int, int]) -> "ssl.SSLContext":
    """A context with those files at that time; raises ssl.SSLError if they are unusable."""
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        for path in filter(None, (tls.ca, tls.pem)):
            read_bytes(Path(path))  # OpenSSL would wait for a FIFO, and read a device without end
        context.load_verify_locations(cafile=tls.ca)
        if tls.pem:
            context.load_cert_chain(tls.pem, password=_no_passphrase)
    except OSError as error:
        # two arguments: with only one, Python shows a tuple
        raise ssl.SSLError(
            1,
            f"the certificates in {tls.ca} and {tls.pem or 'no file'} can't be used: "
            f"{error.strerror or error}",
        ) from error
    return context


def _no_passphrase() -> str:
    """Never prompt for the passphrase of a key on the terminal."""
    return ""


def loads(certificate: Path, key: Path | None = None) -> bool:
    """Return whether a file has a certificate and its key, which may be in another file."""
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        for path in filter(None, (certificate, key)):
            read_bytes(path)
        context.load_cert_chain(certificate, key, password=_no_passphrase)
    except (OSError, ValueError):
        return False
    return True


def wrapped(plain: Socket, host: str, tls: TlsFiles | None) -> "ssl.SSLSocket":
    """Start TLS on a connection and verify the server's certificate for `host` with our CA.

    Raises OSError (which includes ssl.SSLError) if that fails or our own files are unusable.
    """
    if tls is None:
        raise ValueError("no TLS files are known")
    return handshake(plain, host, _context(tls))


def presented(endpoint: Endpoint, tls: TlsFiles) -> Certificate | None:
    """Fetch the certificate that a server presents; None if it isn't of our CA."""
    import ssl

    with suppress(OSError), connect_tcp(endpoint, _SECONDS) as plain:
        with wrapped(plain, endpoint.host, tls) as secure:
            peer = secure.getpeercert() or {}
        names = [_short_address(str(pair[1])) for pair in peer.get("subjectAltName", ())]
        expires = float(ssl.cert_time_to_seconds(str(peer["notAfter"])))
        return Certificate(
            left=expires - time.time(),
            expires=datetime.fromtimestamp(expires, UTC).date().isoformat(),
            serial=str(peer["serialNumber"]),
            names=tuple(names),
        )
    return None


def _short_address(name: str) -> str:
    """Shorten an address as servers do (OpenSSL writes ::1 in full); keep a host name."""
    try:
        return str(ip_address(name))
    except ValueError:
        return name


def answer_in_plain(endpoint: Endpoint) -> str:
    """Send PING without TLS; return the reply, or "" if it is refused."""
    with _refusal_or_time_out() as found, connect_tcp(endpoint, _SECONDS) as plain:
        found.append(_ping(plain))
    return found[-1]


def answer_to_stranger(endpoint: Endpoint, tls: TlsFiles) -> str:
    """Send PING with a certificate of another CA; return the reply, or "" if it is refused.

    With TLS 1.3 the client finishes the handshake before the server has checked the
    certificate, so only a reply counts.
    """
    with (
        _refusal_or_time_out() as found,
        connect_tcp(endpoint, _SECONDS) as plain,
        wrapped(plain, endpoint.host, tls) as secure,
    ):
        found.append(_ping(secure))
    return found[-1]


@contextmanager
def _refusal_or_time_out() -> Iterator[list[str]]:
    """Collect a reply: "" where the connection is refused, but a time-out refuses nothing."""
    found = [""]
    try:
        yield found
    except TimeoutError:
        found.append(f"{NO_REPLY}: timed out")
    except OSError:
        found.append("")


def _ping(connection: Socket) -> str:
    """Send PING; return a Redis reply as text, "" for anything else, such as a TLS alert."""
    connection.sendall(b"PING\r\n")
    raw = connection.recv(200)
    return raw.decode(errors="replace").strip() if raw[:1] in (b"+", b"-", b"$", b"*") else ""
