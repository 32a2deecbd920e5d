"""Which certificate a connector presents, and why not the others: rules [2.5-2], [3-15], [3-16].

The order among several that fit is on no page: what is chosen here is what Exchange may choose
[inf: presented]. What is named and missing, and what does not fit, is certain.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from typing import Final

from reconciler.pki.coverage import covers
from reconciler.pki.selection import PENDING, may_be_pending
from state.resources import Certificate, ReceiveConnector, SendConnector
from state.values import UNKNOWN, DomainPattern, Fqdn, Maybe, TlsCertificateName

SMTP: Final = "SMTP"


class By(Enum):
    """What a connector's certificate is chosen by."""

    NAME = "name"
    """TlsCertificateName: issuer and subject."""
    FQDN = "fqdn"
    """Its Fqdn, or the server's where it has none."""
    UNKNOWN = "unknown"
    """What decides could not be read."""


class WhyNot(Enum):
    """Why a certificate is not presented; the text completes "it ..."."""

    PENDING = "is a request without its answer"
    NO_KEY = "has no private key"
    EXPIRED = "has expired"
    NOT_YET = "is not valid yet"
    OTHER_NAME = "has another issuer or subject"
    NOT_COVERED = "does not cover the name"
    NOT_ENABLED = "is not enabled for SMTP"
    LATER = "comes after the chosen one"
    UNREAD = "could not be read well enough to tell"


@dataclass(frozen=True, slots=True)
class Other:
    """A certificate that is not the chosen one."""

    certificate: Certificate
    why: WhyNot


@dataclass(frozen=True, slots=True)
class Presented:
    """The certificate that a connector presents on one server.

    Attributes:
        certificate: None when none fits: by name then nothing, by FQDN the server's default certificate,
            which Exchange does not tell [2.3-4].
        fqdn: What it is chosen by where no name is given; None where that could not be read.
        name: The TlsCertificateName; None where none is given.
        others: All other certificates of the server, the nearest misses first.
        is_doubtful: Among those that fit, the newest is not the one that lasts longest, and no page says
            which of the two counts.
    """

    by: By
    certificate: Certificate | None = None
    name: TlsCertificateName | None = None
    fqdn: Fqdn | None = None
    others: tuple[Other, ...] = ()
    is_doubtful: bool = False

    @property
    def unclear(self) -> tuple[Certificate, ...]:
        """Those that may be the one, as far as they could be read."""
        return tuple(other.certificate for other in self.others if other.why is WhyNot.UNREAD)

    def missed(self, why: WhyNot) -> tuple[Certificate, ...]:
        return tuple(other.certificate for other in self.others if other.why is why)


@dataclass(frozen=True, slots=True)
class Store:
    """One server's certificates at one instant, and what its connectors present of them.

    Attributes:
        certificates: All of that server.
        server: Its FQDN, which a connector without one answers with [3-16].
        now: The instant to judge validity at; UTC, aware.
        takes_names: False for Exchange 2010, whose connectors have no TlsCertificateName [3-15].
    """

    certificates: Sequence[Certificate]
    server: Maybe[Fqdn]
    now: datetime
    takes_names: bool = True
    _known: dict[TlsCertificateName | Fqdn | None, Presented] = field(
        default_factory=dict, repr=False, compare=False
    )

    def presented_by(self, connector: SendConnector | ReceiveConnector) -> Presented:
        """Work out which certificate a connector presents: once for all that choose by the same."""
        chosen_by = self._chosen_by(connector)
        if chosen_by not in self._known:
            self._known[chosen_by] = self._presented(chosen_by)
        return self._known[chosen_by]

    def _chosen_by(self, connector: SendConnector | ReceiveConnector) -> TlsCertificateName | Fqdn | None:
        """None where it could not be read."""
        name = connector.tls_certificate_name if self.takes_names else None
        if isinstance(name, TlsCertificateName):
            return name
        fqdn = self.server if connector.fqdn is None else connector.fqdn
        return fqdn if isinstance(fqdn, Fqdn) and name is not UNKNOWN else None

    def _presented(self, chosen_by: TlsCertificateName | Fqdn | None) -> Presented:
        match chosen_by:
            case TlsCertificateName():
                judged = [(one, _why_not_named(one, chosen_by, self.now)) for one in self.certificates]
                return _choose(judged, Presented(By.NAME, name=chosen_by))
            case Fqdn():
                wanted = DomainPattern(chosen_by.name)
                judged = [(one, _why_not_covering(one, wanted, self.now)) for one in self.certificates]
                return _choose(judged, Presented(By.FQDN, fqdn=chosen_by))
            case None:
                others = tuple(Other(one, WhyNot.UNREAD) for one in self.certificates)
                return Presented(By.UNKNOWN, others=others)


def _choose(judged: Sequence[tuple[Certificate, WhyNot | None]], found: Presented) -> Presented:
    fitting = [certificate for certificate, why in judged if why is None]
    newest = max(fitting, key=_begin, default=None)
    longest = max(fitting, key=_end, default=None)
    chosen = newest if found.by is By.NAME else longest
    others = [Other(one, why or WhyNot.LATER) for one, why in judged if one is not chosen]
    others.sort(key=lambda other: _NEAREST.index(other.why))
    return Presented(
        by=found.by,
        certificate=chosen,
        name=found.name,
        fqdn=found.fqdn,
        others=tuple(others),
        is_doubtful=newest is not longest,
    )


_NEAREST: Final = (
    WhyNot.LATER,
    WhyNot.UNREAD,
    WhyNot.NOT_ENABLED,
    WhyNot.NO_KEY,
    WhyNot.EXPIRED,
    WhyNot.NOT_YET,
    WhyNot.PENDING,
    WhyNot.NOT_COVERED,
    WhyNot.OTHER_NAME,
)


def _why_not_named(certificate: Certificate, name: TlsCertificateName, now: datetime) -> WhyNot | None:
    if not isinstance(certificate.tls_certificate_name, TlsCertificateName):
        return WhyNot.UNREAD
    if certificate.tls_certificate_name != name:  # plain equality of both parts, as CSS compares [3-15]
        return WhyNot.OTHER_NAME
    return why_unusable(certificate, now)


def _why_not_covering(certificate: Certificate, wanted: DomainPattern, now: datetime) -> WhyNot | None:
    if not isinstance(certificate.domains, frozenset):
        return WhyNot.UNREAD
    if not any(covers(pattern, wanted) for pattern in certificate.domains):
        return WhyNot.NOT_COVERED
    return why_unusable(certificate, now)


def why_unusable(certificate: Certificate, now: datetime) -> WhyNot | None:
    """Why a certificate cannot serve SMTP at all; None where nothing is known against it."""
    if certificate.status == PENDING:
        return WhyNot.PENDING
    if not (isinstance(certificate.not_before, datetime) and isinstance(certificate.not_after, datetime)):
        return WhyNot.UNREAD
    if certificate.not_after < now:
        return WhyNot.EXPIRED
    if certificate.not_before > now:
        return WhyNot.NOT_YET
    if certificate.has_private_key is False:
        return WhyNot.NO_KEY
    if isinstance(certificate.services, frozenset) and SMTP not in certificate.services:
        return WhyNot.NOT_ENABLED
    is_told = isinstance(certificate.services, frozenset) and certificate.has_private_key is True
    if not is_told or may_be_pending(certificate):
        return WhyNot.UNREAD
    return None


def _begin(certificate: Certificate) -> datetime:
    return certificate.not_before if isinstance(certificate.not_before, datetime) else _NEVER


def _end(certificate: Certificate) -> datetime:
    return certificate.not_after if isinstance(certificate.not_after, datetime) else _NEVER


_NEVER: Final = datetime.min.replace(tzinfo=UTC)
