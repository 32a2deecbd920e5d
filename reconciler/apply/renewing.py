"""Another certificate for the same key, while its server's export of it is at hand."""

from __future__ import annotations

from datetime import datetime

from reconciler.cmdlets.certificate import brings_answer, carries_key
from reconciler.pki.renewed import packed_again, request_again
from reconciler.pki.request import check_request, parse_request
from reconciler.plan.change import Change
from state.record import Learned, Request, StateRecord
from state.values import Name

from .journey import Journey
from .learning import asked_by


def keeps_key(change: Change) -> bool:
    """Whether a change brings another certificate for a key that is there."""
    return any(brings_answer(one) and carries_key(one) for one in change.invocations)


def request_under_way(change: Change, record: StateRecord) -> Request | None:
    """What was requested for the key already, if it is for what the change leads to."""
    request = record.requests.get(change.address)
    if request is None or request.renews is None or check_request(request.csr, asked_by(change)):
        return None
    return request


def requested_again(
    change: Change, server: str, journey: Journey, record: StateRecord, now: datetime
) -> tuple[Learned, ...]:
    """Sign the request for an exported key, where there is none: what the record learns by that.

    Raises:
        KeyNotUsable: it cannot have another certificate.
    """
    if request_under_way(change, record) is not None:
        return ()
    asked = asked_by(change)
    again = request_again(*journey.open(), asked)
    facts = parse_request(again.pem)
    request = Request(
        server=Name(server),
        asked=asked,
        public_key=facts.public_key,
        csr=facts.pem,
        pending=None,
        since=now,
        renews=again.begins,
    )
    return (Learned(change.address, record.resources.get(change.address), request),)


def put_together(journey: Journey, chain: str) -> None:
    """Let the journey go on with the issued certificate and its key.

    Raises:
        KeyNotUsable: they do not belong together.
    """
    data, password = journey.open()
    journey.go_on_with(packed_again(data, password, chain))
