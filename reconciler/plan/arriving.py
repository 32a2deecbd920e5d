"""A certificate that is not there yet: requested, bought with its key, or fetched with it from elsewhere."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from reconciler.cmdlets import certificate as cmdlets
from reconciler.cmdlets.invocation import Invocation
from reconciler.pki.asked import asked_domains
from state.record import Learned, Recorded, Request
from state.resources import Certificate, Kind
from state.values import UNKNOWN, UNSET, Deferred, Maybe, Thumbprint

from . import problems
from .case import Case, CertificatePlan, bearer_of, binding_name_of, current_of, is_open, thumbprint_of
from .change import Action, Change, Difference
from .compare import live_value
from .kept import certificate_to_record, enable, replaces_default
from .predecessors import replaced_by_new


def continued(case: Case, request: Request) -> CertificatePlan:
    """The rest of a request: its text again if we lost it, its answer, its services."""
    if request.renews is not None and (bearer := bearer_of(case, request)) is not None:
        since = f"requested {request.since:%Y-%m-%d}" + (", answered" if request.answer else "")
        return renewed(case, f"{since}, for the same key", bearer, request)
    steps: list[Invocation] = []
    if not request.csr and request.pending is not None:
        steps.append(cmdlets.export_request(request.pending, server=case.server, edge=case.edge))
    reason = f"requested {request.since:%Y-%m-%d}" + (", answered" if request.answer else "")
    planned = _requested(case, steps, reason, current=current_of(case).certificate)
    return _waiting(planned, request) if request.is_waiting else planned


def _waiting(planned: CertificatePlan, request: Request) -> CertificatePlan:
    """The same, when its issuer has it: what follows is tried, and is nothing to approve again."""
    if planned.change is None:
        return planned
    reason = f"requested {request.since:%Y-%m-%d}, waits: {request.waits}"
    return replace(planned, change=replace(planned.change, action=Action.WAIT, reason=reason))


def renewed(case: Case, reason: str, bearer: Certificate, request: Request | None = None) -> CertificatePlan:
    """Another certificate for a key that is there: exported for its request, and again to go with the answer.

    Args:
        request: What was requested for it; None where nothing was by now.
    """
    address = case.address
    steps = [
        cmdlets.export_key(address, thumbprint_of(bearer), server=case.server, edge=case.edge),
        cmdlets.import_renewed(address, case.asked, server=case.server, edge=case.edge, mark=case.mark),
    ]
    thumbprint = Deferred(address, cmdlets.THUMBPRINT)
    change = _arriving(case, steps, reason, current_of(case).certificate, thumbprint, bearer.public_key)
    planned = CertificatePlan(change, case.deferred_name)
    return _waiting(planned, request) if request is not None and request.is_waiting else planned


def fetched(
    case: Case, source: Case, certificate: Certificate | None, *, waits: bool = False
) -> CertificatePlan:
    """The same certificate and key as another server has, or will have: exported there, imported here.

    Args:
        certificate: None while it is requested there.
    """
    address, current = case.address, current_of(case).certificate
    thumbprint: Thumbprint | Deferred = Deferred(source.address, cmdlets.THUMBPRINT)
    if certificate is not None:
        thumbprint = thumbprint_of(certificate)
    steps = [
        cmdlets.export_key(address, thumbprint, server=source.server, edge=source.edge),
        cmdlets.import_key(
            address, case.asked, source.address, server=case.server, edge=case.edge, mark=case.mark
        ),
    ]
    key = certificate.public_key if certificate is not None else UNSET
    came = f"comes with its key from {source.server}"
    change = _arriving(case, steps, came, current, thumbprint, key, dated=certificate)
    name = binding_name_of(certificate) if certificate is not None else source.deferred_name
    if certificate is None:
        change = replace(
            change, action=Action.WAIT if waits else change.action, requires=frozenset({source.address})
        )
    request = case.request
    is_abandoned = request is not None and is_open(case, request)
    abandoned = (problems.request_abandoned(address, case.server),) if is_abandoned else ()
    return CertificatePlan(change, name, abandoned)


def brought(case: Case, certificate: Certificate) -> CertificatePlan:
    """One that somebody bought with its key; the key is handed to the apply beside the plan.

    Args:
        certificate: What its file says of it.
    """
    step = cmdlets.import_bought(case.address, case.asked, server=case.server, edge=case.edge, mark=case.mark)
    current, thumbprint = current_of(case).certificate, thumbprint_of(certificate)
    why, key = "was bought with its key", certificate.public_key
    change = _arriving(case, [step], why, current, thumbprint, key, dated=certificate)
    return CertificatePlan(change, binding_name_of(certificate))


def new_request(case: Case, reason: str, current: Certificate | None) -> CertificatePlan:
    # Without names of its own, a request gets those of the server [2.1-6].
    asked = case.asked.with_(domains=asked_domains(case.asked))
    step = cmdlets.request(asked, server=case.server, edge=case.edge, mark=case.mark)
    return _requested(case, [step], reason, current)


def _requested(
    case: Case, steps: list[Invocation], reason: str, current: Certificate | None
) -> CertificatePlan:
    """A certificate that has to come from its issuer; ``steps`` lead to the request."""
    asked, address = case.asked, case.address
    steps = [
        *steps,
        cmdlets.import_answer(address, asked, server=case.server, edge=case.edge, mark=case.mark),
    ]
    thumbprint = Deferred(address, cmdlets.THUMBPRINT)
    return CertificatePlan(_arriving(case, steps, reason, current, thumbprint), case.deferred_name)


def _arriving(
    case: Case,
    steps: list[Invocation],
    reason: str,
    current: Certificate | None,
    thumbprint: Thumbprint | Deferred,
    public_key: Maybe[str] = UNSET,
    dated: Certificate | None = None,
) -> Change:
    """A certificate that is not there yet; ``steps`` bring it, and its services follow.

    Args:
        dated: What is known of its validity; None while that is its issuer's to say.
    """
    asked, address = case.asked, case.address
    if isinstance(asked.services, frozenset) and asked.services:
        steps = [*steps, enable(case, thumbprint, asked.services)]
    differences = {
        attribute.name: Difference(_before(current, attribute.name), value)
        for attribute, value in asked.declared(Kind.WRITABLE)
        if _before(current, attribute.name) != value
    }
    if replaces_default(asked):
        differences["default_smtp"] = Difference(UNKNOWN, asked.default_smtp)
    differences["thumbprint"] = Difference(_before(current, "thumbprint"), thumbprint)
    return Change(
        address=address,
        action=Action.CREATE if current is None else Action.REPLACE,
        attributes=differences,
        invocations=tuple(steps),
        reason=reason,
        learned=Learned(
            address,
            Recorded(
                certificate_to_record(
                    asked,
                    thumbprint=thumbprint,
                    public_key=public_key,
                    not_before=dated.not_before if dated is not None else UNSET,
                    not_after=dated.not_after if dated is not None else UNSET,
                ),
                created=True,
                at=case.now,
                predecessors=replaced_by_new(case, current),
            ),
        ),
    )


def _before(current: Certificate | None, name: str) -> Any:
    return UNSET if current is None else live_value(current, name)
