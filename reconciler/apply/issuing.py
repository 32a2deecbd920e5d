"""From a request to its certificate: checked before it is given away, and before it is taken."""

from __future__ import annotations

from dataclasses import replace

from reconciler.events import IssueFinished, IssueStarted
from reconciler.issuers.port import CertificateRequest, IssuerFailed
from reconciler.pki.answer import check_answer
from reconciler.pki.asked import asked_domains
from reconciler.pki.request import check_request
from state.address import Address
from state.record import Learned, Request
from state.resources import Certificate
from state.resources.attribute import INSTANT

from . import problems
from .ledger import Ledger
from .tools import Stopped, Tools


def answer_of(address: Address, asked: Certificate, ledger: Ledger, tools: Tools) -> str:
    """The issued certificate with its chain, PEM: the one that the journal holds, or a new one.

    A new one is in the journal before this returns, so that an authority is asked once.

    Raises:
        Stopped: there is none that may be imported.
    """
    request = ledger.record.requests[address]
    if not request.answer or check_answer(request.answer, request.public_key, asked, tools.now()):
        request = replace(request, answer=_issued(address, asked, request, tools))
        ledger.learn(Learned(address, ledger.record.resources.get(address), request))
    return request.answer


def _issued(address: Address, asked: Certificate, request: Request, tools: Tools) -> str:
    name = str(asked.issuer)
    if wrong := check_request(request.csr, asked):
        raise Stopped(problems.request_wrong(address, wrong), was_sent=False)
    tools.listener(IssueStarted(str(address), name))
    try:
        issued = tools.issuers[name].issue(CertificateRequest(address, request.csr, asked_domains(asked)))
    except IssuerFailed as error:
        tools.listener(IssueFinished(str(address), name, error=error.reason))
        raise Stopped(problems.issuer_failed(address, error, error.hint), was_sent=False) from error
    if wrong := check_answer(issued.chain, request.public_key, asked, tools.now()):
        tools.listener(IssueFinished(str(address), name, error=str(wrong[0])))
        raise Stopped(problems.answer_wrong(address, name, wrong), was_sent=False)
    tools.listener(IssueFinished(str(address), name, not_after=INSTANT.text(issued.not_after)))
    return issued.chain
