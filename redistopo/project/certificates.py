"""The private CA of a topology and its certificates, all readable only by their owner."""

import json
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any

from redistopo.client.tls import loads
from redistopo.errors import RedistopoError
from redistopo.host.files import private_folder, read_json, read_text, remove, write_private
from redistopo.model.planning.plan import Plan
from redistopo.model.remedies.of_topology import renew_ca
from redistopo.model.topology.project_paths import TlsFolder

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.x509 import Certificate, CertificateBuilder, KeyUsage, Name

CA_DAYS = 3650
LEAF_DAYS = 365
_SLACK = timedelta(hours=1)
"""Certificates are valid from slightly before their creation, because clocks differ."""

_CLIENTS = ("client", "stranger")
"""The names of certificates that no server has."""


@dataclass(frozen=True, slots=True)
class _Signer:
    """A certificate and its key."""

    key: "EllipticCurvePrivateKey"
    certificate: "Certificate"


def ensure_certificates(plan: Plan, *, idle: bool = False) -> tuple[str, ...]:
    """Create missing certificates of all nodes and the client; does nothing without `tls`.

    Existing certificates stay, unless they can't be loaded or, if no server runs (`idle`), have
    expired; returns the names of those that were replaced. Raises RedistopoError if the CA is lost.
    """
    if not plan.topology.tls:
        return ()
    folder = plan.layout.tls
    refuse_lost_authority(folder)
    private_folder(folder.root)
    wanted = _wanted(plan)
    if _made(folder).get("host") != _host(plan):
        _make(folder, _host(plan), wanted)
        return ()
    over = idle and 0 < _until(folder) < time.time()
    spoilt = [path for path in wanted if path.exists() and (over or not loads(path))]
    missing = [path for path in wanted if not path.exists()]
    if missing or spoilt or not folder.ca.exists() or not folder.stranger.exists():
        _make(folder, _host(plan), [*missing, *spoilt])
    return tuple(path.name for path in spoilt)


def renew_certificates(plan: Plan, days: int = LEAF_DAYS, *, new_ca: bool = False) -> None:
    """Renew the certificates of all nodes and the client for `days`; with `new_ca`, of a new CA.

    Each file is replaced atomically, with certificate and key together, so that a server that
    starts at the same time never reads a mismatch. Raises RedistopoError if the CA is lost.
    """
    folder = plan.layout.tls
    if new_ca:
        # if interrupted here, the CA is lost; and without `made`, all certificates of the
        # old one are created again
        for path in (folder.made, folder.ca_key, folder.ca):
            remove(path, missing_ok=True)
    else:
        refuse_lost_authority(folder)
    private_folder(folder.root)
    _make(folder, _host(plan), _wanted(plan), days)


def made_before(folder: TlsFolder) -> bool:
    """Return whether certificates were created here, whether still valid or not."""
    return folder.made.exists() or any(folder.root.glob("*.pem"))


def refuse_lost_authority(folder: TlsFolder) -> None:
    """Raise RedistopoError if certificates exist but their CA is lost: a new CA is only created
    on request."""
    if not made_before(folder) or loads(folder.ca, folder.ca_key):
        return
    gone = [path.name for path in (folder.ca_key, folder.ca) if not path.exists()]
    raise RedistopoError(
        f"the topology's CA is incomplete: {' and '.join(gone)} "
        f"{'is' if len(gone) == 1 else 'are'} missing"
        if gone
        else "the topology's CA is damaged: ca.crt or ca.key is invalid",
        detail=f"in {folder.root}; with a new CA, all servers must restart, and applications "
        "need the new ca.crt",
        hint=renew_ca("restore the files, or: redistopo down, then "),
    )


def _host(plan: Plan) -> str:
    """The address of the certificates, and the name, if clients are given one; over several hosts
    the address of each node, as ``node1=10.0.0.1``."""
    if plan.topology.hosts is not None:
        return " ".join(f"{node.name}={node.host}" for node in plan.nodes)
    return " ".join(filter(None, (plan.topology.address, plan.topology.announced_name)))


def _own(host: str, name: str) -> str:
    """The part of `_host` that is for a node; for a client's certificate, which has none, any."""
    if "=" not in host:
        return host
    each = dict(one.split("=", 1) for one in host.split())
    return each.get(name, next(iter(each.values())))


def _wanted(plan: Plan) -> list[Path]:
    folder = plan.layout.tls
    return [folder.node(node.name) for node in plan.nodes] + [folder.client]


def _made(folder: TlsFolder) -> dict[str, Any]:
    """The address that they were created for, and their expiry; {} if unknown."""
    return read_json(folder.made) or {}


def _until(folder: TlsFolder) -> float:
    """The first expiry, in seconds since the epoch; 0 if unknown."""
    until = _made(folder).get("until")
    return float(until) if isinstance(until, int | float) else 0.0


def _make(folder: TlsFolder, host: str, wanted: Iterable[Path], days: int = LEAF_DAYS) -> None:
    wanted = list(dict.fromkeys(wanted))
    ours = _load(folder)
    if ours is None:
        ours = _authority("redistopo CA")
        write_private(folder.ca_key, _key_text(ours))
        write_private(folder.ca, _text(ours.certificate))
        wanted += [path for path in folder.root.glob("*.pem") if path not in wanted]
    rest = [path for path in folder.root.glob("*.pem") if path not in (*wanted, folder.stranger)]
    until = time.time() + days * 86400
    if rest:
        until = min(until, _until(folder))
    for path in wanted:
        if path != folder.stranger:
            write_private(path, _leaf(ours, path.stem, host, days))
    # the key of this CA isn't kept, so that it can't sign another certificate
    write_private(folder.stranger, _leaf(_authority("another CA"), "stranger", host, CA_DAYS))
    write_private(folder.made, json.dumps({"host": host, "until": int(until)}) + "\n")


def _load(folder: TlsFolder) -> _Signer | None:
    """The topology's own CA; None if it is missing or incomplete."""
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    certificate, key = read_text(folder.ca), read_text(folder.ca_key)
    if not certificate or not key:
        return None
    try:
        loaded = load_pem_private_key(key.encode(), password=None)
        found = x509.load_pem_x509_certificate(certificate.encode())
    except ValueError:
        return None
    if not isinstance(loaded, EllipticCurvePrivateKey) or found.public_key() != loaded.public_key():
        return None
    return _Signer(loaded, found)


def _authority(name: str) -> _Signer:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    certificate = (
        _builder(key, _common_name(name), _common_name(name), CA_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .sign(key, hashes.SHA256())
    )
    return _Signer(key, certificate)


def _leaf(signer: _Signer, name: str, host: str, days: int) -> str:
    """A certificate and its key, as one PEM text.

    A node is a server for clients, and a client of its primary and of other cluster nodes. The
    certificate of clients is for the client's end only: its holder can't pose as a node.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID

    key = ec.generate_private_key(ec.SECP256R1())
    numeric, _, given = _own(host, name).partition(" ")
    address = ip_address(numeric)
    names: list[x509.GeneralName] = [x509.IPAddress(address)]
    if given:
        names.append(x509.DNSName(given))
    if address.is_loopback:
        names.append(x509.DNSName("localhost"))
    purposes = [ExtendedKeyUsageOID.CLIENT_AUTH]
    serves = name not in _CLIENTS
    if serves:
        purposes.insert(0, ExtendedKeyUsageOID.SERVER_AUTH)
    authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.key.public_key())
    made = (
        _builder(key, _common_name(name), signer.certificate.subject, days)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
        .add_extension(authority, critical=False)
    )
    if serves:
        made = made.add_extension(x509.SubjectAlternativeName(names), critical=False)
    certificate = made.sign(signer.key, hashes.SHA256())
    return _text(certificate) + _key_text(_Signer(key, certificate))


def _builder(
    key: "EllipticCurvePrivateKey", subject: "Name", issuer: "Name", days: int
) -> "CertificateBuilder":
    from cryptography import x509

    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SLACK)
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _common_name(name: str) -> "Name":
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _usage(*, signs: bool) -> "KeyUsage":
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=not signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=signs,
        encipher_only=False,
        decipher_only=False,
    )


def _text(certificate: "Certificate") -> str:
    from cryptography.hazmat.primitives.serialization import Encoding

    return certificate.public_bytes(Encoding.PEM).decode()


def _key_text(signer: _Signer) -> str:
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
    )

    raw = signer.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return raw.decode()
