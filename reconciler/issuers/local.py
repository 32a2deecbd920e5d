"""A small certificate authority from two files: for a lab, a test organization, or partners who trust it."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, Self

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.x509.oid import ExtendedKeyUsageOID

from reconciler.credentials.private_file import PrivateFileRefused, read_private
from reconciler.issuers.orderly import ANEW, read_request
from reconciler.issuers.port import CertificateRequest, Issued, IssuerUnusable, RequestRefused
from reconciler.pki.signable import is_signable

LIFETIME: Final = timedelta(days=90)
_BACKDATED: Final = timedelta(minutes=5)
"""Servers whose clock is a little behind must not see a certificate from the future."""

_LARGEST: Final = 256 * 1024


class LocalIssuer:
    """Signs every request that is in order, at once. The request's names are the certificate's names."""

    def __init__(
        self,
        name: str,
        chain: tuple[x509.Certificate, ...],
        key: RSAPrivateKey | EllipticCurvePrivateKey,
        *,
        lifetime: timedelta = LIFETIME,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        serial: Callable[[], int] = x509.random_serial_number,
    ) -> None:
        """Take what :meth:`open` read.

        Args:
            name: Its name under ``issuers``, for messages.
            chain: The authority's certificate first, then those that issued it.
            key: The authority's.
            lifetime: Of what it issues; the authority's own end comes first.
            clock: Gives now; UTC, aware.
            serial: Gives 20 unpredictable bytes as a number (RFC 5280 4.1.2.2).
        """
        self._name = name
        self._chain = chain
        self._key = key
        self._lifetime = lifetime
        self._clock = clock
        self._serial = serial

    @classmethod
    def open(
        cls,
        name: str,
        certificate: Path,
        key: Path,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> Self:
        """Read the two files and check that they make an authority.

        Args:
            name: Its name under ``issuers``, for messages.
            certificate: PEM: the authority's certificate, then those that issued it, if any.
            key: PEM, without a passphrase; readable by nobody else.
            clock: Gives now; UTC, aware.

        Raises:
            IssuerUnusable: a file is missing or not what it must be, the key is another certificate's, the
                certificate is no authority's, or is not valid now.
        """
        chain = _read_chain(name, certificate)
        private_key = _read_key(name, key)
        authority = chain[0]
        try:
            has_key = private_key.public_key() == authority.public_key()
            may_sign = _may_sign_certificates(authority)
            not_before, not_after = authority.not_valid_before_utc, authority.not_valid_after_utc
            _read_name(authority)
        except (ValueError, x509.DuplicateExtension, UnsupportedAlgorithm) as error:
            raise IssuerUnusable(name, f"{certificate} cannot be understood: {error}") from error
        if not has_key:
            raise IssuerUnusable(name, f"{key} is not the key of {certificate}")
        if not may_sign:
            raise IssuerUnusable(name, f"{certificate} is not the certificate of an authority")
        if not not_before <= (now := clock()) <= not_after:
            raise IssuerUnusable(
                name,
                f"{certificate} is valid from {not_before:%Y-%m-%d %H:%M} to {not_after:%Y-%m-%d %H:%M} UTC; "
                f"it is {now:%Y-%m-%d %H:%M}",
            )
        return cls(name, chain, private_key, clock=clock)

    def issue(self, request: CertificateRequest) -> Issued:
        """Sign a request. The same request again gives another certificate.

        Raises:
            RequestRefused: its signature is wrong, its key is no RSA key of 2048 bits or more, it names
                nothing, or the authority is at its end.
        """
        csr = self._checked(request)
        now = self._clock().replace(microsecond=0)
        authority = self._chain[0]
        not_before = max(now - _BACKDATED, authority.not_valid_before_utc)
        not_after = min(now + self._lifetime, authority.not_valid_after_utc)
        if not_after <= now:
            raise self._refused(
                f"its own certificate ended on {not_after:%Y-%m-%d %H:%M} UTC",
                "renew the authority's certificate, and apply again: the request is used again",
            )
        leaf = self._leaf(csr, not_before, not_after)
        return Issued(
            "".join(
                certificate.public_bytes(serialization.Encoding.PEM).decode("ascii")
                for certificate in (leaf, *self._chain)
            ),
            not_after,
        )

    def _checked(self, request: CertificateRequest) -> x509.CertificateSigningRequest:
        facts = read_request(self._name, request)
        for attribute in facts.name.attributes:
            if not is_signable(attribute):
                raise self._refused(
                    f"its subject has {attribute}, which X.509 does not allow",
                    "correct subject, and apply again: another request is then made",
                )
        return x509.load_pem_x509_csr(facts.pem.encode("ascii"))

    def _refused(self, reason: str, hint: str) -> RequestRefused:
        return RequestRefused(self._name, reason, hint)

    def _leaf(
        self, csr: x509.CertificateSigningRequest, not_before: datetime, not_after: datetime
    ) -> x509.Certificate:
        try:
            alternative = csr.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        except x509.ExtensionNotFound:
            raise self._refused("the request has no SubjectAltName", ANEW) from None
        key = csr.public_key()
        subject = csr.subject
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._chain[0].subject)
            .public_key(key)
            .serial_number(self._serial())
            .not_valid_before(not_before)
            .not_valid_after(not_after)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_KEY_USAGE, critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            # Critical where it is the only name: RFC 5280 4.2.1.6.
            .add_extension(alternative, critical=not list(subject))
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(self._authority_key_identifier(), critical=False)
        )
        return builder.sign(self._key, hashes.SHA256())

    def _authority_key_identifier(self) -> x509.AuthorityKeyIdentifier:
        authority = self._chain[0]
        try:
            own = authority.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        except x509.ExtensionNotFound:
            return x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own)


_KEY_USAGE: Final = x509.KeyUsage(
    digital_signature=True,
    key_encipherment=True,
    content_commitment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=False,
    crl_sign=False,
    encipher_only=False,
    decipher_only=False,
)


def _read_chain(name: str, path: Path) -> tuple[x509.Certificate, ...]:
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST + 1)
    except OSError as error:
        raise IssuerUnusable(name, f"{path} cannot be read: {error.strerror}") from error
    if len(data) > _LARGEST:
        raise IssuerUnusable(name, f"{path} has over {_LARGEST} bytes")
    try:
        return tuple(x509.load_pem_x509_certificates(data))
    except (ValueError, x509.InvalidVersion) as error:
        raise IssuerUnusable(name, f"{path} is no certificate in PEM") from error


def _read_key(name: str, path: Path) -> RSAPrivateKey | EllipticCurvePrivateKey:
    try:
        data = read_private(path, _LARGEST)
    except PrivateFileRefused as refused:
        raise IssuerUnusable(name, str(refused), refused.remedy) from refused
    try:
        key = serialization.load_pem_private_key(data, password=None)
    except TypeError as error:
        raise IssuerUnusable(
            name, f"{path} has a passphrase", "take it off: openssl pkey -in KEY -out NEWKEY"
        ) from error
    except (ValueError, UnsupportedAlgorithm):
        # Without its cause: a parser's words about a key file are no business of a log.
        raise IssuerUnusable(name, f"{path} is no private key in PEM") from None
    if not isinstance(key, RSAPrivateKey | EllipticCurvePrivateKey):
        raise IssuerUnusable(name, f"{path} is neither an RSA nor an elliptic-curve key")
    return key


def _read_name(certificate: x509.Certificate) -> None:
    """Read the name that every leaf repeats, without a word about lengths: ``C=Germany`` is on real ones.

    The certificate keeps it, so no later reader is warned.

    Raises:
        ValueError: it cannot be read.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        _ = certificate.subject


def _may_sign_certificates(certificate: x509.Certificate) -> bool:
    extensions = certificate.extensions
    try:
        if not extensions.get_extension_for_class(x509.BasicConstraints).value.ca:
            return False
    except x509.ExtensionNotFound:
        return False
    try:
        return extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign
    except x509.ExtensionNotFound:
        return True  # no extension: no restriction (RFC 5280 4.2.1.3)
