"""``import PATH ADDR``: take over what exists and differs. Changes the record, never Exchange."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reconciler.cmdlets.mark import request_mark_of
from reconciler.diagnostics import Diagnostic, has_errors
from reconciler.pki.selection import may_be_pending, select, with_ends
from reconciler.plan.change import Plan
from reconciler.plan.compare import live_value
from reconciler.plan.planner import plan
from reconciler.plan.recording import to_record
from reconciler.plan.situation import Situation, home_of
from reconciler.plan.subscriptions import with_subscriptions
from state.address import Address
from state.record import Learned, Recorded, StateRecord
from state.resources import Certificate, Kind, ReceiveConnector, Resource, SendConnector
from state.snapshot import Listing, LiveServer, Unreadable
from state.values import UNKNOWN, UNSET, Thumbprint

from .failed import OperationFailed
from .identity import check_organization
from .inputs import Inputs, Surroundings, load_declared
from .planning import homes, only, targeted
from .records import locked, open_store, remember
from .servers import Servers, require_declared


@dataclass(frozen=True, slots=True)
class Imported:
    """What was taken over.

    Attributes:
        name: Exchange's name of it.
        differing: Declared attributes that the next plan will change.
    """

    address: Address
    name: str
    differing: tuple[str, ...]
    diagnostics: tuple[Diagnostic, ...]


def run_import(
    inputs: Inputs, address: Address, surroundings: Surroundings, thumbprint: Thumbprint | None = None
) -> Imported:
    """Record the live object behind an address as ours, with its attributes as they are.

    What was not created by this tool is never deleted by it.

    Args:
        thumbprint: Which certificate of its server it is; None to have it found.

    Raises:
        OperationFailed: nothing was recorded.
    """
    declared = load_declared(inputs, surroundings)
    desired = declared.desired
    require_declared(desired, (address,))
    resource = desired.snapshot.resources[address]
    if getattr(resource, "mode", UNSET) is not UNSET:
        raise OperationFailed((_only_observed(address),))
    store = open_store(desired.organization, inputs, surroundings)
    with locked(store, "import", surroundings) as fence:
        remembered = remember(store, desired.organization)
        servers = Servers(desired, surroundings.patient_sessions)
        snapshot = targeted(desired.snapshot, (address,))
        live = servers.refresh(homes(snapshot), surroundings.listener)
        check_organization(desired, live.organization)
        asked = Situation(snapshot, live, remembered.record, surroundings.now())
        resource = with_subscriptions(asked).situation.desired.resources[address]
        if not isinstance(resource, Certificate | SendConnector | ReceiveConnector):
            raise OperationFailed((_not_importable(address),))
        if thumbprint is not None and not isinstance(resource, Certificate):
            raise OperationFailed((_no_certificate(address),))
        server = live.servers[home_of(resource)]
        found = _find(address, resource, server, remembered.record, surroundings, thumbprint)
        before = remembered.record.resources.get(address)
        recorded = Recorded(
            _as_it_is(resource, found),
            created=_was_created(before, found),
            at=before.at if before else surroundings.now(),  # a later one would end what is in doubt
        )
        learned = Learned(address, recorded, remembered.record.requests.get(address))
        record = only(remembered.record.learn(learned), snapshot)
        made = plan(Situation(snapshot, live, record, surroundings.now()))
        servers_wrong = [one for one in made.diagnostics if one.subject in map(str, homes(snapshot))]
        if has_errors(servers_wrong):
            raise OperationFailed(servers_wrong)
        # Into the journal, not the record: writing the record would end what is in doubt there.
        store.append((learned,), fence)
    return Imported(
        address=address,
        name=_name(found),
        differing=_differing(made, address),
        diagnostics=declared.diagnostics,
    )


def _differing(made: Plan, address: Address) -> tuple[str, ...]:
    """What the next plan changes of the object."""
    changes = [change for change in made.changes if change.address == address and change.action.is_mutating]
    return tuple(name for change in changes for name in change.attributes)


def _find(
    address: Address,
    resource: Certificate | SendConnector | ReceiveConnector,
    live: LiveServer,
    record: StateRecord,
    surroundings: Surroundings,
    thumbprint: Thumbprint | None,
) -> Resource:
    """The live object.

    Raises:
        OperationFailed: there is none, or its list could not be read.
    """
    found: Resource | None
    listing: Listing[SendConnector] | Listing[ReceiveConnector] | Listing[Certificate]
    match resource:
        case SendConnector():
            listing = live.send_connectors
            found = next((one for one in listing.objects if one.name == resource.name), None)
        case ReceiveConnector():
            listing = live.receive_connectors
            found = next((one for one in listing.objects if one.name == resource.name), None)
        case Certificate():
            listing = live.certificates
            mark = request_mark_of(record.organization, address, resource)
            said = resource if thumbprint is None else resource.with_(thumbprint=thumbprint)
            selection = select(said, listing.objects, None, mark, surroundings.now())
            found = selection.certificate
            if thumbprint is not None and (found is None or may_be_pending(found)):
                raise OperationFailed((_not_there(address, live, thumbprint),))
            if found is None and len(selection.unclear) == 1:  # the person says what could not be read
                [found] = selection.unclear
            if found is None and selection.unclear:
                raise OperationFailed((_several(address, live, with_ends(selection.unclear)),))
    if listing.unreadable:
        raise OperationFailed((_unreadable(address, live, listing.unreadable),))
    if found is None:
        raise OperationFailed((_missing(address, resource, live),))
    return found


def _as_it_is(resource: Resource, live: Resource) -> Resource:
    """What is declared of it, with the values that Exchange has."""
    values = {
        attribute.name: value
        for attribute, _ in resource.declared(Kind.WRITABLE)
        if (value := live_value(live, attribute.name)) is not UNKNOWN
    }
    unread = {
        attribute.name: UNSET
        for attribute, _ in resource.declared(Kind.WRITABLE)
        if attribute.name not in values
    }
    identity = {
        name: value
        for name in ("guid", "public_key", "thumbprint")
        if name in live.attributes() and (value := getattr(live, name)) not in (UNSET, UNKNOWN)
    }
    return to_record(resource.with_(**values, **unread), **identity)


def _was_created(before: Recorded | None, found: Resource) -> bool:
    """True when the record knows already that this tool made the very object."""
    guid = getattr(found, "guid", UNSET)
    return (
        before is not None
        and before.created
        and isinstance(guid, str)
        and getattr(before.resource, "guid", UNSET) == guid
    )


def _name(found: Resource) -> str:
    return str(getattr(found, "name", None) or getattr(found, "thumbprint", ""))


def _not_importable(address: Address) -> Diagnostic:
    return Diagnostic(
        summary="Not importable",
        detail=f"{address} is only read, never changed: there is nothing to take over.",
        hint="import connectors and certificates",
        subject=str(address),
    )


def _only_observed(address: Address) -> Diagnostic:
    return Diagnostic(
        summary="Only observed",
        detail=f"The mode of {address}, or follow, lets nobody change it: it would be for nothing.",
        hint="declare mode: manage for it, or for its server or set; or take follow away",
        subject=str(address),
    )


def _unreadable(address: Address, live: LiveServer, why: Unreadable) -> Diagnostic:
    return Diagnostic(
        summary="List not read",
        detail=f"{live.name}: {why.reason}. Whether {address} exists is unknown.",
        hint=why.remedy or "let the account read it, or mend the server; then import again",
        subject=str(address),
    )


def _no_certificate(address: Address) -> Diagnostic:
    return Diagnostic(
        summary="Not importable",
        detail=f"{address} is no certificate, and only those have a thumbprint.",
        hint="leave --thumbprint out: connectors are found by their names",
        subject=str(address),
    )


def _several(address: Address, live: LiveServer, told: Sequence[str]) -> Diagnostic:
    return Diagnostic(
        summary="Several to import",
        detail=(
            f"{live.name} has {len(told)} certificates for these domains, and does not tell which of them is "
            f"valid, has its key and is ours: {', '.join(told)}."
        ),
        hint="say which with --thumbprint; Get-ExchangeCertificate on the server shows their services",
        subject=str(address),
    )


def _not_there(address: Address, live: LiveServer, thumbprint: Thumbprint) -> Diagnostic:
    return Diagnostic(
        summary="Nothing to import",
        detail=f"{live.name} has no certificate with the thumbprint {thumbprint}, or that is a request.",
        hint="look for it with: reconciler audit PATH, or Get-ExchangeCertificate on the server",
        subject=str(address),
    )


def _missing(address: Address, resource: Resource, live: LiveServer) -> Diagnostic:
    name = getattr(resource, "name", None)
    return Diagnostic(
        summary="Nothing to import",
        detail=f"{live.name} has no {address.type.replace('_', ' ')}"
        + (f' named "{name}"' if name else " for these domains")
        + ".",
        hint="check the name in the YAML; what does not exist is created by apply",
        subject=str(address),
    )
