"""Private keys: real ones, each in its own PEM file that only its owner may read.

No key ever leaves here but into an exported PKCS#12 or an SMTP listener.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from reconciler.lab.exchange.files import write_durably

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
KeySource = Callable[[int], rsa.RSAPrivateKey]
"""Makes an RSA key of so many bits. Tests hand in a pool: 60 ms a key add up."""


def new_rsa_key(bits: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def public_digest(key: PublicKeyTypes) -> str:
    """SHA-256 of a SubjectPublicKeyInfo: how a certificate finds its key."""
    return hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


class KeyRing:
    """The keys of an organization; which server may use one is the certificates' affair."""

    def __init__(self, folder: Path, source: KeySource = new_rsa_key) -> None:
        self._folder = folder
        self._source = source
        self._loaded: dict[str, PrivateKey] = {}

    def new(self, bits: int) -> rsa.RSAPrivateKey:
        """Make a key and keep it; it is on disk when this returns."""
        key = self._source(bits)
        self.keep(key)
        return key

    def keep(self, key: PrivateKey, name: str = "") -> None:
        """Keep a key under its public key's digest, or under another name."""
        digest = public_digest(key.public_key())
        path = self._path(name or digest)
        self._loaded[name or digest] = key
        if not path.exists():
            pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            write_durably(path, pem, mode=0o600)

    def named(self, name: str) -> PrivateKey | None:
        """The key kept under a name, or None."""
        if name not in self._loaded:
            path = self._path(name)
            if not path.is_file():
                return None
            key = load_pem_private_key(path.read_bytes(), None)
            if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
                return None
            self._loaded[name] = key
        return self._loaded[name]

    def of(self, certificate: x509.Certificate) -> PrivateKey | None:
        """The key of a certificate, or None when it is not here."""
        return self.named(public_digest(certificate.public_key()))

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.pem"
