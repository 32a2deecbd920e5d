"""One declared certificate with everything that is known of it, and what is planned for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Final

from reconciler.cmdlets import certificate as cmdlets
from reconciler.cmdlets.mark import REQUEST_ATTRIBUTES
from reconciler.diagnostics import Diagnostic
from reconciler.pki.asked import asked_domains
from reconciler.pki.renewal_info import SuggestedWindow
from reconciler.pki.selection import Selection, imported_of, may_be_pending, select
from state.address import Address
from state.record import Request, StateRecord
from state.resources import Certificate
from state.values import Deferred, Thumbprint, TlsCertificateName

from .change import Change, Difference, Upcoming
from .situation import Situation, Urgent, home_of

COMPROMISE: Final = "compromise"
"""Why a certificate is replaced whose key is known to others."""


@dataclass(frozen=True, slots=True)
class CertificatePlan:
    """The change of one certificate.

    Attributes:
        change: None when it cannot be planned; a diagnostic says why.
        name: What connectors are bound to; None when there will be none.
        drift: What is not as it was recorded.
        observed: What is not as declared, and is only observed.
        held_back: Why it is not put to use yet, although it may be there: connectors stay with what they
            have. "" where nothing holds it back.
        upcoming: When it is to be renewed, where that is still to come and is ours to do.
        issued: When the certificate that is there and stays began; None where another is to come.
    """

    change: Change | None
    name: TlsCertificateName | Deferred | None
    diagnostics: tuple[Diagnostic, ...] = ()
    drift: Mapping[str, Difference] = field(default_factory=lambda: MappingProxyType({}))
    observed: Mapping[str, Difference] = field(default_factory=lambda: MappingProxyType({}))
    held_back: str = ""
    upcoming: Upcoming | None = None
    issued: datetime | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """One certificate and everything known of it."""

    address: Address
    asked: Certificate
    server: str
    edge: bool
    live: tuple[Certificate, ...]
    record: StateRecord
    mark: str
    now: datetime
    turnaround: timedelta
    urgent: Urgent | None = None
    behind: str = ""
    suggested: Mapping[str, SuggestedWindow] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def was(self) -> Certificate | None:
        """The certificate as last applied."""
        recorded = self.record.resources.get(self.address)
        return recorded.resource if recorded and isinstance(recorded.resource, Certificate) else None

    @property
    def was_created(self) -> bool:
        recorded = self.record.resources.get(self.address)
        return recorded is not None and recorded.created

    @property
    def request(self) -> Request | None:
        return self.record.requests.get(self.address)

    @property
    def revoke(self) -> str:
        """Why the certificate that is replaced is to be revoked; "" where it simply ends.

        Of a key that several servers share, one of them makes the request for all.
        """
        requests = (self.record.requests.get(address) for address in self.sharing)
        reasons = [request.urgent for request in requests if request is not None and request.urgent]
        if self.urgent is not None:
            reasons.insert(0, self.urgent.reason)
        return COMPROMISE if COMPROMISE in reasons else next(iter(reasons), "")

    @property
    def sharing(self) -> tuple[Address, ...]:
        """The certificates that have the same key, this one first."""
        names = self.asked.shared_by if isinstance(self.asked.shared_by, tuple) else ()
        others = (Address.of("certificate", str(name), *self.address.parts[1:]) for name in names)
        return (self.address, *(other for other in others if other != self.address))

    @property
    def is_compromised(self) -> bool:
        """Whether keys that lie on the server are known to others, that of a request among them.

        Not that of one which was made since, or for that reason.
        """
        if self.urgent is None or self.urgent.reason != COMPROMISE:
            return False
        request = self.request
        return request is None or (request.urgent != COMPROMISE and request.since < self.urgent.since)

    @property
    def keeps_key(self) -> bool:
        """Whether its next certificate is to have the same key. One that others may know is never kept."""
        return self.asked.tlsa == "reuse_key" and self.urgent is None

    @property
    def deferred_name(self) -> Deferred:
        return Deferred(self.address, cmdlets.TLS_CERTIFICATE_NAME)


def case_of(address: Address, asked: Certificate, situation: Situation) -> Case:
    server = home_of(asked)
    return Case(
        address=address,
        asked=asked,
        server=str(server),
        edge=situation.is_edge(server),
        live=situation.server(server).certificates.objects,
        record=situation.record,
        mark=situation.request_mark(address, asked),
        now=situation.now,
        turnaround=situation.turnaround(asked),
        urgent=situation.urgent.get(address),
        suggested=situation.suggested,
    )


def is_open(case: Case, request: Request) -> bool:
    """True while Exchange has the key of a request, and no answer to it."""
    if request.renews is not None:
        is_reused = case.keeps_key and bearer_of(case, request) is not None
        return is_reused and imported_of(case.live, request) is None
    there = any(certificate.public_key == request.public_key for certificate in case.live)
    return there and imported_of(case.live, request) is None


def bearer_of(case: Case, request: Request) -> Certificate | None:
    """The certificate whose key a request is for again; None where it is gone or may not leave its server."""
    bearers = [
        one
        for one in case.live
        if one.public_key == request.public_key
        and one.has_private_key is not False
        and may_leave(case, one)
        and not may_be_pending(one)
        and isinstance(one.not_before, datetime)
    ]
    return max(bearers, key=lambda one: str(one.not_before), default=None)


def may_leave(case: Case, current: Certificate) -> bool:
    """Whether the key of a certificate may leave its server.

    Where that cannot be read, as on an Edge server [5-1], what this tool made is as it was asked for.
    """
    if isinstance(current.exportable, bool):
        return current.exportable
    was = case.was
    return was is not None and was.exportable is True and case.was_created and is_recorded(case, current)


def unrecorded_request(case: Case) -> Request | None:
    """A request that nobody recorded, found by its mark: it asks for what is declared now."""
    for entry in case.live:
        if (
            _is_marked_pending(entry, case.mark)
            and isinstance(entry.thumbprint, Thumbprint)
            and isinstance(entry.public_key, str)
        ):
            return Request(
                server=home_of(case.asked),
                asked=case.asked,
                public_key=entry.public_key,
                csr="",
                pending=entry.thumbprint,
                since=case.now,
            )
    return None


def _is_marked_pending(certificate: Certificate, mark: str) -> bool:
    name = certificate.friendly_name
    return isinstance(name, str) and mark in name and may_be_pending(certificate)


def current_of(case: Case) -> Selection:
    """The live certificate that is the declared one."""
    key = case.was.public_key if case.was else None
    if case.request is not None and imported_of(case.live, case.request) is not None:
        key = case.request.public_key
    return select(case.asked, case.live, key if isinstance(key, str) else None, case.mark, case.now)


def is_recorded(case: Case, current: Certificate) -> bool:
    """Whether a live certificate is the very one that is recorded: another one may have the same key."""
    was = case.was
    return (
        was is not None
        and was.public_key == current.public_key
        and (not isinstance(was.thumbprint, Thumbprint) or was.thumbprint == current.thumbprint)
    )


def is_marked(case: Case, current: Certificate) -> bool:
    name = current.friendly_name
    return isinstance(name, str) and bool(case.mark) and case.mark in name


def binding_name_of(current: Certificate) -> TlsCertificateName | None:
    name = current.tls_certificate_name
    return name if isinstance(name, TlsCertificateName) else None


def thumbprint_of(current: Certificate) -> Thumbprint:
    if not isinstance(current.thumbprint, Thumbprint):
        raise ValueError("a live certificate has a thumbprint: it is computed from the certificate itself")
    return current.thumbprint


def asks_for(asked: Certificate) -> tuple[Any, ...]:
    """What a request is made of; its names with the common name, which is always among them [2.1-6]."""
    others = tuple(getattr(asked, name) for name in REQUEST_ATTRIBUTES if name != "domains")
    return (asked_domains(asked), *others)
