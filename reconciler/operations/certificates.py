"""``certificates``: how each one stands; a request on its way out, an answer on its way in."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from reconciler.diagnostics import Diagnostic, Severity
from reconciler.pki.answer import check_answer
from reconciler.pki.answer_problems import wrong_answer
from reconciler.pki.sent import LARGEST_FILE, NotAnAnswer, read_answer
from reconciler.plan.case import asks_for
from reconciler.plan.lifecycle import standings
from reconciler.plan.problems import THE_REST
from reconciler.plan.standing import Standing, State
from reconciler.plan.tlsa import NOT_LOOKED_UP
from state.address import Address
from state.record import Learned, Request, StateRecord
from state.resources import Certificate

from .failed import OperationFailed
from .inputs import Inputs, Surroundings, load_declared
from .planning import run_plan
from .records import locked, open_store, remember
from .sent_file import read_sent
from .servers import require_declared


@dataclass(frozen=True, slots=True)
class Certificates:
    """How every declared certificate stands, and what else there is to tell."""

    organization: str
    standings: tuple[Standing, ...]
    diagnostics: tuple[Diagnostic, ...]

    @property
    def is_all_read(self) -> bool:
        """False where a certificate is told by the record alone, for its server could not be read."""
        return all(one.state is not State.UNKNOWN for one in self.standings)


def run_certificates(inputs: Inputs, surroundings: Surroundings) -> Certificates:
    """Read Exchange and the record, and tell how each certificate stands.

    Raises:
        OperationFailed: the YAML or the record cannot be used. That a server cannot be read is told, and what
            the record knows of it.
    """
    planned = run_plan(inputs, surroundings)
    situation = replace(planned.situation, record=planned.record)
    told = standings(situation, planned.plan)
    # Who only looks presents no key that a record would have to name.
    told_of = [one for one in planned.diagnostics if one.summary != NOT_LOOKED_UP]
    diagnostics = tuple(map(_as_nothing_is_planned, told_of))
    return Certificates(planned.plan.organization, told, diagnostics)


def _as_nothing_is_planned(one: Diagnostic) -> Diagnostic:
    """The same, without what only a command that plans can do."""
    if not one.hint.endswith(f"or {THE_REST}"):
        return one
    return replace(one, hint=one.hint.removesuffix(f"or {THE_REST}").rstrip(" -,"))


def no_event(out: Path | None) -> Diagnostic:
    """That no date is known, so that there is no calendar: an empty one is none (RFC 5545 3.6)."""
    left = f"{out} was not written, and stays as it was" if out is not None else "Nothing was printed"
    return Diagnostic(
        summary="Calendar without events",
        detail=f"No renewal, end or deadline of a certificate is known. {left}.",
        hint="apply first, or mend what could not be read",
        severity=Severity.WARNING,
    )


def pending_request(inputs: Inputs, address: Address, surroundings: Surroundings) -> str:
    """The request of an address, PEM, as the record has it.

    Raises:
        OperationFailed: there is none.
    """
    declared = load_declared(inputs, surroundings)
    require_declared(declared.desired, (address,))
    organization = declared.desired.organization
    record = remember(open_store(organization, inputs, surroundings), organization).record
    return _request(record, address).csr


def take_answer(inputs: Inputs, address: Address, file: Path, surroundings: Surroundings) -> Request:
    """Record what an authority sent for a request, under the record's lock; apply imports it.

    Raises:
        OperationFailed: it is no answer to that request; nothing was recorded.
    """
    declared = load_declared(inputs, surroundings)
    require_declared(declared.desired, (address,))
    store = open_store(declared.desired.organization, inputs, surroundings)
    with locked(store, "certificates --answer", surroundings) as fence:
        record = remember(store, declared.desired.organization).record
        request = _request(record, address)
        asked = declared.desired.snapshot.resources[address]
        if not isinstance(asked, Certificate) or asks_for(asked) != asks_for(request.asked):
            raise OperationFailed((_given_up(address),))
        now = surroundings.now()
        try:
            chain = read_answer(read_sent(file, LARGEST_FILE), request.public_key)
            wrong = check_answer(chain, request.public_key, request.asked, now, after=request.renews)
        except NotAnAnswer as error:
            wrong = (error.problem,)
        if wrong:
            raise OperationFailed((wrong_answer(address, str(file), wrong),))
        answered = replace(
            request,
            answer=chain,
            submitted=request.submitted or request.since,
            issued=now,
            waits="",
            next_try=None,
        )
        # Into the journal, not the record: writing the record would end what is in doubt there.
        store.append((Learned(address, record.resources.get(address), answered),), fence)
    return answered


def _no_certificate(address: Address) -> Diagnostic:
    return Diagnostic(
        summary="No request under way",
        detail=f"{address} is no certificate: nothing is requested for it.",
        hint="name a certificate; reconciler certificates PATH lists them",
        subject=str(address),
    )


def _given_up(address: Address) -> Diagnostic:
    return Diagnostic(
        summary="Request given up",
        detail=(
            "What is declared by now is something else than what was requested: apply makes another request, "
            "and would not import this answer."
        ),
        hint="declare again what was requested, and give it then; or apply, and order for the new request",
        subject=str(address),
    )


def _request(record: StateRecord, address: Address) -> Request:
    request = record.requests.get(address)
    if address.type != "certificate":
        raise OperationFailed((_no_certificate(address),))
    if request is None or not request.csr:
        raise OperationFailed(
            (
                Diagnostic(
                    summary="No request under way",
                    detail=f"The record holds no request of {address}.",
                    hint="reconciler apply PATH makes one where one is needed, or fetches the text of one",
                    subject=str(address),
                ),
            )
        )
    return request
