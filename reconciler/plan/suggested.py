"""Renewal as authorities want it: which certificates theirs are asked about, and what a new one replaces.

Both are named by what an authority calls a certificate. It is told only of what the record knows to be from
it: another authority would not know what is meant.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from reconciler.pki.selection import may_be_pending
from state.address import Address
from state.resources import Certificate

from .situation import Situation, home_of


def to_ask_about(situation: Situation) -> Mapping[str, tuple[str, ...]]:
    """The certificates that may yet be renewed earlier than by their dates, by the names of their issuers.

    One that is expired, or whose successor is under way, is asked about no more. Several servers may have one
    certificate.

    Returns:
        Each as :attr:`Certificate.renewal_id`; the one that ends first is the first.
    """
    found: dict[str, dict[str, datetime]] = {}
    for address, issuer, name, ends in _issued(situation):
        if address not in situation.record.requests and ends > situation.now:
            found.setdefault(issuer, {})[name] = ends
    return {
        issuer: tuple(sorted(known, key=lambda one: (known[one], one))) for issuer, known in found.items()
    }


def replaceable(situation: Situation) -> Mapping[Address, str]:
    """What issuers call the certificates whose place another one would take, by address."""
    return {address: name for address, _, name, _ in _issued(situation)}


def _issued(situation: Situation) -> Iterator[tuple[Address, str, str, datetime]]:
    """The recorded certificates that are there and from the issuer that is declared now.

    Yields:
        Address, issuer, what the issuer calls it, and when it ends.
    """
    for address, asked in situation.desired.of(Certificate):
        recorded = situation.record.resources.get(address)
        was = recorded.resource if recorded else None
        if not isinstance(was, Certificate) or not isinstance(asked.issuer, str) or asked.mode == "observe":
            continue
        if was.issuer != asked.issuer or not isinstance(was.public_key, str):
            continue
        for one in situation.server(home_of(asked)).certificates.objects:
            if one.public_key == was.public_key and not may_be_pending(one):
                if isinstance(one.renewal_id, str) and one.renewal_id and isinstance(one.not_after, datetime):
                    yield address, asked.issuer, one.renewal_id, one.not_after
                break
