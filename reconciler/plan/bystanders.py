"""Connectors that present another certificate once a planned one is enabled, although they stay as they are.

They name it by the same issuer and subject as its predecessor, or choose it by their Fqdn. Of those that
nobody declared, as a hybrid's may be, that is a warning.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from reconciler.diagnostics import Diagnostic
from reconciler.pki.asked import asked_domains
from reconciler.pki.presenting import By, Presented, Store
from state.address import Address
from state.record import Predecessor
from state.resources import Certificate, Resource, SendConnector
from state.values import UNSET, Deferred, Name, Thumbprint, TlsCertificateName

from . import certificate_problems
from .case import CertificatePlan
from .change import Change
from .default_smtp import enables_smtp
from .managed import managed_connectors
from .references import Connector, is_used_on, store_of
from .situation import Situation, home_of

_SMTP: Final = frozenset({"SMTP"})
_ASSUMED: Final = timedelta(days=90)
"""Lifetime of a first certificate, which its issuer decides."""


@dataclass(slots=True)
class Presenters:
    """Tells which connectors present a certificate once it is enabled, whatever they are bound to stays."""

    situation: Situation
    _managed: Mapping[int, Address] | None = None
    _made: frozenset[object] | None = None

    def of(
        self, address: Address, planned: CertificatePlan
    ) -> tuple[CertificatePlan, tuple[Diagnostic, ...]]:
        """The plan of a certificate with the managed ones among them, and a warning of the others."""
        change, asked = planned.change, self.situation.desired.resources[address]
        if change is None or not isinstance(asked, Certificate) or not enables_smtp(planned):
            return planned, ()
        if not change.action.is_run:
            return planned, ()
        server = home_of(asked)
        live = self.situation.server(server).certificates.objects
        successor = _enabled(planned, change, asked, live, self.situation.now)
        ours: list[Address] = []
        told: list[tuple[str, str, str]] = []
        for connector, first, then in self._changed(server, successor):
            managed = self._managed_ones().get(id(connector))
            if managed is None:
                kind = "send" if isinstance(connector, SendConnector) else "receive"
                told.append((f'{kind} connector "{connector.name}"', _shown(first, server), _by(then)))
            elif _stays_bound(self.situation.declared.resources[managed], connector):
                ours.append(managed)
        planned = replace(planned, change=replace(change, presented_by=tuple(sorted(ours))))
        if not told:
            return planned, ()
        is_there = isinstance(successor.thumbprint, Thumbprint)
        new = f"{successor.thumbprint}" if is_there else "the new one"
        return planned, (certificate_problems.presented_by_others(address, str(server), new, told),)

    def _changed(
        self, server: Name, successor: Certificate
    ) -> Iterator[tuple[Connector, Presented, Presented]]:
        """The connectors of a server that present the successor only then, with what they do now and then."""
        before = store_of(server, self.situation)
        others = (one for one in before.certificates if one.thumbprint != successor.thumbprint)
        after = Store((*others, successor), before.server, before.now, before.takes_names)
        for connector in self._connectors(server):
            first, then = before.presented_by(connector), after.presented_by(connector)
            if then.certificate is successor and not _is_same(first, successor):
                yield connector, first, then

    def _connectors(self, server: Name) -> Iterator[Connector]:
        """Those that are used on a server, but for what this tool made and is no longer declared: it goes."""
        live, made = self.situation.server(server), self._made_ones()
        found: tuple[Connector, ...] = (*live.send_connectors.objects, *live.receive_connectors.objects)
        for one in found:
            is_going = isinstance(one.guid, str) and one.guid in made and id(one) not in self._managed_ones()
            if not is_going and is_used_on(one, server, self.situation):
                yield one

    def _made_ones(self) -> frozenset[object]:
        if self._made is None:
            record = self.situation.record.resources.values()
            self._made = frozenset(getattr(one.resource, "guid", None) for one in record if one.created)
        return self._made

    def _managed_ones(self) -> Mapping[int, Address]:
        if self._managed is None:
            self._managed = managed_connectors(self.situation)
        return self._managed


def _stays_bound(desired: Resource, live: Connector) -> bool:
    """Whether a connector is declared to be bound to what it is, as far as that is known by now."""
    wanted = getattr(desired, "tls_certificate_name", UNSET)
    if isinstance(wanted, Deferred):
        return isinstance(live.tls_certificate_name, TlsCertificateName)
    return wanted is UNSET or wanted == live.tls_certificate_name


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
