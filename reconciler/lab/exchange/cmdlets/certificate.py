"""Get-, Enable-, Export- and Remove-ExchangeCertificate."""

from __future__ import annotations

import base64
from collections.abc import Generator, Iterable
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID

from reconciler.lab.call import Emission, Secret, Warned
from reconciler.lab.exchange import enums
from reconciler.lab.exchange.certificates import FRONT_END_SITE, StoredCertificate, covers
from reconciler.lab.exchange.clixml import NIL, Obj, Scalar, Value, boolean, string
from reconciler.lab.exchange.cmdlets.auth_certificate import as_shown
from reconciler.lab.exchange.cmdlets.errors import INVALID_ARGUMENT, Refused, not_found, not_transformed
from reconciler.lab.exchange.cmdlets.run import Run, Steps
from reconciler.lab.exchange.directory import SERVER_ZONE
from reconciler.lab.exchange.organization import Server
from reconciler.lab.exchange.values import OBJECT, BadValue
from reconciler.lab.exchange.x500 import BadName, CertificateName

FILE_TYPES = (
    "Microsoft.Exchange.Data.BinaryFileDataObject",
    "Microsoft.Exchange.Data.ConfigurableObject",
    OBJECT,
)
"""The type is a recollection: the pages do not name it [2.1-2]."""


def get(run: Run) -> Steps:
    """Get-ExchangeCertificate: of one server, the connected one by default [1-1]."""
    run.check_role()
    identity = run.bound.text("Identity") or run.bound.text("Thumbprint")
    if identity is not None:
        server, stored = named(run, identity)
        yield run.show_certificate(server, stored)
        return
    server = run.named_server()
    found = as_shown(run, server.certificates)
    if hosts := run.bound.get("DomainName"):
        found = _best_first(found, hosts, run.now)
    for stored in found:
        yield run.show_certificate(server, stored)


def _best_first(
    certificates: list[StoredCertificate], hosts: list[str], now: datetime
) -> list[StoredCertificate]:
    """Those that cover every name, the one that Exchange would choose first [2.5-2]."""
    covering = [c for c in certificates if all(covers(c.certificate, host) for host in hosts)]
    return sorted(
        covering,
        key=lambda c: (not c.is_pending, c.is_current(now), c.certificate.not_valid_after_utc),
        reverse=True,
    )


def named(run: Run, identity: str) -> tuple[Server, StoredCertificate]:
    """Find a certificate by ``SERVER\\THUMBPRINT`` or by thumbprint [1-1]."""
    host, _, thumbprint = identity.rpartition("\\")
    if host and "Server" in run.bound:
        raise Refused("Identity and Server can't be combined.", kind="ArgumentException")
    server = run.named_server()
    if host:
        other = run.organization.server(host)
        if other is None or other.partition is not run.partition:
            raise not_found(identity, run.controller)
        server = other
    stored = server.certificate(thumbprint.replace(" ", ""))
    if stored is None:
        raise _unknown(thumbprint)
    return server, stored


def _unknown(thumbprint: str) -> Refused:
    return Refused(
        f"The certificate with thumbprint {thumbprint} was not found.",
        kind="ManagementObjectNotFoundException",
        target=thumbprint,
    )


def _identity(run: Run) -> str:
    identity = run.bound.text("Identity") or run.bound.text("Thumbprint")
    if identity is None:
        raise Refused("A thumbprint must be given.", kind="ArgumentException")
    return identity


# --- Enable -------------------------------------------------------------------------------------


def enable(run: Run) -> Steps:
    """Enable-ExchangeCertificate: services are added, never taken away [2.3-1]."""
    run.check_role()
    server, stored = named(run, _identity(run))
    wanted = services_of(run, run.bound.text("Services") or "")
    if wanted == 0:
        raise not_transformed(run.cmdlet, "Services", "The value None can't be used here.")
    _refuse_unfit(run, server, stored, wanted)
    if not (yield from run.should_process(f"Enabling certificate {stored.thumbprint} for services.")):
        return
    is_new_default = False
    if wanted & enums.SMTP:
        is_new_default = yield from wants_default(run, server, stored)
    for bit, name in ((enums.POP, "POP"), (enums.IMAP, "IMAP")):
        if wanted & bit and any(host.startswith("*") for host in stored.domains()):  # [2.3-6]
            wanted &= ~bit
            yield Warned(
                f"The certificate {stored.thumbprint} can't be used for {name} SSL/TLS connections "
                "because its subject is not a fully qualified domain name."
            )
    current = server.certificate(stored.thumbprint)
    if current is None:  # another session removed it while this one asked
        raise _unknown(stored.thumbprint)
    apply_services(run, server, current, wanted, server.certificates, make_default=is_new_default)


def services_of(run: Run, text: str) -> int:
    try:
        return enums.SERVICES.number(text)
    except BadValue as reason:
        raise not_transformed(run.cmdlet, "Services", str(reason)) from None


def _refuse_unfit(run: Run, server: Server, stored: StoredCertificate, wanted: int) -> None:
    if wanted & enums.SERVICES.members["Federation"]:  # [2.3-6]
        raise Refused(
            "Certificates are enabled for Federation by the federation trust only.", target="Services"
        )
    if server.home.is_edge and wanted & ~enums.SMTP:  # no web, no mailboxes there [exp: edge-services]
        raise Refused("An Edge Transport server has the service SMTP only.", target="Services")
    # Telephony needs the startup mode TLS or Dual, which no server here has, and 2019 has no such role.
    if wanted & (enums.UM | enums.SERVICES.members["UMCallRouter"]):
        raise Refused(
            "The Unified Messaging service isn't there or its startup mode isn't TLS or Dual.",
            target="Services",
        )
    reason = None
    if stored.is_pending:
        reason = "PrivateKeyMissing"  # a request's placeholder has no certificate to go with its key
    elif stored.export is None and run.organization.keys.of(stored.certificate) is None:
        reason = "PrivateKeyMissing"
    elif not _serves(stored.certificate):
        reason = "PkixKpServerAuthNotFoundInEnhancedKeyUsage"
    if reason:
        raise Refused(
            f"The certificate with thumbprint {stored.thumbprint} was found but is not valid for use with "
            f"Exchange Server (reason: {reason}).",
            target=stored.thumbprint,
        )


def _serves(certificate: x509.Certificate) -> bool:
    try:
        usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return True
    return ExtendedKeyUsageOID.SERVER_AUTH in usage or ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE in usage


def wants_default(
    run: Run, server: Server, stored: StoredCertificate
) -> Generator[Emission, int | None, bool]:
    """Ask whether the default SMTP certificate is to be replaced; -Force means yes [2.3-3]."""
    old = server.certificate(server.default_thumbprint) if server.default_thumbprint else None
    if old is None:
        return True
    if old.thumbprint == stored.thumbprint:
        return False
    if run.bound.is_on("Force"):
        return True
    return (
        yield from run.ask(
            "Confirm",
            "Overwrite the existing default SMTP certificate?\n\n"
            f"Current certificate: '{old.thumbprint}' (expires {_expiry(old)})\n"
            f"Replace it with certificate: '{stored.thumbprint}' (expires {_expiry(stored)})",
        )
    )


def _expiry(stored: StoredCertificate) -> str:
    end = stored.certificate.not_valid_after_utc.astimezone(SERVER_ZONE)
    return f"{end.month}/{end.day}/{end.year} {end.hour % 12 or 12}:{end:%M:%S %p}"


def apply_services(
    run: Run,
    server: Server,
    stored: StoredCertificate,
    wanted: int,
    store: Iterable[StoredCertificate],
    *,
    make_default: bool,
) -> StoredCertificate:
    """Add services to one certificate of ``store``, and make that the server's store; one write.

    IIS moves: a web site has one certificate, so the front-end site leaves the one that had it, and
    with its last site a certificate loses the IIS bit [6.4-1].
    """
    site = f"IIS://{server.name}/W3SVC/{FRONT_END_SITE}"
    changed: list[StoredCertificate] = []
    result = stored
    for each in store:
        sites = each.sites
        if wanted & enums.IIS:
            sites = tuple(name for name in sites if name.lower() != site.lower())
        if each is stored:
            sites = (site, *sites) if wanted & enums.IIS else sites
            result = each.with_services(each.services | wanted, sites)
            changed.append(result)
        else:
            changed.append(each if sites == each.sites else each.with_services(each.services, sites))
    default = stored.thumbprint if make_default else server.default_thumbprint
    run.organization.put_certificates(server, tuple(changed), default=default)
    return result


# --- Export -------------------------------------------------------------------------------------


def export(run: Run) -> Steps:
    """Export-ExchangeCertificate: PKCS#12, or the PKCS#10 of a pending request [2.1-12], [2.4-3]."""
    run.check_role()
    _, stored = named(run, _identity(run))
    if not (yield from run.should_process(f"Exporting certificate {stored.thumbprint}.")):
        return
    if stored.request is not None:
        yield run.show_value(request_value(stored.request, is_binary=run.bound.is_on("BinaryEncoded")))
        return
    key = run.organization.keys.of(stored.certificate)
    if not stored.exportable or key is None:  # [2.4-3]; the key of an imported organization is not here
        raise Refused(
            f"The private key of the certificate {stored.thumbprint} isn't exportable.",
            target=stored.thumbprint,
        )
    password = run.bound.get("Password")
    if not isinstance(password, Secret) or not password.text:
        raise Refused("A password must be given to export a private key.", target="Password")
    encryption = BestAvailableEncryption(password.text.encode())
    name = stored.friendly_name.encode() or None
    data = pkcs12.serialize_key_and_certificates(name, key, stored.certificate, None, encryption)
    if run.bound.is_on("BinaryEncoded"):
        yield run.show_value(file_data(data))
    else:
        yield run.show_value(string(base64.b64encode(data).decode()))


def file_data(data: bytes) -> Obj:
    """What -BinaryEncoded gives: an object with FileData [2.1-2]."""
    properties: dict[str, Value] = {
        "FileData": Scalar("BA", base64.b64encode(data).decode()),
        "Identity": NIL,
        "IsValid": boolean(True),
        "ObjectState": enums.OBJECT_STATE.named("New"),
    }
    return Obj(FILE_TYPES, FILE_TYPES[0], None, properties, None)


def request_value(request: bytes, *, is_binary: bool) -> Value:
    """A PKCS#10 as one string of text, or as FileData [2.1-2]."""
    if is_binary:
        return file_data(request)
    body = base64.b64encode(request).decode()
    lines = [body[at : at + 64] for at in range(0, len(body), 64)]
    title = "NEW CERTIFICATE REQUEST"  # [2.1-4, inf]
    return string("\r\n".join([f"-----BEGIN {title}-----", *lines, f"-----END {title}-----", ""]))


# --- Remove -------------------------------------------------------------------------------------


def remove(run: Run) -> Steps:
    """Remove-ExchangeCertificate: asks unless -Confirm:$false; refuses one in use."""
    run.check_role()
    server, stored = named(run, _identity(run))
    action = f"Remove certificate with thumbprint {stored.thumbprint} from the computer's certificate store?"
    if not (yield from run.should_process(action, always=True)):
        return
    if stored.thumbprint == server.default_thumbprint:  # [2.4-1]
        raise Refused(
            f"A special Rpc error occurs on server {server.name}: The internal transport certificate can't "
            "be removed, for the Transport service would stop. Create a new certificate first: it becomes "
            "the internal transport certificate, and this one can be removed then.",
            category=INVALID_ARGUMENT,
            target=stored.thumbprint,
        )
    if not server.home.build.has_file_parameters and not stored.is_pending:  # [2.4-2]: newer builds
        _refuse_bound(server, stored)
    kept = tuple(each for each in server.certificates if each is not stored)
    run.organization.put_certificates(server, kept, default=server.default_thumbprint)


def _refuse_bound(server: Server, stored: StoredCertificate) -> None:
    """Refuse where a send connector's TlsCertificateName has the same issuer and subject [2.4-2]."""
    users = []
    for connector in server.partition.send_connectors.values():
        text = connector["TlsCertificateName"]
        try:
            if text and CertificateName.parse(text) == stored.name:
                users.append(connector.name)
        except BadName:
            continue
    if users:
        raise Refused(
            f"A special Rpc error occurs on server {server.name}: The certificate is tagged with the "
            f"following Send connectors: {', '.join(users)}. Replace it on these Send connectors, or clear "
            "it there, and try again.",
            target=stored.thumbprint,
        )
