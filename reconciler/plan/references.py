"""Who refers to a live certificate, as far as that can be told: what is not free stays [2.5-3].

Which certificate is a server's default one for SMTP is told by nobody [2.3-4]: Exchange itself refuses to
remove that one [2.4-1].
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

from reconciler.cmdlets.capabilities import PARAMETERS
from reconciler.pki.coverage import covers
from reconciler.pki.presenting import By, presented
from state.resources import Certificate, CertificateReference, ReceiveConnector, SendConnector
from state.snapshot import Listing
from state.values import UNKNOWN, DomainPattern, Fqdn, Maybe, Name, Thumbprint, TlsCertificateName

from .situation import Situation

_SHARED: Final = ("Get-AuthConfig", "Get-FederationTrust", "Get-HybridConfiguration")
_OF_A_SERVER: Final = ("Get-PopSettings", "Get-ImapSettings")
_PROTOCOLS: Final = {"Get-PopSettings": "POP", "Get-ImapSettings": "IMAP"}
_BOUND_ELSEWHERE: Final = frozenset({"IIS", "UM", "UMCallRouter", "Federation"})
"""Services whose own bindings nobody reads: while one is enabled, the certificate is in use."""


Connector: TypeAlias = SendConnector | ReceiveConnector


@dataclass(frozen=True, slots=True)
class References:
    """What refers to one certificate.

    Attributes:
        holders: What does, in words: ``send connector "Hybrid" by issuer and subject``.
        unknown: What may do, and why that is not known, in sentences without their stop.
        named_by: The connectors among the holders that name it by issuer and subject.
    """

    holders: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    named_by: tuple[Connector, ...] = ()

    @property
    def is_free(self) -> bool:
        """True when nothing refers to it, and all that could was read."""
        return not (self.holders or self.unknown)

    @property
    def is_only_named(self) -> bool:
        """True when nothing but names of connectors refers to it, and all that could was read."""
        return not self.unknown and len(self.holders) == len(self.named_by)


def held_by(certificate: Certificate, server: Name, situation: Situation) -> References:
    """Count the references to a certificate of a server over connectors, managed or not, and settings."""
    found = (
        *_by_connectors(certificate, server, situation),
        *_by_settings(certificate, server, situation),
        *_by_services(certificate),
    )
    return References(
        tuple(dict.fromkeys(text for is_sure, text in found if is_sure)),
        tuple(dict.fromkeys(text for is_sure, text in found if not is_sure)),
        tuple(_naming(certificate, server, situation)),
    )


_Found = Iterator[tuple[bool, str]]
"""Whether it surely refers to it, and what does."""


def _naming(certificate: Certificate, server: Name, situation: Situation) -> Iterator[Connector]:
    """The connectors that name a certificate by its issuer and subject."""
    build, live, name = situation.build(server), situation.server(server), certificate.tls_certificate_name
    if isinstance(name, TlsCertificateName) and (build is None or build.major >= 15):
        yield from (one for one in live.send_connectors.objects if one.tls_certificate_name == name)
        yield from (one for one in live.receive_connectors.objects if one.tls_certificate_name == name)


def _by_connectors(certificate: Certificate, server: Name, situation: Situation) -> _Found:
    live = situation.server(server)
    for what, listing in (("send", live.send_connectors), ("receive", live.receive_connectors)):
        if listing.unreadable:
            yield False, f"the {what} connectors could not be read: {listing.unreadable.reason}"
    for send in live.send_connectors.objects:
        yield from _by_connector(certificate, send, server, situation)
    for receive in live.receive_connectors.objects:
        yield from _by_connector(certificate, receive, server, situation)


def _by_connector(
    certificate: Certificate, connector: Connector, server: Name, situation: Situation
) -> _Found:
    kind = "send" if isinstance(connector, SendConnector) else "receive"
    named = f'{kind} connector "{connector.name}"'
    build = situation.build(server)
    takes_names = build is None or build.major >= 15
    name = connector.tls_certificate_name
    if takes_names and isinstance(name, TlsCertificateName):
        if certificate.tls_certificate_name is UNKNOWN:
            yield False, f"issuer and subject of the certificate, which {named} may name, could not be read"
        elif certificate.tls_certificate_name == name:
            yield True, f"{named} by issuer and subject"
        return
    if not is_used_on(connector, server, situation):
        if takes_names and name is UNKNOWN:
            yield False, f"TlsCertificateName of {named} could not be read"
        return
    found = situation.once(
        (server, id(connector)),
        lambda: presented(
            connector,
            situation.server(server).certificates.objects,
            fqdn_of(server, situation),
            situation.now,
            takes_names=takes_names,
        ),
    )
    if found.certificate is certificate:
        yield True, f"{named}, which chooses it for {found.fqdn}"
    elif found.by is By.UNKNOWN or any(one is certificate for one in found.unclear):
        yield False, f"what {named} presents could not be read"


def is_used_on(connector: Connector, server: Name, situation: Situation) -> bool:
    """Whether a connector may present a certificate of a server; what could not be read may."""
    if isinstance(connector, ReceiveConnector) or situation.is_edge(server):
        return True
    sources = connector.source_transport_servers
    return not isinstance(sources, frozenset) or server in sources


def fqdn_of(server: Name, situation: Situation) -> Maybe[Fqdn]:
    """What a server calls itself; UNKNOWN where it could not be read."""
    known = situation.server(server).server.objects
    fqdn = next((one.fqdn for one in known if one.name == server), UNKNOWN)
    return fqdn if isinstance(fqdn, Fqdn) else UNKNOWN


def _by_settings(certificate: Certificate, server: Name, situation: Situation) -> _Found:
    if situation.is_edge(server):
        return  # none of these is there, and it takes none of the organization's
    build = situation.build(server)
    organization, own = situation.live.organization.references, situation.server(server).references
    for cmdlet in (*_SHARED, *_OF_A_SERVER):
        if not PARAMETERS[cmdlet]["DomainController"].holds(build, edge=False):
            continue
        listing = (organization if cmdlet in _SHARED else own).get(cmdlet)
        if listing is None or listing.unreadable:
            why = listing.unreadable.reason if listing and listing.unreadable else "it was not asked"
            yield False, f"{cmdlet} could not be read: {why}"
            continue
        yield from _by_setting(certificate, cmdlet, listing)


def _by_setting(certificate: Certificate, cmdlet: str, listing: Listing[CertificateReference]) -> _Found:
    for one in listing.objects:
        told = f"{one.setting} of {cmdlet}"
        match one.value:
            case Thumbprint() as thumbprint:
                if thumbprint == certificate.thumbprint:
                    yield True, told
            case TlsCertificateName() as name:
                if certificate.tls_certificate_name in (name, UNKNOWN):
                    yield certificate.tls_certificate_name == name, told
            case str() as host if host:
                yield from _by_host(certificate, _PROTOCOLS[cmdlet], host, told)
            case None | "":
                pass
            case _:
                yield False, f"{told} could not be read"


def _by_host(certificate: Certificate, protocol: str, host: str, told: str) -> _Found:
    """POP and IMAP choose by a host name, among the certificates that are enabled for them."""
    services, domains = certificate.services, certificate.domains
    if isinstance(services, frozenset) and protocol not in services:
        return
    if not isinstance(domains, frozenset):
        yield False, f"the names of the certificate, of which {told} may mean one, could not be read"
    elif any(covers(pattern, DomainPattern(host)) for pattern in domains):
        yield isinstance(services, frozenset), f"{told}, {host}"


def _by_services(certificate: Certificate) -> _Found:
    if isinstance(certificate.services, frozenset):
        for service in sorted(certificate.services & _BOUND_ELSEWHERE):
            yield True, service
    else:
        yield False, "its services could not be read"
