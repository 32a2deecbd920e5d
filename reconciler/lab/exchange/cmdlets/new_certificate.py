"""New- and Import-ExchangeCertificate: keys, requests, and what comes back from an authority."""

from __future__ import annotations

import base64
import binascii
import re
from uuid import uuid4

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7, pkcs12

from reconciler.lab.call import Secret
from reconciler.lab.exchange import enums
from reconciler.lab.exchange.certificates import (
    StoredCertificate,
    self_signed,
    signing_request,
)
from reconciler.lab.exchange.cmdlets.certificate import (
    apply_services,
    request_value,
    services_of,
    wants_default,
)
from reconciler.lab.exchange.cmdlets.conversion import Edit
from reconciler.lab.exchange.cmdlets.errors import Refused
from reconciler.lab.exchange.cmdlets.run import Run, Steps
from reconciler.lab.exchange.founding import FIVE_YEARS
from reconciler.lab.exchange.keys import PrivateKey, public_digest
from reconciler.lab.exchange.organization import Server
from reconciler.lab.exchange.values import BadValue, checked_domain
from reconciler.lab.exchange.x500 import common_name, name_of_text, pairs_of_text, text_of_name

KEY_SIZES = (1024, 2048, 4096)
NAME_PARAMETERS = (
    "DomainName",
    "IncludeAcceptedDomains",
    "IncludeAutoDiscover",
    "IncludeServerFQDN",
    "IncludeServerNetBIOSName",
)


def new(run: Run) -> Steps:
    """New-ExchangeCertificate: a request with a pending entry, or a self-signed certificate."""
    run.check_role()
    run.check_lengths()
    server = run.named_server()
    if "Instance" in run.bound:
        raise Refused("The parameter Instance is deprecated; the lab doesn't have it.", target="Instance")
    if "RequestFile" in run.bound:
        raise Refused("The lab has no shares that a request could be written to.", target="RequestFile")
    size = run.bound.get("KeySize", 2048)
    if size not in KEY_SIZES:  # [2.1-5]
        raise Refused(f"The key size must be one of {KEY_SIZES}.", kind="ArgumentException", target="KeySize")
    subject = _subject(run, server)
    domains = _domains(run, server, subject)
    if run.bound.is_on("GenerateRequest"):
        yield from _request(run, server, subject, domains, size)
    elif run.bound.is_on("BinaryEncoded"):
        raise Refused(
            "BinaryEncoded needs GenerateRequest.", kind="ArgumentException", target="BinaryEncoded"
        )
    else:
        yield from _self_signed(run, server, subject, domains, size)


def _subject(run: Run, server: Server) -> x509.Name:
    return name_of_text(run.bound.text("SubjectName") or f"CN={server.name}")


def _domains(run: Run, server: Server, subject: x509.Name) -> list[str]:
    """The names of the certificate [2.1-6]: the subject's CN always, duplicates folded."""
    names: list[str] = []
    if (cn := _common_name(subject)) is not None:
        names.append(cn)
    given = run.bound.get("DomainName")
    names += given.add if isinstance(given, Edit) else given or []
    accepted = [text for d in server.partition.accepted_domains.values() if (text := d["DomainName"])]
    plain = [domain for domain in accepted if not domain.startswith("*")]
    if run.bound.is_on("IncludeAcceptedDomains"):
        names += plain
    if run.bound.is_on("IncludeAutoDiscover"):
        names += [f"autodiscover.{domain}" for domain in plain]
    if run.bound.is_on("IncludeServerFQDN") or not any(name in run.bound for name in NAME_PARAMETERS):
        names.append(server.home.fqdn)
    if run.bound.is_on("IncludeServerNetBIOSName") or not any(name in run.bound for name in NAME_PARAMETERS):
        names.append(server.name)
    folded: dict[str, str] = {}
    for name in names:
        try:
            checked_domain(name.removeprefix("*."))
        except BadValue:
            continue  # a CN that is no domain ("Microsoft Exchange") just is no alternative name
        folded.setdefault(name.lower(), name)
    return list(folded.values())


def _request(run: Run, server: Server, subject: x509.Name, domains: list[str], size: int) -> Steps:
    if not (yield from run.should_process("Creating a certificate request.")):
        return
    key = run.organization.keys.new(size)
    request = signing_request(key, subject, domains)
    # The store for requests holds a certificate of the same key in the request's place [2.1-12].
    placeholder = self_signed(key, subject, domains, run.now, FIVE_YEARS)
    pending = StoredCertificate(
        placeholder,
        friendly_name=_friendly_name(run, "Microsoft Exchange"),
        exportable=run.bound.is_on("PrivateKeyExportable"),
        request=request,
        container=uuid4(),
    )
    run.organization.put_certificates(
        server, (*server.certificates, pending), default=server.default_thumbprint
    )
    yield run.show_value(request_value(request, is_binary=run.bound.is_on("BinaryEncoded")))


def _self_signed(run: Run, server: Server, subject: x509.Name, domains: list[str], size: int) -> Steps:
    is_smtp_only = run.bound.is_on("IncludeAcceptedDomains") or run.bound.is_on("IncludeAutoDiscover")
    default = "SMTP" if is_smtp_only or server.home.is_edge else "IMAP, POP, SMTP"  # [2.1-8]
    services = services_of(run, run.bound.text("Services") or default)
    if not (yield from run.should_process("Creating a self-signed certificate.")):
        return
    key = run.organization.keys.new(size)
    certificate = StoredCertificate(
        self_signed(key, subject, domains, run.now, FIVE_YEARS),
        friendly_name=_friendly_name(run, "Microsoft Exchange"),
        exportable=run.bound.is_on("PrivateKeyExportable"),
        container=uuid4(),
    )
    make_default = False
    if services & enums.SMTP:
        make_default = yield from wants_default(run, server, certificate)  # [2.1-9]
        if (_common_name(subject) or "").lower() == server.name.lower():
            services |= enums.IMAP  # nobody asked, and it shows all the same [2.3-2]
    # One write: the certificate is never seen without its services.
    everything = (*server.certificates, certificate)
    stored = apply_services(run, server, certificate, services, everything, make_default=make_default)
    yield run.show_certificate(server, stored)


def _common_name(subject: x509.Name) -> str | None:
    return common_name(pairs_of_text(text_of_name(subject)))


def _friendly_name(run: Run, default: str) -> str:
    return run.bound.text("FriendlyName") or default


# --- Import -------------------------------------------------------------------------------------


def import_(run: Run) -> Steps:
    """Import-ExchangeCertificate: completes a request, or brings a key along [2.2-2], [2.2-3].

    It enables no service [2.2-4].
    """
    run.check_role()
    run.check_lengths()
    server = run.named_server()
    if "FileData" not in run.bound:
        raise Refused("The lab has no shares that a certificate could be read from.", target="FileName")
    found, key = _contents(run, run.bound.values["FileData"])
    pending, leaf = _leaf(server, found)
    if not (yield from run.should_process("Importing a certificate.")):
        return
    der = leaf.public_bytes(Encoding.DER)
    thumbprint = StoredCertificate(der).thumbprint
    if server.certificate(thumbprint) is not None:
        raise Refused(
            f"Cannot import certificate. A certificate with the thumbprint {thumbprint} already exists.",
            target=thumbprint,
        )
    if key is not None:
        run.organization.keys.keep(key)
    elif pending is None and not _has_key(server, leaf):
        raise Refused(
            "The certificate has no private key here: it comes without one, and no pending request of this "
            "server has its public key.",
            kind="CryptographicException",
            target="FileData",
        )
    stored = StoredCertificate(
        der,
        friendly_name=_friendly_name(run, pending.friendly_name if pending else ""),
        exportable=pending.exportable if pending else run.bound.is_on("PrivateKeyExportable"),
        container=pending.container if pending else uuid4(),
    )
    kept = tuple(each for each in server.certificates if each is not pending)
    others = (other.public_bytes(Encoding.DER) for other in found if other != leaf)
    run.organization.put_certificates(
        server,
        (*kept, stored),
        default=server.default_thumbprint,
        intermediates=tuple(dict.fromkeys([*server.intermediates, *others])),
    )
    yield run.show_certificate(server, stored)


def _leaf(server: Server, found: list[x509.Certificate]) -> tuple[StoredCertificate | None, x509.Certificate]:
    """The certificate that is meant, and the pending request that it completes [2.2-3]."""
    waiting = {public_digest(p.certificate.public_key()): p for p in server.certificates if p.is_pending}
    for certificate in found:
        if pending := waiting.get(public_digest(certificate.public_key())):
            return pending, certificate
    return None, next((certificate for certificate in found if not _is_authority(certificate)), found[0])


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def _has_key(server: Server, leaf: x509.Certificate) -> bool:
    """Tell whether this server has the key already, with a certificate that is being renewed."""
    digest = public_digest(leaf.public_key())
    return any(digest == public_digest(each.certificate.public_key()) for each in server.certificates)


_BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----(.+?)-----END \1-----", re.DOTALL)


def _contents(run: Run, data: bytes) -> tuple[list[x509.Certificate], PrivateKey | None]:
    """Read PKCS#12, PKCS#7 or certificates, binary or text [2.2-2]; at least one certificate.

    Raises:
        Refused: it is none of these, or the password is wrong.
    """
    try:
        if blocks := _BLOCK.findall(data):
            found = [c for _, body in blocks for c in _certificates(base64.b64decode(body))]
            return _some(found), None
        try:
            return _some(_certificates(data)), None
        except ValueError:
            return _pkcs12(data, run.bound.get("Password"))
    except (ValueError, binascii.Error):
        raise Refused(
            "The source data cannot be imported, or the wrong password was specified.",
            kind="CryptographicException",
            target="FileData",
        ) from None


def _some(found: list[x509.Certificate]) -> list[x509.Certificate]:
    if not found:
        raise ValueError("no certificate")
    return found


def _certificates(der: bytes) -> list[x509.Certificate]:
    """A DER certificate, or those in a DER PKCS#7."""
    try:
        return [x509.load_der_x509_certificate(der)]
    except ValueError:
        return pkcs7.load_der_pkcs7_certificates(der)


def _pkcs12(data: bytes, password: Secret | None) -> tuple[list[x509.Certificate], PrivateKey | None]:
    secret = password.text.encode() if password else None
    key, leaf, others = pkcs12.load_key_and_certificates(data, secret)
    if leaf is None or not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise ValueError("no certificate with a key that Exchange uses")
    return [leaf, *others], key
