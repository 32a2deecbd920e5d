"""Explains which certificate a connector presents: rules [2.5-2], [3-15], [3-16]."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.pki.presenting import By, Other, Presented, WhyNot
from state.resources import ReceiveConnector, SendConnector
from state.values import Name

from .explanation import Explanation, Option, Part
from .organization import Audited, certificate_text

_UNTOLD = "nothing fits: the server's default certificate may be presented, which Exchange does not tell"


def explain_connector(
    subject: str, connector: SendConnector | ReceiveConnector, edge: Name | None, audited: Audited
) -> Explanation:
    """Explain what a live connector presents on each of its servers.

    Args:
        edge: The Edge server that it is local to; None for one of the organization, or a receive connector.
    """
    if isinstance(connector, ReceiveConnector):
        servers: tuple[Name, ...] = (connector.server,) if isinstance(connector.server, Name) else ()
    else:
        servers = audited.sources(connector, edge)
    parts = tuple(_part(server, connector, audited) for server in servers)
    return Explanation(f'{subject}, "{connector.name}" in Exchange', parts, tuple(_notes(connector, parts)))


def _part(server: Name, connector: SendConnector | ReceiveConnector, audited: Audited) -> Part:
    live = audited.live.servers.get(server)
    found = audited.presented(connector, live)
    if found is None:
        why = live.certificates.unreadable if live else None
        reason = why.reason if why else "it is not declared"
        return Part(str(server), "not known", (), (f"The certificates of {server} were not read: {reason}.",))
    chosen = found.certificate
    options = [] if chosen is None else [Option(certificate_text(chosen), _chosen(found), is_chosen=True)]
    options += [Option(certificate_text(other.certificate), _why_not(other, found)) for other in found.others]
    return Part(str(server), _rule(found), tuple(options), tuple(_part_notes(found, connector)))


def _chosen(found: Presented) -> str:
    rivals = found.missed(WhyNot.LATER) or found.unclear
    return "may be presented: of several that fit, no page tells which" if rivals else "is presented"


def _rule(found: Presented) -> str:
    match found.by:
        case By.NAME:
            return f"the newest valid certificate of TlsCertificateName {found.name}"
        case By.FQDN:
            return f"no TlsCertificateName; the longest-lived valid certificate for {found.fqdn}"
        case By.UNKNOWN:
            return "not known: TlsCertificateName or Fqdn could not be read"


def _why_not(other: Other, found: Presented) -> str:
    if other.why is WhyNot.NOT_COVERED:
        return f"does not cover {found.fqdn}"
    if other.why is WhyNot.LATER:
        return "fits too; it is older" if found.by is By.NAME else "fits too; it ends sooner"
    if other.why is WhyNot.NOT_ENABLED:
        return "is not enabled for SMTP, and may not be presented"
    return str(other.why.value)


def _part_notes(found: Presented, connector: SendConnector | ReceiveConnector) -> Iterator[str]:
    if found.certificate is None and found.by is By.NAME and not found.unclear:
        yield "nothing fits: TLS may not be offered or used at all"
    if found.certificate is None and found.by is By.FQDN and not found.unclear:
        yield _UNTOLD
    if found.unclear:
        yield "what could not be read may be the one"
    if found.is_doubtful:
        yield "the newest of those that fit is not the one that lasts longest"
    if found.by is not By.NAME and connector.tls_certificate_name:
        yield "Exchange 2010 has no TlsCertificateName"


def _notes(connector: SendConnector | ReceiveConnector, parts: tuple[Part, ...]) -> Iterator[str]:
    if connector.enabled is False:
        yield "The connector is disabled."
    if isinstance(connector, SendConnector):
        if not parts:
            yield "It has no source server that could be read."
        if connector.ignore_starttls is True:
            yield "It ignores STARTTLS, so nothing is presented: this is what would be."
        else:
            yield "A sending server presents its certificate only to a partner that asks for one."
        if connector.frontend_proxy_enabled is True:
            yield "FrontendProxyEnabled: mail leaves through the Front End service, perhaps another server's."
    elif isinstance(connector.auth_mechanism, frozenset) and "Tls" not in connector.auth_mechanism:
        yield "Its AuthMechanism has no Tls, so nothing is presented: this is what would be."
