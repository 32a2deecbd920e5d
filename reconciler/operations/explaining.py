"""``explain``: which certificate is presented, which connector carries a domain's mail, and by which rule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from reconciler.audit.declared import explain_certificate
from reconciler.audit.explanation import Explanation
from reconciler.audit.mail import explain_domain
from reconciler.audit.organization import Audited
from reconciler.audit.presented import explain_connector
from reconciler.config.desired import Desired
from reconciler.diagnostics import Diagnostic
from reconciler.plan.send_connectors import find
from reconciler.plan.settle import settle
from reconciler.plan.situation import Situation, home_of
from reconciler.plan.subscriptions import with_subscriptions
from state.address import Address
from state.errors import InvalidAddress, InvalidValue
from state.resources import KINDS, Certificate, ReceiveConnector, Resource, SendConnector
from state.snapshot import Listing
from state.values import Fqdn, Name

from .failed import OperationFailed
from .identity import check_organization
from .inputs import Inputs, Surroundings, load_declared
from .planning import homes
from .records import open_store, remember
from .servers import Servers, require_declared

R = TypeVar("R", bound=Resource)


@dataclass(frozen=True, slots=True)
class Explained:
    """An explanation, and the warnings of the YAML."""

    explanation: Explanation
    diagnostics: tuple[Diagnostic, ...]


def run_explain(inputs: Inputs, subject: str, surroundings: Surroundings) -> Explained:
    """Read Exchange, and explain one address or one domain as it is there now.

    Raises:
        OperationFailed: the YAML or the record cannot be used, or there is nothing to explain.
    """
    declared = load_declared(inputs, surroundings)
    desired = declared.desired
    asked = _asked(subject, desired)
    record = remember(open_store(desired.organization, inputs, surroundings), desired.organization)
    live = Servers(desired, surroundings.patient_sessions).refresh(
        homes(desired.snapshot), surroundings.listener
    )
    check_organization(desired, live.organization)
    settled = settle(record.record, record.doubts, live).record
    situation = with_subscriptions(Situation(desired.snapshot, live, settled, surroundings.now())).situation
    edges = frozenset(name for name in live.servers if desired.is_edge(name))
    audited = Audited(live, edges, Listing(), surroundings.now())
    if isinstance(asked, Fqdn):
        explanation = explain_domain(asked, _addresses(situation), audited)
    else:
        explanation = _of_address(asked, situation, audited)
    return Explained(explanation, declared.diagnostics)


def _asked(subject: str, desired: Desired) -> Address | Fqdn:
    """An address, where the first part is a kind of resource; else a domain.

    Raises:
        OperationFailed: it is neither, or an address that is not declared.
    """
    if subject.partition(".")[0] in KINDS:
        try:
            address = Address.parse(subject)
        except InvalidAddress as error:
            raise OperationFailed((_neither(subject),)) from error
        require_declared(desired, (address,))
        return address
    try:
        return Fqdn.parse(subject.rpartition("@")[2])
    except InvalidValue as error:
        raise OperationFailed((_neither(subject),)) from error


def _of_address(address: Address, situation: Situation, audited: Audited) -> Explanation:
    resource = situation.desired.resources[address]
    match resource:
        case Certificate():
            live = situation.server(home_of(resource)).certificates
            _require_read(address, "certificates", home_of(resource), live)
            recorded = situation.record.resources.get(address)
            was = recorded.resource if recorded else None
            key = was.public_key if isinstance(was, Certificate) else None
            return explain_certificate(
                str(address),
                resource,
                live.objects,
                key if isinstance(key, str) else None,
                situation.request_mark(address, resource),
                situation.now,
            )
        case SendConnector():
            if not resource.home:
                raise OperationFailed((_no_mailbox_server(address),))
            home = home_of(resource)
            _require_read(address, "send connectors", home, situation.server(home).send_connectors)
            if (found := find(address, resource.name, home, situation)) is None:
                raise OperationFailed((_not_there(address, home),))
            return explain_connector(str(address), found.live, home if resource.local else None, audited)
        case ReceiveConnector():
            home = home_of(resource)
            listing = situation.server(home).receive_connectors
            _require_read(address, "receive connectors", home, listing)
            listener = next((one for one in listing.objects if one.name == resource.name), None)
            if listener is None:
                raise OperationFailed((_not_there(address, home),))
            return explain_connector(str(address), listener.with_(server=home), None, audited)
        case _:
            raise OperationFailed((_neither(str(address)),))


def _addresses(situation: Situation) -> dict[Name, str]:
    """The declared send connectors by the names that they have in Exchange."""
    found = {}
    for address, connector in situation.desired.of(SendConnector):
        if not connector.home:
            continue
        match = find(address, connector.name, home_of(connector), situation)
        if match is not None and isinstance(match.live.name, Name):
            found[match.live.name] = str(address)
    return found


def _require_read(address: Address, what: str, server: Name, listing: Listing[R]) -> None:
    if listing.unreadable:
        raise OperationFailed(
            (
                Diagnostic(
                    summary="List not read",
                    detail=f"The {what} of {server} could not be read: {listing.unreadable.reason}.",
                    hint=listing.unreadable.remedy or "let the account read it, or mend the server",
                    subject=str(address),
                ),
            )
        )


def _not_there(address: Address, server: Name) -> Diagnostic:
    return Diagnostic(
        summary="Not in Exchange",
        detail=f"{server} has no such {address.type.replace('_', ' ')}, so it presents nothing yet.",
        hint="reconciler plan PATH shows what apply makes",
        subject=str(address),
    )


def _no_mailbox_server(address: Address) -> Diagnostic:
    return Diagnostic(
        summary="List not read",
        detail="Its Edge server is subscribed: it is the organization's, and no Mailbox server is declared.",
        hint="declare one Mailbox server of the organization",
        subject=str(address),
    )


def _neither(subject: str) -> Diagnostic:
    return Diagnostic(
        summary="Neither address nor domain",
        detail=f'"{subject}" is neither the address of a certificate or connector nor a domain.',
        hint="write an address such as send_connector.EX1.tls_required, or a domain such as fabrikam.com",
    )
