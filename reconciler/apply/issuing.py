"""From a request to its certificate: checked before it is given away, and before it is taken."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from reconciler.events import IssueFinished, IssueStarted, IssueWaiting
from reconciler.issuers.port import CertificateRequest, Issued, IssuerFailed, Waiting
from reconciler.pki.answer import check_answer
from reconciler.pki.answer_problems import wrong_answer
from reconciler.pki.asked import asked_domains
from reconciler.pki.problem import Problem
from reconciler.pki.request import check_request
from reconciler.pki.sent import NotAnAnswer, read_answer
from state.address import Address
from state.record import Learned, Request
from state.resources import Certificate
from state.resources.attribute import INSTANT

from . import problems
from .ledger import Ledger
from .tools import Parked, Tools

_LONGEST: Final = timedelta(days=1)
"""How long an issuer is left alone that wants to be: what it says may be wrong, and the certificate ends."""


def answer_of(address: Address, asked: Certificate, ledger: Ledger, tools: Tools, *, urgent: str = "") -> str:
    """The issued certificate with its chain, PEM: the one that the journal holds, or a new one.

    What the issuer says is in the journal before this returns: an authority is asked once, and asked again by
    what it called the request, not before the time that it named: a timer must not use up its rate limit.

    Args:
        urgent: Why what it replaces is to be revoked, where it was decided so since it was requested.

    Raises:
        Parked: there is none yet, or none that may be imported.
    """
    request = ledger.record.requests[address]
    if urgent and request.urgent != urgent:
        request = replace(request, urgent=urgent)
        ledger.learn(Learned(address, ledger.record.resources.get(address), request))
    if request.answer and not _problems(request.answer, request, asked, tools):
        return request.answer
    now = tools.now()
    if address not in tools.at_once and _is_early(request, asked, now):
        tools.listener(_waiting(address, asked, request))
        raise Parked()
    said = _asked(address, asked, request, tools)
    now = tools.now()
    request = replace(request, submitted=request.submitted or now)
    match said:
        case Issued():
            request = replace(request, answer=said.chain, issued=now, waits="", next_try=None)
        case Waiting():
            next_try = said.next_try and min(said.next_try, now + _LONGEST)
            request = replace(
                request, reference=said.reference, waits=said.reason, next_try=next_try, answer=""
            )
    ledger.learn(Learned(address, ledger.record.resources.get(address), request))
    if isinstance(said, Waiting):
        tools.listener(_waiting(address, asked, request))
        raise Parked()
    return request.answer


def _is_early(request: Request, asked: Certificate, now: datetime) -> bool:
    """Whether the issuer that has a request wants to be asked later.

    Of an instant that is further away than any that is kept, the clock that it was kept by was wrong.
    """
    is_kept = request.next_try is not None and now < request.next_try <= now + _LONGEST
    return is_kept and request.asked.issuer == asked.issuer


def _waiting(address: Address, asked: Certificate, request: Request) -> IssueWaiting:
    next_try = INSTANT.text(request.next_try) if request.next_try else ""
    return IssueWaiting(str(address), str(asked.issuer), request.waits, next_try)


def _asked(address: Address, asked: Certificate, request: Request, tools: Tools) -> Issued | Waiting:
    name = str(asked.issuer)
    if wrong := check_request(request.csr, asked):
        raise Parked(problems.request_wrong(address, wrong))
    tools.listener(IssueStarted(str(address), name))
    brought = CertificateRequest(
        address,
        request.csr,
        asked_domains(asked),
        request.reference,
        request.submitted,
        tools.replaces.get(address, ""),
        request.renews,
    )
    try:
        said = tools.issuers[name].issue(brought)
    except IssuerFailed as error:
        tools.listener(IssueFinished(str(address), name, error=error.reason))
        raise Parked(problems.issuer_failed(address, error, error.hint)) from error
    if isinstance(said, Waiting):
        return said
    try:
        chain = read_answer(said.chain.encode("utf-8", "replace"), request.public_key)
        wrong = _problems(chain, request, asked, tools)
    except NotAnAnswer as error:
        wrong = (error.problem,)
    if wrong:
        tools.listener(IssueFinished(str(address), name, error=str(wrong[0])))
        raise Parked(wrong_answer(address, f"issuer {name}", wrong))
    tools.listener(IssueFinished(str(address), name, not_after=INSTANT.text(said.not_after)))
    return replace(said, chain=chain)


def _problems(chain: str, request: Request, asked: Certificate, tools: Tools) -> tuple[Problem, ...]:
    return check_answer(chain, request.public_key, asked, tools.now(), after=request.renews)
