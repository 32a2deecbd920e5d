"""The certificate authorities of a lab: one vouches for its HTTPS listeners, one for those who sign on with a
certificate, one is the issuer ``local``.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from reconciler.lab.process import write_private

CA: Final = "ca.pem"
LISTENER: Final = "listener.pem"
LISTENER_KEY: Final = "listener.key"
CLIENT_CA: Final = "client-ca.pem"
ISSUER: Final = "issuer.pem"
ISSUER_KEY: Final = "issuer.key"

_PRINCIPAL_NAME: Final = x509.ObjectIdentifier("1.3.6.1.4.1.311.20.2.3")
"""The user principal name among the names of a certificate, by which Windows maps it to an account."""
_LIFETIME: Final = timedelta(days=3650)
_Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


def open_authorities(directory: Path, now: datetime) -> None:
    """Make what the lab does not have yet: the CA of its listeners with their certificate, and the issuer.

    The listeners' CA key is not kept: it signs once.
    """
    if not (directory / LISTENER).exists():
        key = ec.generate_private_key(ec.SECP256R1())
        ca = _authority("Lab listeners CA", key, now)
        listener_key = ec.generate_private_key(ec.SECP256R1())
        listener = _listener(ca, key, listener_key, now)
        (directory / CA).write_bytes(_pem(ca))
        write_private(directory / LISTENER_KEY, _key_pem(listener_key))
        (directory / LISTENER).write_bytes(_pem(listener))
    if not (directory / ISSUER).exists():
        # RSA, as the authorities have whose certificates Exchange gets.
        issuer_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        write_private(directory / ISSUER_KEY, _key_pem(issuer_key))
        (directory / ISSUER).write_bytes(_pem(_authority("Lab issuing CA", issuer_key, now)))


def client_certificate(account: str) -> str:
    """File name, inside the lab's directory, of an account's certificate and its key, PEM."""
    return f"{account}.client.pem"


def open_client_certificates(directory: Path, accounts: Sequence[str], now: datetime) -> dict[str, bytes]:
    """The certificates of accounts, DER, by account; those that the lab does not have yet are made.

    As of the listeners' CA, the key is not kept: who has an account has it from the beginning.
    """
    if not (directory / CLIENT_CA).exists():
        ca_key = ec.generate_private_key(ec.SECP256R1())
        ca = _authority("Lab clients CA", ca_key, now)
        for account in accounts:
            key = ec.generate_private_key(ec.SECP256R1())
            made = _client(account, ca, ca_key, key, now)
            write_private(directory / client_certificate(account), _pem(made) + _key_pem(key))
        (directory / CLIENT_CA).write_bytes(_pem(ca))
    read = {account: (directory / client_certificate(account)).read_bytes() for account in accounts}
    return {
        account: x509.load_pem_x509_certificate(pem).public_bytes(serialization.Encoding.DER)
        for account, pem in read.items()
    }


def _client(account: str, ca: x509.Certificate, ca_key: _Key, key: _Key, now: datetime) -> x509.Certificate:
    principal = f"{account}@contoso.com".encode()
    name = x509.OtherName(_PRINCIPAL_NAME, b"\x0c" + bytes([len(principal)]) + principal)  # a UTF8String
    return (
        _builder(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, account)]), ca.subject, key, now)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([name]), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .sign(ca_key, hashes.SHA256())
    )


def _authority(common_name: str, key: _Key, now: datetime) -> x509.Certificate:
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Exchange lab"),
        ]
    )
    usage = x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=True,
        crl_sign=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
    return (
        _builder(name, name, key, now)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )


def _listener(ca: x509.Certificate, ca_key: _Key, key: _Key, now: datetime) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    alternatives = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key())
    return (
        _builder(name, ca.subject, key, now)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(authority, critical=False)
        .sign(ca_key, hashes.SHA256())
    )


def _builder(subject: x509.Name, issuer: x509.Name, key: _Key, now: datetime) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + _LIFETIME)
    )


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: _Key) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
