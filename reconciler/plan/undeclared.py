"""What becomes of what is recorded and no longer declared."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from reconciler.cmdlets import receive_connector as receive_cmdlets
from reconciler.cmdlets import send_connector as cmdlets
from reconciler.cmdlets.invocation import Invocation
from reconciler.diagnostics import Diagnostic
from state.address import Address
from state.record import Learned, Recorded
from state.resources import Certificate, ReceiveConnector, Resource, SendConnector
from state.snapshot import Unreadable
from state.values import UNKNOWN, UNSET, Name, Thumbprint

from . import problems, revocation_problems
from .change import Action, Change, Difference
from .observed import is_observed
from .receive_connectors import find_listener
from .send_connectors import find, is_identity_unknown
from .situation import Situation

_CARRIED = ("name", "address_spaces", "require_tls", "ignore_starttls")
_LISTENED = ("name", "bindings", "remote_ip_ranges", "require_tls")


@dataclass(frozen=True, slots=True)
class Undeclared:
    """The change of one address that only the record holds."""

    address: Address
    change: Change | None
    diagnostics: tuple[Diagnostic, ...] = ()


def plan_undeclared(situation: Situation) -> Iterator[Undeclared]:
    """Delete the connectors that this tool made; forget everything else.

    Certificates are never removed, and what lived on a server or in a set that left the YAML stays as it
    is.
    """
    gone = {
        address: recorded
        for address, recorded in situation.record.resources.items()
        if address not in situation.desired.resources
    }
    if any(isinstance(recorded.resource, SendConnector) for recorded in gone.values()):
        claimed, sets = _claimed(situation), _sets(situation)
    else:
        claimed, sets = frozenset(), frozenset()
    for address, recorded in gone.items():
        resource = recorded.resource
        if isinstance(resource, SendConnector):
            yield _send_connector(address, recorded, resource, claimed, sets, situation)
        elif isinstance(resource, ReceiveConnector) and recorded.created:
            yield _receive_connector(address, resource, sets, situation)
        else:
            yield _forget(address, resource, sets, situation)
    for address in situation.record.requests:
        if address not in situation.desired.resources and address not in situation.record.resources:
            yield Undeclared(address, _forgotten(address))


def _send_connector(
    address: Address,
    recorded: Recorded,
    resource: SendConnector,
    claimed: frozenset[int],
    sets: frozenset[str],
    situation: Situation,
) -> Undeclared:
    home = _home_in(resource, situation)
    if home is None or not _set_remains(address, resource, sets, situation):
        return _forget(address, resource, sets, situation)
    listing = situation.server(home).send_connectors
    if listing.unreadable:
        return Undeclared(address, None, (problems.kept_unknown(address, listing.unreadable),))
    match = find(address, resource.name, home, situation)
    live = situation.send_connectors(home)
    # A name alone is no proof of whose it is, and no name none that it is gone.
    if recorded.created and (match is None or not match.ours) and (live.unnamed or live.unidentified):
        return Undeclared(address, None, (problems.kept_unknown(address, _NOT_IDENTIFIED),))
    if match is None or not match.ours or not recorded.created or id(match.live) in claimed:
        return Undeclared(address, _forgotten(address))
    if is_identity_unknown(address, match, home, situation):
        return Undeclared(address, None, (problems.kept_unknown(address, _NOT_IDENTIFIED),))
    if len(address.parts) == 1 and resource.mode is not UNSET:
        return Undeclared(address, _forgotten(address))  # by then it only followed its certificate
    delete = cmdlets.delete(match.live, server=str(home))
    return _removed(address, match.live, match.rivals, _CARRIED, delete, situation)


def _receive_connector(
    address: Address, resource: ReceiveConnector, sets: frozenset[str], situation: Situation
) -> Undeclared:
    """One that this tool made; one that only has its name now is somebody else's."""
    home = _home_in(resource, situation)
    if home is None:
        return _forget(address, resource, sets, situation)
    listing = situation.server(home).receive_connectors
    if listing.unreadable:
        return Undeclared(address, None, (problems.kept_unknown(address, listing.unreadable),))
    match = find_listener(address, resource.name, home, situation)
    live = situation.receive_connectors(home)
    is_unsure = not match.created if match else live.unnamed
    if (is_unsure and (live.unnamed or live.unidentified)) or (match and match.live.name is UNKNOWN):
        return Undeclared(address, None, (problems.kept_unknown(address, _NOT_IDENTIFIED),))
    if match is None or not match.created or _is_declared(match.live, home, situation):
        return Undeclared(address, _forgotten(address))
    if resource.mode is not UNSET and not is_observed(address, situation):
        return Undeclared(address, _forgotten(address))  # by then it only followed its certificate
    delete = receive_cmdlets.delete(match.live, server=str(home))
    return _removed(address, match.live, match.rivals, _LISTENED, delete, situation)


def _removed(
    address: Address,
    live: SendConnector | ReceiveConnector,
    rivals: int,
    shown: tuple[str, ...],
    delete: Invocation,
    situation: Situation,
) -> Undeclared:
    """A connector of ours is deleted, if it is one alone and may be changed.

    Args:
        rivals: How many others carry the same mark.
        shown: The attributes that tell what goes.
    """
    if rivals:
        return Undeclared(address, None, (problems.not_unique(address, str(live.name)),))
    if is_observed(address, situation):
        kept = problems.kept_observed(address, str(live.name))
        observed = Change(address=address, action=Action.NONE, reason="only observed")
        return Undeclared(address, observed, (kept,))
    change = Change(
        address=address,
        action=Action.DELETE,
        attributes={name: Difference(getattr(live, name), UNSET) for name in shown},
        invocations=(delete,),
        reason="no longer declared",
        learned=Learned(address, None),
    )
    return Undeclared(address, change)


def _is_declared(live: ReceiveConnector, home: Name, situation: Situation) -> bool:
    """True for a connector that a declared address means: another address must not delete it."""
    return any(
        match.live.name == live.name
        for address, desired in situation.desired.of(ReceiveConnector)
        if desired.home == (home,) and (match := find_listener(address, desired.name, home, situation))
    )


def _forget(address: Address, resource: Resource, sets: frozenset[str], situation: Situation) -> Undeclared:
    unrevoked = tuple(_unrevoked(address, situation))
    if _home_in(resource, situation) is not None and _set_remains(address, resource, sets, situation):
        return Undeclared(address, _forgotten(address), unrevoked)
    left = problems.left_the_yaml(address, address.parts[0])
    return Undeclared(address, _forgotten(address), (left, *unrevoked))


def _unrevoked(address: Address, situation: Situation) -> Iterator[Diagnostic]:
    """What was to be revoked of a certificate that is forgotten: nobody will think of it any more."""
    recorded, request = situation.record.resources[address], situation.record.requests.get(address)
    for one in recorded.predecessors:
        if one.is_to_be_revoked and one.not_after > situation.now:
            yield revocation_problems.by_hand(address, one, "it is not declared any more")
    thumbprint = getattr(recorded.resource, "thumbprint", None)
    if request is not None and request.urgent and isinstance(thumbprint, Thumbprint):
        yield revocation_problems.replacement_forgotten(address, request.urgent, str(thumbprint))


def _forgotten(address: Address) -> Change:
    return Change(
        address=address, action=Action.FORGET, reason="no longer declared", learned=Learned(address, None)
    )


def _home_in(resource: Resource, situation: Situation) -> Name | None:
    """The first of its servers that is still declared."""
    if not isinstance(resource, Certificate | SendConnector | ReceiveConnector) or not isinstance(
        resource.home, tuple
    ):
        return None
    return next((name for name in resource.home if name in situation.live.servers), None)


def _set_remains(address: Address, resource: Resource, sets: frozenset[str], situation: Situation) -> bool:
    """True while something else of its set, or its server, is declared."""
    if not isinstance(resource, SendConnector) or len(address.parts) == 1:
        return True
    return address.parts[0] in sets or Address.of("server", address.parts[0]) in situation.desired.resources


def _sets(situation: Situation) -> frozenset[str]:
    """The sets and servers of which a send connector is declared."""
    return frozenset(
        address.parts[0]
        for address in situation.desired.resources
        if address.type == "send_connector" and len(address.parts) > 1
    )


_NOT_IDENTIFIED = Unreadable("names, guids or comments of some objects in its list could not be read")


def _claimed(situation: Situation) -> frozenset[int]:
    """Live connectors that a declared address means: another address must not delete them.

    Told apart as the objects that they are, for a guid may be unreadable.
    """
    found: set[int] = set()
    for address, desired in situation.desired.of(SendConnector):
        for name in desired.home if isinstance(desired.home, tuple) else ():
            match = find(address, desired.name, name, situation)
            if match is not None:
                found.add(id(match.live))
    return frozenset(found)
