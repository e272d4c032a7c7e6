"""The CA of a topology: its key signs certificates of nodes and clients, as PEM texts.

The library for it is slow to import, so it is imported where it is used.
"""

from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import TYPE_CHECKING

from redistopo.host.files import read_text
from redistopo.model.topology.project_paths import TlsFolder
from redistopo.quick_dataclass import dataclass

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.x509 import Certificate, CertificateBuilder, GeneralName, KeyUsage, Name

CA_DAYS = 3650
LEAF_DAYS = 365
_SLACK = timedelta(hours=1)
"""Certificates are valid from slightly before their creation, because clocks differ."""

_CLIENTS = ("client", "stranger")
"""The names of certificates that no server has."""


@dataclass(frozen=True, slots=True)
class Signer:
    """A certificate and its key."""

    key: "EllipticCurvePrivateKey"
    certificate: "Certificate"


def load_authority(folder: TlsFolder) -> Signer | None:
    """Load the topology's own CA; None if it is missing or incomplete."""
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
    return Signer(loaded, found)


def new_authority(name: str) -> Signer:
    """Create a CA."""
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
    return Signer(key, certificate)


def sign(signer: Signer, name: str, names: Iterable[str], days: int) -> str:
    """Create a certificate for addresses and host names, and its key, as one PEM text.

    A node is a server for clients, and a client of its primary and of other cluster nodes. The
    certificate of clients is for the client's end only: its holder can't pose as a node.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID

    key = ec.generate_private_key(ec.SECP256R1())
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
        made = made.add_extension(
            x509.SubjectAlternativeName([_general(one) for one in names]), critical=False
        )
    certificate = made.sign(signer.key, hashes.SHA256())
    return certificate_text(certificate) + key_text(Signer(key, certificate))


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


def _general(name: str) -> "GeneralName":
    from cryptography import x509

    with suppress(ValueError):
        return x509.IPAddress(ip_address(name))
    return x509.DNSName(name)


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


def certificate_text(certificate: "Certificate") -> str:
    """Return a certificate as PEM."""
    from cryptography.hazmat.primitives.serialization import Encoding

    return certificate.public_bytes(Encoding.PEM).decode()


def key_text(signer: Signer) -> str:
    """Return a key as PEM, without a passphrase."""
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
    )

    raw = signer.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return raw.decode()
