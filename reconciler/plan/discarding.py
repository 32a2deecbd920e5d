"""Requests whose keys are known to others: they are removed, or a later renewal would go on with them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from reconciler.cmdlets import certificate as cmdlets
from reconciler.pki.selection import may_be_pending
from state.address import Address
from state.resources import Certificate
from state.values import UNSET, Thumbprint

from .case import Case, CertificatePlan, case_of, is_marked
from .change import Action, Change, Difference
from .situation import Situation

_REQUEST = "New-ExchangeCertificate"


def discarded_requests(
    certificates: Mapping[Address, CertificatePlan], situation: Situation
) -> Iterator[Change]:
    """Remove the requests of ours that one made now, after a compromise, takes the place of."""
    for address in situation.urgent:
        planned, asked = certificates.get(address), situation.desired.resources.get(address)
        if planned is None or planned.change is None or not isinstance(asked, Certificate):
            continue
        case = case_of(address, asked, situation)
        if case.is_compromised and any(one.cmdlet == _REQUEST for one in planned.change.invocations):
            yield from _removals(case)


def _removals(case: Case) -> Iterator[Change]:
    request = case.request
    for entry in case.live:
        is_known = request is not None and entry.public_key == request.public_key
        if not may_be_pending(entry) or not (is_known or is_marked(case, entry)):
            continue
        if isinstance(entry.thumbprint, Thumbprint):
            yield Change(
                address=Address.of(case.address.type, *case.address.parts, str(entry.thumbprint)),
                action=Action.DELETE,
                attributes={"thumbprint": Difference(entry.thumbprint, UNSET)},
                invocations=(cmdlets.remove(entry.thumbprint, server=case.server, edge=case.edge),),
                reason="is a request whose key may be known to others",
            )
