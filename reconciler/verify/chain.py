"""Whether the chain that a peer sent leads to an authority that is trusted, judged at a given instant.

OpenSSL would judge at the machine's own clock, and fills a short chain up with its own copies. What else the
profile of public web authorities demands is not asked for: mail servers do not either.
"""

from __future__ import annotations

import ssl
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import (
    Criticality,
    ExtensionPolicy,
    Policy,
    PolicyBuilder,
    Store,
    VerificationError,
)

from reconciler.pki.certificate import NotACertificate, certificate_facts

_DEEPEST: Final = 8
"""Certificates between the peer's own and the root; real chains have one or two."""

UNKNOWN_ISSUER: Final = "unable to get local issuer certificate"
"""As OpenSSL says that neither the chain nor this machine has the next certificate."""

_SERVER: Final = {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE}


@dataclass
class AuthorityUnreadable(Exception):
    """A file that was to name a trusted authority."""

    path: Path
    reason: str

    def __str__(self) -> str:
        return f"{self.path} cannot be read: {self.reason}"


@dataclass(frozen=True, slots=True)
class Authorities:
    """Whose certificates are good.

    Attributes:
        anchors: Where a chain may end.
        copies: Intermediates that this machine knows: a peer has to send its own.
        is_whole: False where some could not be read: that a chain leads to none of these says nothing.
    """

    anchors: tuple[x509.Certificate, ...] = ()
    copies: tuple[x509.Certificate, ...] = ()
    is_whole: bool = True


@dataclass(frozen=True, slots=True)
class Trust:
    """Whose certificates are good: the public roots of this machine, and further authorities.

    Attributes:
        authorities: PEM files; a certificate in them is trusted even if it is not its own issuer, unless the
            public roots vouch for it: then the world needs it to be sent.
    """

    authorities: tuple[Path, ...] = ()

    def opened(self) -> Authorities:
        """The certificates themselves.

        Raises:
            AuthorityUnreadable: a file cannot be read, or holds no certificate.
        """
        authorities, unreadable = self.as_far_as_readable()
        if unreadable:
            raise unreadable[0]
        return authorities

    def as_far_as_readable(self) -> tuple[Authorities, tuple[AuthorityUnreadable, ...]]:
        """The certificates of the files that can be read, and what is wrong with the others."""
        known = _of_this_machine(ssl.get_default_verify_paths())
        named: list[x509.Certificate] = []
        unreadable: list[AuthorityUnreadable] = []
        for path in self.authorities:
            try:
                named += _in_file(path)
            except AuthorityUnreadable as error:
                unreadable.append(error)
        roots, copies = list(known.anchors), list(known.copies)
        own = [one for one in named if _issuer_among(one, [*roots, *copies]) is None]
        copies += [one for one in named if one not in own and one not in roots]
        return Authorities((*roots, *own), tuple(copies), is_whole=not unreadable), tuple(unreadable)


@dataclass(frozen=True, slots=True)
class ChainProblem:
    """Why a chain is not good.

    Attributes:
        is_short: It is good with a certificate that this machine happens to have.
    """

    reason: str
    is_short: bool = False


def judge_chain(chain: Sequence[bytes], trusted: Authorities, now: datetime) -> ChainProblem | None:
    """Tell what is wrong with a chain; None when it is good.

    Names are not looked at, and of the dates of the peer's own certificate it is taken for granted that they
    are right: both are told with their details by who reads it.

    Args:
        chain: As it was sent, the peer's own first; DER, and that one is known to be a certificate.
        now: UTC, aware.
    """
    leaf, *sent = _parsed(chain)
    at = min(max(now, leaf.not_valid_before_utc), leaf.not_valid_after_utc)
    problem = _verified(leaf, sent, trusted, at)
    if not problem:
        return None
    if not _verified(leaf, [*sent, *trusted.copies], trusted, at):
        missing = _first_missing(leaf, sent, trusted)
        return ChainProblem(f"it lacks {missing}, which clients without a copy need", is_short=True)
    return ChainProblem(_explained(leaf, sent, trusted, at) or problem)


def _verified(
    leaf: x509.Certificate, sent: Sequence[x509.Certificate], trusted: Authorities, at: datetime
) -> str:
    """The library's reason against a chain; "" when it is good."""
    if not trusted.anchors:
        return "no authority is trusted"
    # Of the library's two verifiers this is the one that leaves names to its caller.
    verifier = (
        PolicyBuilder()
        .store(Store(list(trusted.anchors)))
        .time(at)
        .max_chain_depth(_DEEPEST)
        .extension_policies(ca_policy=_AUTHORITY, ee_policy=_PEER)
        .build_client_verifier()
    )
    try:
        verifier.verify(leaf, list(sent))
    except (VerificationError, ValueError, UnsupportedAlgorithm, x509.DuplicateExtension) as error:
        return str(error).partition("\n")[0].rpartition("exhausted: ")[2] or type(error).__name__
    return ""


def _may_sign(_: Policy, __: x509.Certificate, usage: x509.KeyUsage | None) -> None:
    if usage is not None and not usage.key_cert_sign:
        raise ValueError("an issuer in the chain may not sign certificates")


def _may_serve(_: Policy, __: x509.Certificate, usages: x509.ExtendedKeyUsage | None) -> None:
    if usages is not None and not _SERVER & set(usages):
        raise ValueError("unsuitable certificate purpose: it is not for servers")


_AUTHORITY: Final = (
    ExtensionPolicy.permit_all()
    .require_present(x509.BasicConstraints, Criticality.AGNOSTIC, None)
    .may_be_present(x509.KeyUsage, Criticality.AGNOSTIC, _may_sign)
    .may_be_present(x509.ExtendedKeyUsage, Criticality.AGNOSTIC, _may_serve)
)
_PEER: Final = ExtensionPolicy.permit_all().may_be_present(
    x509.ExtendedKeyUsage, Criticality.AGNOSTIC, _may_serve
)


def _explained(
    leaf: x509.Certificate, sent: Sequence[x509.Certificate], trusted: Authorities, at: datetime
) -> str:
    """Why, in the words that OpenSSL has for it; "" where only the library knows."""
    for one in _path(leaf, sent, trusted):
        if one.not_valid_after_utc < at:
            return f"{_name(one)} in the chain has expired"
        if one.not_valid_before_utc > at:
            return f"{_name(one)} in the chain is not valid yet"
        if one in trusted.anchors:
            return ""
        last = one
    if _signs_itself(last):
        return "self-signed certificate" if last == leaf else "self-signed certificate in the chain"
    return f"{UNKNOWN_ISSUER}: {_names(last)[1]}"


def _first_missing(leaf: x509.Certificate, sent: Sequence[x509.Certificate], trusted: Authorities) -> str:
    with_copies = _path(leaf, [*sent, *trusted.copies], trusted)
    there = {leaf, *sent, *trusted.anchors}
    return next((_name(one) for one in with_copies if one not in there), "an intermediate")


def _path(
    leaf: x509.Certificate, others: Sequence[x509.Certificate], trusted: Authorities
) -> Iterator[x509.Certificate]:
    """From a certificate upwards, as far as it goes."""
    current: x509.Certificate | None = leaf
    for _ in range(_DEEPEST + 2):
        if current is None:
            return
        yield current
        if current in trusted.anchors or (current != leaf and _signs_itself(current)):
            return
        found = _issuer_among(current, [*trusted.anchors, *others])
        current = None if found == current else found


def _issuer_among(
    certificate: x509.Certificate, candidates: Iterable[x509.Certificate]
) -> x509.Certificate | None:
    for candidate in candidates:
        if candidate.subject == certificate.issuer and _is_issued_by(certificate, candidate):
            return candidate
    return None


def _signs_itself(certificate: x509.Certificate) -> bool:
    """As far as the signature can be checked: nobody verifies the sha1RSA that setup of 2019 signs with."""
    if certificate.subject != certificate.issuer:
        return False
    try:
        certificate.verify_directly_issued_by(certificate)
    except InvalidSignature:
        return False
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return True
    return True


def _is_issued_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, ValueError, TypeError, UnsupportedAlgorithm):
        return False
    return True


def _name(certificate: x509.Certificate) -> str:
    return _names(certificate)[0] or "a certificate without a name"


def _names(certificate: x509.Certificate) -> tuple[str, str]:
    """Subject and issuer, as Exchange prints them."""
    try:
        facts = certificate_facts(certificate.public_bytes(Encoding.DER))
    except NotACertificate:
        return certificate.subject.rfc4514_string(), certificate.issuer.rfc4514_string()
    return facts.subject, facts.issuer


def _parsed(chain: Sequence[bytes]) -> list[x509.Certificate]:
    """The peer's own, which was read before, and what of the others can be read."""
    found = [x509.load_der_x509_certificate(chain[0])]
    for der in chain[1:]:
        try:
            one = x509.load_der_x509_certificate(der)
            _ = one.subject, one.issuer, one.not_valid_before_utc, one.not_valid_after_utc  # read only now
        except (ValueError, x509.InvalidVersion):
            continue
        found.append(one)
    return found


@cache
def _of_this_machine(paths: ssl.DefaultVerifyPaths) -> Authorities:
    """What OpenSSL trusts here: a file, on Windows the system's stores, or a folder of files."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_default_certs()
    found = []
    with warnings.catch_warnings():  # a root with an odd serial number is this machine's affair
        warnings.simplefilter("ignore", CryptographyDeprecationWarning)
        for der in context.get_ca_certs(binary_form=True) or _in_folder(paths.capath):
            try:
                found.append(x509.load_der_x509_certificate(der))
            except (ValueError, x509.InvalidVersion):
                continue
    roots = tuple(one for one in found if _signs_itself(one))
    return Authorities(roots, tuple(one for one in found if one not in roots))


def _in_folder(folder: str | None) -> Iterator[bytes]:
    """OpenSSL opens those only when a chain asks for them."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    for path in sorted(Path(folder).iterdir()) if folder else ():
        try:
            context.load_verify_locations(cafile=path)
        except OSError:
            continue
    yield from context.get_ca_certs(binary_form=True)


def _in_file(path: Path) -> list[x509.Certificate]:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise AuthorityUnreadable(path, error.strerror or type(error).__name__) from error
    try:
        return x509.load_pem_x509_certificates(data)
    except ValueError as error:
        raise AuthorityUnreadable(path, "it holds no certificate in PEM") from error
