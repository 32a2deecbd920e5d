"""What a certificate has replaced, as far as it is still in the store."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from reconciler.pki.selection import may_be_pending
from state.record import Predecessor
from state.resources import Certificate
from state.values import Thumbprint

from .case import COMPROMISE, Case, binding_name_of, is_marked, is_recorded
from .held_back import is_yet_to_be_used


def replaced_by_new(case: Case, current: Certificate | None) -> tuple[Predecessor, ...]:
    """What a new certificate has replaced once it is there: the one until now, and those before it."""
    before = _known_too(case, current)
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
        revoke=case.revoke or _revoked_elsewhere(case, current.thumbprint),
        issuer=_issuer_of(case, current),
    )
    return (newest, *(one for one in before if one.thumbprint != newest.thumbprint))


def replaced_by(case: Case, current: Certificate) -> tuple[Predecessor, ...]:
    """What the certificate that is there has replaced: the recorded one, where it was told of another."""
    if case.was is None or is_recorded(case, current):
        return _remaining(case, current)
    before = next((one for one in case.live if is_recorded(case, one) and not may_be_pending(one)), None)
    return replaced_by_new(case, before)


def _issuer_of(case: Case, current: Certificate) -> str:
    """Whose the certificate is by the record, which may not be whose its successor is."""
    issuer = case.was.issuer if case.was is not None and is_recorded(case, current) else ""
    return issuer if isinstance(issuer, str) else ""


def _revoked_elsewhere(case: Case, thumbprint: Thumbprint) -> str:
    """Why another server that shares the key has it revoked, which is ahead; "" where none has."""
    recorded = (case.record.resources.get(address) for address in case.sharing)
    before = (one for entry in recorded if entry is not None for one in entry.predecessors)
    return next((one.revoke for one in before if one.thumbprint == thumbprint and one.is_to_be_revoked), "")


def _known_too(case: Case, current: Certificate | None) -> tuple[Predecessor, ...]:
    """What it has replaced before, and what of that is no better: it is to be revoked with it.

    That is what is in use as long as the certificate that is replaced now was never put to use, and after a
    compromise what has the same key.
    """
    before, recorded = _remaining(case, current), case.record.resources.get(case.address)
    if not case.revoke or recorded is None:
        return before
    in_use = before[:1] if is_yet_to_be_used(recorded) else ()
    key = current.public_key if current is not None and case.revoke == COMPROMISE else None
    return tuple(
        replace(one, revoke=one.revoke or case.revoke) if one in in_use or one.public_key == key else one
        for one in before
    )


def _remaining(case: Case, current: Certificate | None) -> tuple[Predecessor, ...]:
    """The recorded predecessors that are still in the store, and those that are to be revoked first.

    Without a record, those that our mark tells.
    """
    recorded = case.record.resources.get(case.address)
    if recorded is None:
        return tuple(_marked(case, current)) if current is not None else ()
    there = {certificate.thumbprint for certificate in case.live}
    return tuple(one for one in recorded.predecessors if one.thumbprint in there or one.is_to_be_revoked)


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
