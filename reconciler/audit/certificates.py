"""Certificates of one server that expired, will soon, are there twice, or serve nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from reconciler.pki.coverage import uncovered
from reconciler.pki.presenting import SMTP, By, WhyNot, why_unusable
from state.resources import Certificate
from state.snapshot import LiveServer
from state.values import Thumbprint, TlsCertificateName

from . import rules
from .finding import Finding, Rule, Weight
from .organization import Audited, Shown

SOON: Final = timedelta(days=30)
AUTH: Final = "CN=Microsoft Exchange Server Auth Certificate"
"""Setup's, for OAuth: it shows SMTP, there may be several, and no connector needs it [2.3-2], [2.5-3]."""
_NEVER: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class _Store:
    """The certificates of one server.

    Attributes:
        shown: Connectors on it.
        is_fully_told: Every connector that may present one of them was read.
    """

    server: str
    certificates: tuple[Certificate, ...]
    shown: tuple[Shown, ...]
    is_fully_told: bool
    now: datetime

    def users(self, certificate: Certificate) -> list[str]:
        """The connectors that present it, or name it."""
        return [
            str(one.connector.name)
            for one in self.shown
            if one.presented
            and (
                one.presented.certificate is certificate
                or (one.presented.name is not None and one.presented.name == certificate.tls_certificate_name)
            )
        ]

    def is_presented(self, certificate: Certificate) -> bool:
        return any(one.presented and one.presented.certificate is certificate for one in self.shown)

    def may_be_presented(self) -> bool:
        """True when what some connector presents is not known."""
        return any(
            one.presented is None or one.presented.by is By.UNKNOWN or one.presented.unclear
            for one in self.shown
            if one.is_open
        )

    def successor(self, certificate: Certificate) -> Certificate | None:
        """One that is good for long enough and does for the same names."""
        return next(
            (
                other
                for other in self.certificates
                if other is not certificate
                and why_unusable(other, self.now) in (None, WhyNot.UNREAD)
                and isinstance(other.not_after, datetime)
                and other.not_after > self.now + SOON
                and _does_for(other, certificate)
            ),
            None,
        )


def check_certificates(audited: Audited) -> Iterator[Finding]:
    shown: dict[object, list[Shown]] = defaultdict(list)
    for one in audited.shown():
        shown[one.server].append(one)
    for server in audited.live.servers.values():
        store = _store(server, tuple(shown[server.name]), audited)
        for certificate in store.certificates:
            yield from _validity(certificate, store)
            yield from _use(certificate, store)
        yield from _names(store)


def _store(server: LiveServer, shown: tuple[Shown, ...], audited: Audited) -> _Store:
    return _Store(
        str(server.name), server.certificates.objects, shown, audited.is_fully_told(server), audited.now
    )


def _validity(certificate: Certificate, store: _Store) -> Iterator[Finding]:
    if not isinstance(certificate.not_after, datetime) or certificate.status == "PendingRequest":
        return
    users = store.users(certificate)
    if not users and not _serves_smtp(certificate):
        return
    left = certificate.not_after - store.now
    if left > SOON:
        return
    successor = store.successor(certificate)
    day = f"{certificate.not_after:%Y-%m-%d}"
    named = f" It is bound or chosen by {_and(users)}." if users else ""
    if successor is not None and not store.is_presented(certificate):
        if left < timedelta(0):
            detail = f"{certificate.subject} expired {day}; {successor.thumbprint} does for the same names."
            yield _finding(rules.SUPERSEDED, Weight.INFO, certificate, store, detail)
    elif left < timedelta(0):
        detail = f"{certificate.subject} expired {day}.{named}"
        yield _finding(rules.EXPIRED, Weight.FINDING, certificate, store, detail)
    else:
        detail = f"{certificate.subject} expires {day}, in {left.days} days.{named}"
        yield _finding(rules.EXPIRES, Weight.FINDING, certificate, store, detail)


def _use(certificate: Certificate, store: _Store) -> Iterator[Finding]:
    """Enabled for SMTP, and chosen by nothing: as far as that is known."""
    if why_unusable(certificate, store.now) is not None or store.users(certificate):
        return
    if not store.is_fully_told or store.may_be_presented():
        return
    if certificate.self_signed is not False:
        return  # setup's own may be the default certificate, which Exchange does not tell [2.3-4]
    detail = (
        f"{certificate.subject}: no connector names it, and none answers with a name that it would be chosen "
        f"for. Unless it is the default SMTP certificate of {store.server}, which Exchange does not tell, "
        "nothing may present it."
    )
    yield _finding(rules.UNUSED, Weight.FINDING, certificate, store, detail)


def _names(store: _Store) -> Iterator[Finding]:
    """Connectors cannot tell certificates with one issuer and subject apart."""
    named: dict[TlsCertificateName, list[Certificate]] = defaultdict(list)
    for certificate in store.certificates:
        if (
            isinstance(certificate.tls_certificate_name, TlsCertificateName)
            and why_unusable(certificate, store.now) in (None, WhyNot.UNREAD)
            and (_serves_smtp(certificate) or store.users(certificate))
        ):
            named[certificate.tls_certificate_name].append(certificate)
    for name, several in named.items():
        if len(several) < 2 or (name.subject == AUTH and not any(map(store.users, several))):
            continue
        several.sort(key=_begin, reverse=True)
        newest, *older = several
        until = ", ".join(f"{one.thumbprint} until {_end(one)}" for one in older)
        detail = (
            f"{name}: the newest, {newest.thumbprint} until {_end(newest)}, may be presented, or {until}. "
            "Connectors cannot tell them apart."
        )
        yield _finding(rules.SAME_NAME, Weight.FINDING, newest, store, detail)


def _serves_smtp(certificate: Certificate) -> bool:
    return isinstance(certificate.services, frozenset) and SMTP in certificate.services


def _does_for(other: Certificate, certificate: Certificate) -> bool:
    if other.tls_certificate_name == certificate.tls_certificate_name:
        return True
    names, wanted = other.domains, certificate.domains
    return (
        isinstance(names, frozenset)
        and isinstance(wanted, frozenset)
        and bool(wanted)
        and not uncovered(names, wanted)
    )


def _finding(rule: Rule, weight: Weight, certificate: Certificate, store: _Store, detail: str) -> Finding:
    thumbprint = certificate.thumbprint
    name = str(thumbprint) if isinstance(thumbprint, Thumbprint) else "a certificate"
    return Finding(rule, weight, certificate.kind, name, store.server, detail)


def _and(names: list[str]) -> str:
    return ", ".join(f'"{name}"' for name in dict.fromkeys(names))


def _begin(certificate: Certificate) -> datetime:
    return certificate.not_before if isinstance(certificate.not_before, datetime) else _NEVER


def _end(certificate: Certificate) -> str:
    return (
        f"{certificate.not_after:%Y-%m-%d}" if isinstance(certificate.not_after, datetime) else "(not read)"
    )
