"""Connectors that nobody declared, and that present another certificate once a planned one is enabled.

They name it by the same issuer and subject as its predecessor, as a hybrid's may, or choose it by their Fqdn.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from reconciler.diagnostics import Diagnostic
from reconciler.pki.asked import asked_domains
from reconciler.pki.presenting import By, Presented, presented
from state.address import Address
from state.record import Predecessor
from state.resources import Certificate, ReceiveConnector, SendConnector
from state.values import UNSET, Name, Thumbprint, TlsCertificateName

from . import certificate_problems
from .case import CertificatePlan
from .change import Change
from .default_smtp import enables_smtp
from .references import fqdn_of, is_used_on
from .send_connectors import find
from .situation import Situation, home_of

_SMTP: Final = frozenset({"SMTP"})
_ASSUMED: Final = timedelta(days=90)
"""Lifetime of a first certificate, which its issuer decides."""

_Connector = SendConnector | ReceiveConnector


def presented_by_others(
    address: Address, planned: CertificatePlan, situation: Situation
) -> tuple[Diagnostic, ...]:
    """Warn of unmanaged connectors for which enabling a planned certificate changes what they present."""
    asked = situation.desired.resources[address]
    if planned.change is None or not isinstance(asked, Certificate) or not enables_smtp(planned):
        return ()
    if not planned.change.action.is_run:
        return ()
    server = home_of(asked)
    live = situation.server(server).certificates.objects
    successor = _enabled(planned, planned.change, asked, live, situation.now)
    after = (*(one for one in live if one.thumbprint != successor.thumbprint), successor)
    build = situation.build(server)
    takes_names = build is None or build.major >= 15
    told: list[tuple[str, str, str]] = []
    for connector in _unmanaged(server, situation):
        given = connector, fqdn_of(server, situation), situation.now
        first, then = (
            presented(given[0], store, *given[1:], takes_names=takes_names) for store in (live, after)
        )
        if then.certificate is successor and not _is_same(first, successor):
            kind = "send" if isinstance(connector, SendConnector) else "receive"
            what = f'{kind} connector "{connector.name}"'
            told.append((what, _shown(first, server), _by(then)))
    if not told:
        return ()
    is_there = isinstance(successor.thumbprint, Thumbprint)
    new = f"{successor.thumbprint}" if is_there else "the new one"
    return (certificate_problems.presented_by_others(address, str(server), new, told),)


def _enabled(
    planned: CertificatePlan,
    change: Change,
    asked: Certificate,
    live: tuple[Certificate, ...],
    now: datetime,
) -> Certificate:
    """The certificate as it will be: the live one with SMTP, or what is known of one that is to come."""
    resource = change.learned.recorded.resource if change.learned and change.learned.recorded else asked
    thumbprint = getattr(resource, "thumbprint", UNSET)
    there = next((one for one in live if one.thumbprint == thumbprint), None)
    if there is not None:
        before = there.services if isinstance(there.services, frozenset) else frozenset()
        return there.with_(services=before | _SMTP)
    recorded = change.learned.recorded if change.learned else None
    replaced = recorded.predecessors[0] if recorded is not None and recorded.predecessors else None
    current = next((one for one in live if replaced and one.thumbprint == replaced.thumbprint), None)
    lifetime = _ASSUMED
    if (
        current is not None
        and isinstance(current.not_before, datetime)
        and isinstance(current.not_after, datetime)
    ):
        lifetime = current.not_after - current.not_before
    return asked.with_(
        thumbprint=thumbprint,
        domains=asked_domains(asked),
        services=_SMTP,
        not_before=now,
        not_after=now + lifetime,
        has_private_key=True,
        self_signed=False,
        tls_certificate_name=_expected_name(planned, change, replaced),
    )


def _expected_name(planned: CertificatePlan, change: Change, replaced: Predecessor | None) -> object:
    """What it will be named: as what it replaces, unless another subject is asked for."""
    if isinstance(planned.name, TlsCertificateName):
        return planned.name
    return replaced.tls_certificate_name if replaced and "subject" not in change.attributes else UNSET


def _is_same(first: Presented, successor: Certificate) -> bool:
    return first.certificate is not None and first.certificate.thumbprint == successor.thumbprint


def _shown(first: Presented, server: Name) -> str:
    if first.certificate is not None:
        return str(first.certificate.thumbprint)
    return "nothing" if first.by is By.NAME else f"the default certificate of {server}"


def _by(then: Presented) -> str:
    return "by issuer and subject" if then.by is By.NAME else f"for {then.fqdn}"


def _unmanaged(server: Name, situation: Situation) -> Iterator[_Connector]:
    """The connectors of a server that are neither declared to be managed nor made by this tool."""
    managed: set[int] = set()
    guids = {
        getattr(one.resource, "guid", None) for one in situation.record.resources.values() if one.created
    }
    for address, send in situation.desired.of(SendConnector):
        if send.mode == "observe" or situation.server(home_of(send)).unreachable:
            continue
        if (match := find(address, send.name, home_of(send), situation)) is not None:
            managed.add(id(match.live))
    for _, receive in situation.desired.of(ReceiveConnector):
        if receive.mode != "observe" and home_of(receive) == server:
            found = situation.receive_connectors(server).by_name(receive.name)
            managed |= {id(found)} if found is not None else set()
    live = situation.server(server)
    found_here: tuple[_Connector, ...] = (*live.send_connectors.objects, *live.receive_connectors.objects)
    for one in found_here:
        is_ours = isinstance(one.guid, str) and one.guid in guids
        if id(one) not in managed and not is_ours and is_used_on(one, server, situation):
            yield one
