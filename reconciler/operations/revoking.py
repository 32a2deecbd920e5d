"""Certificates that are good no more: their authority is told, once what replaced them is presented."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace

from reconciler.apply.ledger import Ledger
from reconciler.apply.problems import not_remembered
from reconciler.credentials.errors import CredentialError
from reconciler.diagnostics import Diagnostic
from reconciler.events import CertificateRevoked
from reconciler.exchange.errors import ExchangeError
from reconciler.exchange.refresh import read_certificate_text
from reconciler.issuers.port import IssuerFailed, Revoker
from reconciler.plan import revocation_problems as problems
from reconciler.plan.revocation import Revocation, revocations
from reconciler.plan.situation import Situation, home_of
from state.address import Address
from state.errors import StateError
from state.record import Learned, Predecessor
from state.resources import Certificate
from state.values import Name

from .inputs import Surroundings
from .planning import Planned
from .servers import Servers


def revoke_replaced(
    planned: Planned,
    ledger: Ledger,
    unseen: Collection[Address],
    servers: Servers,
    surroundings: Surroundings,
    *,
    read_again: bool,
) -> tuple[Diagnostic, ...]:
    """Revoke what was replaced out of its turn, as soon as nothing presents it any more.

    What cannot be revoked yet is told, and looked at again by the next apply; what this tool cannot revoke at
    all is told once.

    Args:
        ledger: Learns what was revoked.
        unseen: Certificates whose endpoints could not be seen from here.
        read_again: Exchange was changed since the plan was made.
    """
    pending = [
        address
        for address, recorded in ledger.record.resources.items()
        if any(one.is_to_be_revoked for one in recorded.predecessors)
    ]
    told = [*_undeclared(pending, planned, ledger)]
    if not any(address in planned.snapshot.resources for address in pending):
        return tuple(told)
    try:
        situation = _now(planned, ledger, servers, surroundings, read_again=read_again)
        for one in revocations(situation, unseen):
            told += _revoke(one, planned, ledger, servers, surroundings)
    except KeyboardInterrupt:
        pass  # what is left is in the record
    except StateError as error:
        told.append(not_remembered(error))
    known = {(one.summary, one.detail) for one in planned.plan.diagnostics}
    return tuple(one for one in told if (one.summary, one.detail) not in known)


def _undeclared(pending: list[Address], planned: Planned, ledger: Ledger) -> Iterator[Diagnostic]:
    """What an apply of a part leaves alone, and no apply will revoke: its server is not declared."""
    for address in pending:
        if address not in planned.desired.snapshot.resources:
            for one in ledger.record.resources[address].predecessors:
                if one.is_to_be_revoked:
                    yield problems.by_hand(address, one, "it is not declared any more")


def _now(
    planned: Planned, ledger: Ledger, servers: Servers, surroundings: Surroundings, *, read_again: bool
) -> Situation:
    """Exchange and the record as they are after the apply."""
    live = planned.live
    if read_again:
        homes = [home_of(one) for _, one in planned.snapshot.of(Certificate)]
        live = servers.refresh(dict.fromkeys(homes), surroundings.listener)
    return Situation(
        planned.snapshot, live, ledger.record, surroundings.now(), watched=planned.situation.watched
    )


def _revoke(
    one: Revocation, planned: Planned, ledger: Ledger, servers: Servers, surroundings: Surroundings
) -> Iterator[Diagnostic]:
    """Revoke one, if it is time; tell what came of it."""
    address, predecessor, name = one.replaced_at[0], one.predecessor, one.issuer
    if predecessor.not_after <= surroundings.now():
        _settled(one, ledger, surroundings)  # nobody takes it any more
        return
    if one.waits:
        yield problems.waits(address, predecessor, one.waits)
        return
    if one.server is None:
        _settled(one, ledger, surroundings)
        yield problems.by_hand(address, predecessor, "no server has the old certificate any more")
        return
    try:
        revoker = _revoker(name, planned, surroundings)
        if revoker is None:
            _settled(one, ledger, surroundings)
            yield problems.by_hand(address, predecessor, _why_not(name, planned))
            return
        if not (text := _text(predecessor, one.server, servers)):
            yield problems.not_revoked(address, predecessor, f"{one.server} does not show it")
            return
        revoker.revoke(text, predecessor.revoke)
    except (IssuerFailed, ExchangeError, CredentialError) as error:
        yield problems.not_revoked(address, predecessor, str(error))
        return
    _settled(one, ledger, surroundings)
    thumbprint = str(predecessor.thumbprint)
    surroundings.listener(CertificateRevoked(str(address), name, thumbprint, predecessor.revoke))


def _text(predecessor: Predecessor, server: Name, servers: Servers) -> str:
    with servers.read_back(server) as session:
        return read_certificate_text(session, predecessor.thumbprint)


def _revoker(issuer: str, planned: Planned, surroundings: Surroundings) -> Revoker | None:
    """The issuer, where it can revoke; None where it cannot, or is declared no more.

    Raises:
        IssuerUnusable: it cannot be opened.
    """
    declared = planned.desired.issuers
    if issuer not in declared:
        return None
    opened = surroundings.open_issuer(declared[issuer], surroundings.now)
    return opened if isinstance(opened, Revoker) else None


def _why_not(issuer: str, planned: Planned) -> str:
    return f"issuer {issuer} " + (
        "has no way to revoke" if issuer in planned.desired.issuers else "is not declared any more"
    )


def _settled(one: Revocation, ledger: Ledger, surroundings: Surroundings) -> None:
    """It is the end of it, for all that have shared it."""
    now = surroundings.now()
    for address in one.replaced_at:
        recorded = ledger.record.resources[address]
        predecessors = tuple(
            replace(other, revoked=now)
            if other.thumbprint == one.predecessor.thumbprint and other.is_to_be_revoked
            else other
            for other in recorded.predecessors
        )
        request = ledger.record.requests.get(address)
        ledger.learn(Learned(address, replace(recorded, predecessors=predecessors), request))
