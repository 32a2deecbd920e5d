"""What a certificate has replaced, as far as it is still in the store."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from reconciler.pki.selection import may_be_pending
from state.record import Predecessor
from state.resources import Certificate
from state.values import Thumbprint

from .case import Case, binding_name_of, is_marked, is_recorded


def replaced_by_new(case: Case, current: Certificate | None) -> tuple[Predecessor, ...]:
    """What a new certificate has replaced once it is there: the one until now, and those before it."""
    before = _remaining(case, current)
    if (
        current is None
        or not isinstance(current.thumbprint, Thumbprint)
        or not isinstance(current.public_key, str)
        or not isinstance(current.not_after, datetime)
    ):
        return before
    newest = Predecessor(
        thumbprint=current.thumbprint,
        public_key=current.public_key,
        tls_certificate_name=binding_name_of(current),
        not_after=current.not_after,
        superseded=case.now,
        created=case.was_created if is_recorded(case, current) else is_marked(case, current),
        revoke=case.revoke,
    )
    return (newest, *(one for one in before if one.thumbprint != newest.thumbprint))


def replaced_by(case: Case, current: Certificate) -> tuple[Predecessor, ...]:
    """What the certificate that is there has replaced: the recorded one, where it was told of another."""
    if case.was is None or is_recorded(case, current):
        return _remaining(case, current)
    before = next((one for one in case.live if is_recorded(case, one) and not may_be_pending(one)), None)
    return replaced_by_new(case, before)


def _remaining(case: Case, current: Certificate | None) -> tuple[Predecessor, ...]:
    """The recorded predecessors that are still in the store; without a record, those that our mark tells."""
    recorded = case.record.resources.get(case.address)
    if recorded is None:
        return tuple(_marked(case, current)) if current is not None else ()
    there = {certificate.thumbprint for certificate in case.live}
    return tuple(one for one in recorded.predecessors if one.thumbprint in there)


def _marked(case: Case, current: Certificate) -> Iterator[Predecessor]:
    """What this tool requested for the same declaration besides the current one, newest first."""
    ended = [
        (one.not_before, one.not_after, one)
        for one in case.live
        if one.thumbprint != current.thumbprint and is_marked(case, one) and not may_be_pending(one)
        if isinstance(one.not_before, datetime) and isinstance(one.not_after, datetime)
    ]
    successor = current
    for _, not_after, one in sorted(ended, key=lambda item: item[:2], reverse=True):
        if isinstance(one.thumbprint, Thumbprint) and isinstance(one.public_key, str):
            begun = successor.not_before
            yield Predecessor(
                thumbprint=one.thumbprint,
                public_key=one.public_key,
                tls_certificate_name=binding_name_of(one),
                not_after=not_after,
                superseded=begun if isinstance(begun, datetime) else case.now,
                created=True,
            )
            successor = one
