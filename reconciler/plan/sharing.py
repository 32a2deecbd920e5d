"""Which certificate the servers that share a key are to have, who gives it to the others, who requests it.

Live decides, as for a key of one server: a server that joined, was rebuilt or lost it gets it from one that
has it. Only where none has a fit one whose key may travel, the first of them requests another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from reconciler.pki.selection import may_be_pending
from state.address import Address
from state.resources import Certificate

_NEVER: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Member:
    """One of the servers that share a key, as it was read.

    Attributes:
        chosen: The certificate that the declaration means there; None when there is none.
        is_ours: By the record or by our mark, not only by the names that it covers.
        fault: Why the chosen one will not do; "" when it does.
        is_open: A recorded request for what is declared is under way there.
        is_marked: A request that nobody recorded is there, with our mark.
    """

    address: Address
    live: tuple[Certificate, ...]
    chosen: Certificate | None
    is_ours: bool
    fault: str
    is_open: bool
    is_marked: bool


@dataclass(frozen=True, slots=True)
class Share:
    """What is to be done about a shared key.

    Attributes:
        requester: Who makes the request where one is needed.
        certificate: What all of them are to have now; None: it is to come from the requester.
        source: Who gives it to those that lack it; None where all have it.
        is_bound_to_place: There are fit ones, and the key of none may leave its server.
        spare: Meanwhile valid, for those that have nothing: it is due, or its successor is under way.
        spare_source: Who gives that.
    """

    requester: Address
    certificate: Certificate | None = None
    source: Address | None = None
    is_bound_to_place: bool = False
    spare: Certificate | None = None
    spare_source: Address | None = None


def share_of(members: Sequence[Member], requester: Address, now: datetime) -> Share:
    """Decide for all members alike.

    Args:
        members: Those that could be read, in the order they are declared.
        requester: Who is to make a request where none is under way.
    """
    open_at = [one.address for one in members if one.is_open]
    marked_at = [one.address for one in members if one.is_marked]
    requester = (open_at or marked_at or [requester])[0]
    fit = _ranked([one for one in members if not one.fault])
    if not open_at:
        for certificate in fit:
            lacking = [one for one in members if held_by(one.live, certificate) is None]
            source = _giver(members, certificate)
            if not lacking or source is not None:
                return Share(requester, certificate, source if lacking else None)
    for certificate in _ranked(members):
        ends = certificate.not_after
        source = _giver(members, certificate)
        if source is not None and isinstance(ends, datetime) and ends > now:
            return Share(requester, spare=certificate, spare_source=source, is_bound_to_place=bool(fit))
    return Share(requester, is_bound_to_place=bool(fit))


def held_by(live: Sequence[Certificate], certificate: Certificate) -> Certificate | None:
    """The same certificate in another store, with its key as far as that could be read."""
    return next(
        (
            one
            for one in live
            if one.thumbprint == certificate.thumbprint
            and one.has_private_key is not False
            and not (may_be_pending(one) and one.self_signed is not False)
        ),
        None,
    )


def _ranked(members: Sequence[Member]) -> list[Certificate]:
    """The chosen ones, each once: ours before others, then the newest, of those as new what ends last."""
    ranked = sorted(
        (one for one in members if one.chosen is not None),
        key=lambda one: (one.is_ours, _begin(one.chosen), _end(one.chosen)),
        reverse=True,
    )
    return list({one.chosen.thumbprint: one.chosen for one in ranked if one.chosen is not None}.values())


def _begin(certificate: Certificate | None) -> datetime:
    begin = certificate.not_before if certificate is not None else None
    return begin if isinstance(begin, datetime) else _NEVER


def _end(certificate: Certificate | None) -> datetime:
    end = certificate.not_after if certificate is not None else None
    return end if isinstance(end, datetime) else _NEVER


def _giver(members: Sequence[Member], certificate: Certificate) -> Address | None:
    """The first server whose key of it may be exported; else the first where that could not be read."""
    holders = [(one.address, held) for one in members if (held := held_by(one.live, certificate)) is not None]
    sure = [address for address, held in holders if held.exportable is True]
    unread = [address for address, held in holders if not isinstance(held.exportable, bool)]
    return next(iter(sure + unread), None)
