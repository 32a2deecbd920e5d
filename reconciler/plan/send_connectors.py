"""What becomes of one declared send connector."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from reconciler.cmdlets import send_connector as cmdlets
from reconciler.diagnostics import Diagnostic
from state.address import Address
from state.record import Learned, Recorded
from state.resources import Kind, SendConnector
from state.values import UNKNOWN, UNSET, Name

from . import problems, unread_problems
from .builds import executor, not_known, without_effect
from .change import Action, Change, Difference
from .compare import compare, drift
from .recording import to_record, unchanged
from .situation import Situation


@dataclass(frozen=True, slots=True)
class ConnectorPlan:
    """The change of one connector; None when it cannot be planned, and a diagnostic says why.

    Attributes:
        drift: What is not as it was recorded.
        observed: What is not as declared, and is only observed.
    """

    change: Change | None
    diagnostics: tuple[Diagnostic, ...] = ()
    drift: Mapping[str, Difference] = field(default_factory=lambda: MappingProxyType({}))
    observed: Mapping[str, Difference] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Match:
    """The live connector behind an address.

    Attributes:
        ours: Recorded, or marked: it may be changed.
        marked: It carries our mark, so this tool made it.
        rivals: Others that carry the same mark, where no recorded guid decides.
    """

    live: SendConnector
    ours: bool
    marked: bool
    rivals: int = 0


def find(address: Address, name: object, server: Name, situation: Situation) -> Match | None:
    """Tell which live connector an address means: the recorded one, else the marked one, else by name.

    A name alone makes nothing ours that this tool is said to have made: that carries its guid in
    the record, or our mark.
    """
    live = situation.send_connectors(server)
    marked = live.by_mark(situation.mark(address))
    recorded = situation.record.resources.get(address)
    was = recorded.resource if recorded and isinstance(recorded.resource, SendConnector) else None
    if was is not None and isinstance(was.guid, str) and (same := live.by_guid(was.guid)):
        # Only its binding is ours where it was recorded so: the rest would be taken over silently.
        return Match(same, ours=was.mode is UNSET or same in marked, marked=same in marked)
    if marked:
        named = [connector for connector in marked if connector.name == name]
        return Match((named or marked)[0], ours=True, marked=True, rivals=len(marked) - 1)
    same = live.by_name(name)
    if same is None:
        return None
    imported = (
        recorded is not None
        and not recorded.created
        and was is not None
        and was.guid is UNSET
        and was.mode is UNSET
    )
    return Match(same, ours=imported, marked=False)


def plan_send_connector(address: Address, desired: SendConnector, situation: Situation) -> ConnectorPlan:
    """Work out what one declared send connector needs; its certificate is resolved already."""
    server = executor(desired, situation)
    listing = situation.server(server).send_connectors
    if listing.unreadable:
        problem = problems.list_unreadable(address, str(server), "send connectors", listing.unreadable)
        return ConnectorPlan(None, (problem,))
    if lacking := not_known(address, desired, server, situation):
        return ConnectorPlan(None, lacking)
    match = find(address, desired.name, server, situation)
    if match is not None and match.rivals:
        return ConnectorPlan(None, (problems.not_unique(address, str(match.live.name)),))
    if is_identity_unknown(address, match, server, situation):
        problem = unread_problems.not_identified(address, str(server), "send connectors")
        return ConnectorPlan(None, (problem,))
    if match is None:
        planned = ConnectorPlan(_create(address, desired, server, situation))
    else:
        planned = _compared(address, desired, match, server, situation)
    told = without_effect(address, desired, server, situation)
    return replace(planned, diagnostics=(*planned.diagnostics, *told))


def is_identity_unknown(address: Address, match: Match | None, server: Name, situation: Situation) -> bool:
    """Whether the connector may be one of those whose name, guid or mark could not be read."""
    if match is not None:
        return not isinstance(match.live.name, Name) and not isinstance(match.live.guid, str)
    live = situation.send_connectors(server)
    return live.unnamed or (live.unidentified and address in situation.record.resources)


def _create(address: Address, desired: SendConnector, server: Name, situation: Situation) -> Change:
    return Change(
        address=address,
        action=Action.CREATE,
        attributes={
            attribute.name: Difference(UNSET, value) for attribute, value in desired.declared(Kind.WRITABLE)
        },
        invocations=(cmdlets.create(desired, server=str(server), mark=situation.mark(address)),),
        reason="was recorded, and is in Exchange no more" if address in situation.record.resources else "",
        learned=Learned(address, Recorded(to_record(desired), created=True, at=situation.now)),
    )


def _compared(
    address: Address, desired: SendConnector, match: Match, server: Name, situation: Situation
) -> ConnectorPlan:
    recorded = situation.record.resources.get(address)
    was = recorded.resource if recorded and isinstance(recorded.resource, SendConnector) else SendConnector()
    # Where neither guid nor mark could be read, whose it is stays as it was recorded.
    is_told = match.ours or match.live.guid is not UNKNOWN
    created = match.marked or (is_told and match.ours and recorded is not None and recorded.created)
    if not is_told and recorded is not None:
        created = recorded.created
    comparison = compare(desired, match.live)
    unread = {name: value for name, value in comparison.unread.items() if getattr(was, name) != value}
    resource = to_record(desired, was, guid=match.live.guid)
    not_compared = unread_problems.not_compared(
        address, situation.why_unread(server, match.live, comparison.unread.keys() - unread.keys())
    )
    moved = drift(was, match.live) if match.ours or was.mode is not UNSET else {}
    if not comparison.differences and not unread:
        change = unchanged(address, Recorded(resource, created, situation.now), situation.record)
        return ConnectorPlan(change, not_compared, drift=moved)
    differences = {
        **comparison.differences,
        **{name: Difference(UNKNOWN, value) for name, value in unread.items()},
    }
    if not match.ours and desired.mode is UNSET:
        problem = problems.import_first(address, str(match.live.name), sorted(differences))
        shown = Change(
            address=address, action=Action.UPDATE, attributes=differences, reason="only once it is imported"
        )
        return ConnectorPlan(shown, (problem,))
    wanted = {name: difference.after for name, difference in differences.items()}
    mark = situation.mark(address) if match.marked else None
    change = Change(
        address=address,
        action=Action.UPDATE,
        attributes=_with_companions(match.live, wanted, differences),
        invocations=(cmdlets.change(match.live, wanted, server=str(server), mark=mark),),
        learned=Learned(address, Recorded(resource, created, situation.now)),
    )
    set_once = (problems.set_once(address, sorted(unread)),) if unread else ()
    return ConnectorPlan(change, (*not_compared, *set_once), moved)


def _with_companions(
    live: SendConnector, wanted: Mapping[str, object], differences: Mapping[str, Difference]
) -> dict[str, Difference]:
    """The differences, and what a companion changes although it is not declared."""
    added = {
        name: Difference(getattr(live, name), value)
        for name, value in cmdlets.companions(live, wanted).items()
        if getattr(live, name) != value
    }
    return {**differences, **added}
