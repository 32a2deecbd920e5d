"""What becomes of certificates of ours that were replaced: one predecessor is kept, older ones go."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from reconciler.cmdlets import certificate as cmdlets
from reconciler.diagnostics import Diagnostic
from reconciler.pki.presenting import why_unusable
from reconciler.pki.selection import may_be_pending
from state.address import Address
from state.record import Predecessor, Recorded
from state.resources import Certificate
from state.values import UNSET, Name, Thumbprint, TlsCertificateName

from . import certificate_problems
from .case import CertificatePlan
from .change import Action, Change, Difference
from .references import References, held_by
from .situation import Situation, home_of
from .unbinding import Letting, Passing, Unbinding

_PARTS: Final = 3


@dataclass(frozen=True, slots=True)
class Superseded:
    """A certificate of ours that another one replaced and that is still in its server's store.

    Attributes:
        address: Of the declared certificate.
        why_due: Why it is to go by now; "" while it is kept for a way back.
        references: What refers to it.
    """

    address: Address
    predecessor: Predecessor
    live: Certificate
    why_due: str
    references: References


def superseded(
    address: Address, asked: Certificate, situation: Situation, *, renewing: bool
) -> list[Superseded]:
    """The predecessors of a declared certificate that this tool requested, newest first.

    The newest of them is kept until it expires or its successor is itself renewed. One that is revoked is no
    way back, and one that is to be revoked stays until it is.

    Args:
        renewing: The certificate that is there now is being replaced.
    """
    recorded = situation.record.resources.get(address)
    server = home_of(asked)
    listing = situation.server(server).certificates
    if recorded is None or listing.unreadable or not _has_successor(recorded, server, situation):
        return []
    there = {one.thumbprint: one for one in listing.objects if not may_be_pending(one)}
    ours = [one for one in recorded.predecessors if one.created and one.thumbprint in there]
    return [
        Superseded(
            address,
            one,
            there[one.thumbprint],
            _why_due(one, position, situation.now, renewing=renewing),
            held_by(there[one.thumbprint], server, situation),
        )
        for position, one in enumerate(ours)
    ]


def plan_retirements(
    certificates: Mapping[Address, CertificatePlan], changes: Iterable[Change], situation: Situation
) -> Iterator[Change | Diagnostic]:
    """Remove what is due and free, or can be made so; tell of what is due and held.

    Args:
        changes: What the plan has for connectors.
    """
    unbinding = Unbinding(situation, {change.address: change for change in changes})
    together: dict[tuple[Address, ...], tuple[Letting, list[Change]]] = {}
    for address, planned in certificates.items():
        asked = situation.desired.resources[address]
        if not isinstance(asked, Certificate) or asked.mode == "observe" or asked.issuer is UNSET:
            continue
        if planned.change is None or _may_be_default(address, asked, situation):
            continue
        renewing = planned.change.action in (Action.REPLACE, Action.WAIT)
        found = superseded(address, asked, situation, renewing=renewing)
        held: list[tuple[str, str]] = []
        is_passing = True
        for one in found:
            if not one.why_due:
                continue
            soon = unbinding.naming_soon(one.live.tls_certificate_name, address, home_of(asked))
            letting = _letting(one, asked, soon, unbinding)
            if (one.references.is_free and not soon) or _nobody(letting):
                yield _removal(one, home_of(asked), situation)
            elif isinstance(letting, Letting):
                removal = _removal(one, home_of(asked), situation)
                together.setdefault(tuple(letting.connectors), (letting, []))[1].append(removal)
            else:
                is_passing = is_passing and isinstance(letting, Passing)
                held.append((str(one.predecessor.thumbprint), _why_held(one, soon, letting)))
        if held:
            yield certificate_problems.predecessors_held(
                address, str(home_of(asked)), held, is_unbound=asked.retire == "unbind", is_passing=is_passing
            )
    for letting, removals in together.values():
        yield letting.around(removals)


def _letting(one: Superseded, asked: Certificate, soon: list[Address], unbinding: Unbinding) -> Letting | str:
    """Who lets go of a certificate that only names hold, if that is declared; else why not."""
    name = one.live.tls_certificate_name
    if asked.retire != "unbind" or not one.references.is_only_named:
        return ""
    if not isinstance(name, TlsCertificateName):
        return "its issuer and subject could not be read"
    return unbinding.letting(name, one.references, soon)


def _nobody(letting: Letting | str) -> bool:
    """Whether only receive connectors name it, for which nothing is refused."""
    return isinstance(letting, Letting) and not letting.connectors


def _why_held(one: Superseded, soon: list[Address], why_not: Letting | str) -> str:
    """What holds a certificate, and why that is not undone."""
    about = [f"{address}, which is bound by this plan" for address in soon]
    told = ", ".join((*one.references.holders, *one.references.unknown, *about))
    return f"{told} ({why_not})" if why_not else told


def is_retirement(address: Address) -> bool:
    """True for the address of a predecessor: that of its certificate, and its thumbprint."""
    return address.type == "certificate" and len(address.parts) == _PARTS


def successor_of(address: Address) -> Address:
    """The declared certificate whose predecessor an address names."""
    return Address.of("certificate", *address.parts[:-1])


def lets_go(change: Change) -> bool:
    """Whether connectors let go of a name while a change removes what has it."""
    return is_retirement(change.address) and bool(change.closing)


def _removal(one: Superseded, server: Name, situation: Situation) -> Change:
    predecessor = one.predecessor
    return Change(
        address=Address.of(one.address.type, *one.address.parts, str(predecessor.thumbprint)),
        action=Action.DELETE,
        attributes={
            "thumbprint": Difference(predecessor.thumbprint, UNSET),
            "not_after": Difference(predecessor.not_after, UNSET),
        },
        invocations=(
            cmdlets.remove(predecessor.thumbprint, server=str(server), edge=situation.is_edge(server)),
        ),
        reason=f"{one.why_due}, and {_freed(one)}",
    )


def _freed(one: Superseded) -> str:
    return "nothing refers to it" if one.references.is_free else "what names it has a successor"


def _has_successor(recorded: Recorded, server: Name, situation: Situation) -> bool:
    """Whether the certificate that replaced them is there, and can be presented."""
    resource = recorded.resource
    if not isinstance(resource, Certificate) or not isinstance(resource.thumbprint, Thumbprint):
        return False
    live = situation.server(server).certificates.objects
    current = next((one for one in live if one.thumbprint == resource.thumbprint), None)
    return current is not None and why_unusable(current, situation.now) is None


def _why_due(one: Predecessor, position: int, now: datetime, *, renewing: bool) -> str:
    if one.is_to_be_revoked:
        return ""  # it is revoked with what its store shows of it
    if one.revoke:
        return f"was replaced {one.superseded:%Y-%m-%d}: {one.revoke}"
    if one.not_after <= now:
        return f"expired {one.not_after:%Y-%m-%d}"
    if position > 0 or renewing:
        return f"was replaced {one.superseded:%Y-%m-%d}"
    return ""


def _may_be_default(address: Address, asked: Certificate, situation: Situation) -> bool:
    """Whether predecessors may still be the default one for SMTP, as far as this tool has made them so."""
    recorded = situation.record.resources.get(address)
    was = recorded.resource if recorded else None
    moved_on = isinstance(was, Certificate) and was.default_smtp == "replace"
    return asked.default_smtp == "replace" and not moved_on
