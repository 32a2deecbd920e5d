"""Who refers to a live certificate, as far as that can be told: what is not free stays [2.5-3].

Which certificate is a server's default one for SMTP is told by nobody [2.3-4]: Exchange itself refuses to
remove that one [2.4-1].
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

from reconciler.cmdlets.capabilities import PARAMETERS
from reconciler.pki.coverage import covers
from reconciler.pki.presenting import By, Presented, Store
from state.resources import Certificate, ReceiveConnector, SendConnector
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
    users, settings = _all_of(server, situation)
    naming = [one for one in users if one.name is not None and one.name == certificate.tls_certificate_name]
    found = (
        *_by_connectors(certificate, server, situation, users),
        *_by_settings(certificate, settings),
        *_by_services(certificate),
    )
    return References(
        tuple(dict.fromkeys(text for is_sure, text in found if is_sure)),
        tuple(dict.fromkeys(text for is_sure, text in found if not is_sure)),
        tuple(one.connector for one in naming),
    )


def users_of(certificate: Certificate, server: Name, situation: Situation) -> Iterator[Connector]:
    """The connectors of a server that name one of its certificates, or would choose it by their Fqdn."""
    for one in _all_of(server, situation)[0]:
        if one.presented is not None:
            is_user = one.presented.certificate is certificate
        else:
            is_user = one.name is not None and one.name == certificate.tls_certificate_name
        if is_user and is_used_on(one.connector, server, situation):
            yield one.connector


_Found = Iterator[tuple[bool, str]]
"""Whether it surely refers to it, and what does."""


@dataclass(frozen=True, slots=True)
class _User:
    """What one connector of a server uses of its certificates: the same for all that ask.

    Attributes:
        called: The connector, in words.
        name: The issuer and subject that it names; None where it names none.
        presented: What it chooses by its Fqdn; None where it names one, or is not used on this server.
        unclear: The identities of those that it may choose, as far as they could be read.
    """

    connector: Connector
    called: str
    name: TlsCertificateName | None = None
    presented: Presented | None = None
    unclear: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class _Setting:
    """One setting of a server or the organization that may refer to a certificate.

    Attributes:
        told: Which one it is, in words.
        value: What it refers to; None where that could not be read, and ``told`` says so.
    """

    told: str
    cmdlet: str = ""
    value: Thumbprint | TlsCertificateName | str | None = None


def _all_of(server: Name, situation: Situation) -> tuple[tuple[_User, ...], tuple[_Setting, ...]]:
    return situation.once((_all_of, server), lambda: _who_may_refer(server, situation))


def _who_may_refer(server: Name, situation: Situation) -> tuple[tuple[_User, ...], tuple[_Setting, ...]]:
    live = situation.server(server)
    connectors: tuple[Connector, ...] = (*live.send_connectors.objects, *live.receive_connectors.objects)
    users = tuple(_user(connector, server, situation) for connector in connectors)
    return users, tuple(_settings(server, situation))


def _user(connector: Connector, server: Name, situation: Situation) -> _User:
    words, store = called(connector), store_of(server, situation)
    name = connector.tls_certificate_name
    if store.takes_names and isinstance(name, TlsCertificateName):
        return _User(connector, words, name=name)
    if not is_used_on(connector, server, situation):
        return _User(connector, words)
    found = store.presented_by(connector)
    return _User(connector, words, presented=found, unclear=frozenset(map(id, found.unclear)))


def called(connector: Connector) -> str:
    """A connector, in words."""
    kind = "send" if isinstance(connector, SendConnector) else "receive"
    return f'{kind} connector "{connector.name}"'


def store_of(server: Name, situation: Situation) -> Store:
    """The certificates of a server, as its connectors choose among them."""

    def made() -> Store:
        build, certificates = situation.build(server), situation.server(server).certificates.objects
        takes_names = build is None or build.major >= 15
        return Store(certificates, fqdn_of(server, situation), situation.now, takes_names)

    return situation.once((store_of, server), made)


def _by_connectors(
    certificate: Certificate, server: Name, situation: Situation, users: Iterable[_User]
) -> _Found:
    live, takes_names = situation.server(server), store_of(server, situation).takes_names
    for what, listing in (("send", live.send_connectors), ("receive", live.receive_connectors)):
        if listing.unreadable:
            yield False, f"the {what} connectors could not be read: {listing.unreadable.reason}"
    for one in users:
        if one.name is not None:
            if certificate.tls_certificate_name is UNKNOWN:
                yield (
                    False,
                    f"issuer and subject of the certificate, which {one.called} may name, could not be read",
                )
            elif certificate.tls_certificate_name == one.name:
                yield True, f"{one.called} by issuer and subject"
        elif one.presented is None:
            if takes_names and one.connector.tls_certificate_name is UNKNOWN:
                yield False, f"TlsCertificateName of {one.called} could not be read"
        elif one.presented.certificate is certificate:
            yield True, f"{one.called}, which chooses it for {one.presented.fqdn}"
        elif one.presented.by is By.UNKNOWN or id(certificate) in one.unclear:
            yield False, f"what {one.called} presents could not be read"


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


def _settings(server: Name, situation: Situation) -> Iterator[_Setting]:
    """What the settings refer to that a server keeps or takes from the organization."""
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
            yield _Setting(f"{cmdlet} could not be read: {why}")
            continue
        for one in listing.objects:
            told, value = f"{one.setting} of {cmdlet}", one.value
            if isinstance(value, Thumbprint | TlsCertificateName | str):
                yield _Setting(told, cmdlet, value)
            elif value is not None:
                yield _Setting(f"{told} could not be read")


def _by_settings(certificate: Certificate, settings: Iterable[_Setting]) -> _Found:
    for one in settings:
        match one.value:
            case None:
                yield False, one.told
            case Thumbprint() as thumbprint:
                if thumbprint == certificate.thumbprint:
                    yield True, one.told
            case TlsCertificateName() as name:
                if certificate.tls_certificate_name in (name, UNKNOWN):
                    yield certificate.tls_certificate_name == name, one.told
            case str() as host if host:
                yield from _by_host(certificate, _PROTOCOLS[one.cmdlet], host, one.told)


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
