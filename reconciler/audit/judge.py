"""All rules over one organization."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain

from .bindings import check_bindings
from .certificates import check_certificates
from .finding import Finding, Weight
from .organization import Audited
from .others import check_others
from .receive_connectors import check_receive_connectors
from .send_connectors import check_send_connectors
from .unread import check_unread, is_complete

_ORDER = tuple(Weight)


@dataclass(frozen=True, slots=True)
class Audit:
    """What an audit found.

    Attributes:
        findings: The heaviest first.
        servers: Those that were looked at.
        send_connectors, receive_connectors, certificates: How many were.
        is_complete: Every list that it rests on was read: no finding means that there is none.
    """

    findings: tuple[Finding, ...]
    servers: tuple[str, ...]
    send_connectors: int
    receive_connectors: int
    certificates: int
    is_complete: bool

    @property
    def has_findings(self) -> bool:
        return any(one.weight is Weight.FINDING for one in self.findings)


def judge(audited: Audited) -> Audit:
    """Look for everything that :data:`reconciler.audit.rules.RULES` names."""
    found = chain(
        check_bindings(audited),
        check_certificates(audited),
        check_send_connectors(audited),
        check_receive_connectors(audited),
        check_others(audited),
        check_unread(audited),
    )
    servers = audited.live.servers.values()
    return Audit(
        findings=tuple(sorted(dict.fromkeys(found), key=lambda one: _ORDER.index(one.weight))),
        servers=tuple(str(one.name) for one in servers if not one.unreachable),
        send_connectors=sum(len(group.listing.objects) for group in audited.send_connectors()),
        receive_connectors=sum(len(one.receive_connectors.objects) for one in servers),
        certificates=sum(len(one.certificates.objects) for one in servers),
        is_complete=is_complete(audited),
    )
