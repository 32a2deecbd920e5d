"""Which certificate a server presents on port 25."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from ipaddress import IPv4Address

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from reconciler.lab.call import Identity
from reconciler.lab.exchange.addresses import range_of
from reconciler.lab.exchange.certificates import StoredCertificate, TrustStore, covers, look_alike, parsed
from reconciler.lab.exchange.enums import SMTP
from reconciler.lab.exchange.keys import KeyRing, PrivateKey
from reconciler.lab.exchange.organization import Server, Stored
from reconciler.lab.exchange.x500 import BadName, CertificateName

INTERNET = IPv4Address("198.51.100.1")
"""Where a stranger connects from: of several connectors on port 25, his is the one that counts."""


def connector_for_strangers(connectors: Iterable[Stored]) -> Stored | None:
    """The enabled connector on port 25 that answers the Internet: the most specific range wins [4-3]."""
    best: tuple[int, Stored] | None = None
    for stored in connectors:
        if stored["Enabled"] != "true" or not any(b.endswith(":25") for b in stored.texts("Bindings")):
            continue
        sizes = [
            int(high) - int(low)
            for low, high, _ in (range_of(text) for text in stored.texts("RemoteIPRanges"))
            if low.version == INTERNET.version and int(low) <= int(INTERNET) <= int(high)
        ]
        if sizes and (best is None or min(sizes) < best[0]):
            best = (min(sizes), stored)
    return best[1] if best else None


def lacks_connectors(server: Server) -> bool:
    """An export without the connector on port 25: it is taken to be as setup makes it."""
    on_25 = [
        s for s in server.receive_connectors.values() if any(b.endswith(":25") for b in s.texts("Bindings"))
    ]
    return not on_25 and any(c.export is not None for c in server.certificates)


def chosen(
    server: Server, now: datetime, connectors: Iterable[Stored] | None = None
) -> StoredCertificate | None:
    """The certificate that Exchange would present [2.5-2], [3-16]; None: STARTTLS isn't offered.

    Only what is enabled for SMTP counts: enabling is what lets the transport service have the key. That it
    holds for a name that is given, too, is the lab's choice [inf: presented]. With TlsCertificateName: the
    newest valid one of that issuer and subject, or none at all where the name dangles. Without: the
    longest-lived valid one that covers the connector's Fqdn; where there is none, the default one.
    """
    if connectors is None:
        connectors = server.receive_connectors.values()
    connector = connector_for_strangers(connectors)
    if connector is None and not lacks_connectors(server):
        return None
    usable = [c for c in server.certificates if not c.is_pending and c.services & SMTP and c.is_current(now)]
    if connector and (text := connector["TlsCertificateName"]):
        try:
            name = CertificateName.parse(text)
        except BadName:
            return None
        matching = [c for c in usable if c.name == name]
        return max(matching, key=lambda c: c.certificate.not_valid_before_utc, default=None)
    host = (connector and connector["Fqdn"]) or server.home.fqdn
    fitting = [c for c in usable if covers(c.certificate, host)]
    best = max(fitting, key=lambda c: c.certificate.not_valid_after_utc, default=None)
    if best is None and server.default_thumbprint:
        return server.certificate(server.default_thumbprint)
    return best


def identity(server: Server, stored: StoredCertificate, keys: KeyRing, trust: TrustStore) -> Identity:
    """The chain and key to present; a look-alike where the real key is not here.

    A server sends the intermediates that it knows, and no root.
    """
    key = keys.of(stored.certificate)
    if key is None:
        return _stand_in(stored, keys)
    known = [parsed(der) for der in server.intermediates]
    chain, _ = trust.chain(stored.certificate, known)
    return Identity(_pem([stored.certificate, *_without_root(chain)]), _key_pem(key))


def _stand_in(stored: StoredCertificate, keys: KeyRing) -> Identity:
    key = _kept(keys, f"stand-in-{stored.thumbprint}")
    issuer_key = _kept(keys, "stand-in-authority")
    return Identity(look_alike(stored.certificate, key, issuer_key), _key_pem(key))


def _kept(keys: KeyRing, name: str) -> PrivateKey:
    key = keys.named(name)
    if key is None:
        key = keys.new(2048)
        keys.keep(key, name)
    return key


def _without_root(chain: Sequence[x509.Certificate]) -> Iterable[x509.Certificate]:
    return (certificate for certificate in chain if certificate.issuer != certificate.subject)


def _pem(certificates: Iterable[x509.Certificate]) -> bytes:
    return b"".join(certificate.public_bytes(Encoding.PEM) for certificate in certificates)


def _key_pem(key: PrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
