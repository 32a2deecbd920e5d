"""Mail that would take another connector than the one declared for it: rules [3-3], [3-7], [3-17]."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from reconciler.config.draft import Draft
from reconciler.mailflow.holes import DEFAULT_SIZE, Hole, holes
from state.address import Address
from state.resources import SendConnector
from state.values import UNSET, ByteSize

from .label import label

_RULE: Final = "falls-through"
_TWO_RULE: Final = "two-protections"


def check_mail_flow(draft: Draft) -> None:
    connectors = list(draft.of(SendConnector))
    for address, connector in connectors:
        if connector.require_tls is True and not draft.accepts(address, _RULE):
            for attribute, reason in _holes(connector, connectors):
                draft.warning(
                    "Mail can fall through",
                    f"{label(address)} {reason}: that mail takes a less specific connector, without its TLS.",
                    draft.where(address, attribute),
                    f'correct it, or acknowledge: [{{rule: {_RULE}, reason: "..."}}]',
                    str(address),
                )
    _check_protections(draft)
    _check_failover(draft)


def _holes(
    connector: SendConnector, connectors: list[tuple[Address, SendConnector]]
) -> Iterator[tuple[str, str]]:
    """The attributes that let mail pass by, and how."""
    beside = ((address, other) for address, other in connectors if _partition(other) == _partition(connector))
    for hole in holes(connector, beside):
        yield hole.attribute, _reason(hole, connector)


def _reason(hole: Hole[Address], connector: SendConnector) -> str:
    match hole.attribute:
        case "enabled":
            return "is disabled"
        case "is_scoped_connector":
            return "is out of reach for other Active Directory sites"
    size = connector.max_message_size
    declared = isinstance(size, ByteSize)
    takes = f"takes at most {size}" if declared else f"declares no size, which may be {DEFAULT_SIZE}"
    return f"{takes}, and {' and '.join(map(str, hole.wider))} may take more"


def _partition(connector: SendConnector) -> object:
    """Connectors are chosen among those of the organization, or of one Edge server [1-3], [1-4]."""
    return connector.home if connector.local is True else None


_Protection = tuple[Any, Any, Any, Any]


def _protection(connector: SendConnector) -> _Protection:
    """What is declared of it; a kind's connector has no level where none is declared, as we make it."""
    finer: tuple[Any, Any] = (connector.tls_auth_level, connector.tls_domain)
    if connector.role != "other":
        finer = (None if finer[0] is UNSET else finer[0], None if finer[1] is UNSET else finer[1])
    return connector.require_tls, connector.ignore_starttls, *finer


def _check_protections(draft: Draft) -> None:
    """One domain under two protections, in two sets or beside one: which holds is no question of TLS [3-7].

    Within a set that is an error, told where the set is read.
    """
    seen: dict[tuple[object, str, str], dict[_Protection, tuple[Address, SendConnector]]] = {}
    for address, connector in draft.of(SendConnector):
        if connector.enabled is False or not isinstance(connector.address_spaces, frozenset):
            continue
        mine = _protection(connector)
        differing: dict[Address, list[str]] = {}
        for space in sorted(connector.address_spaces):
            place = _partition(connector), space.type.casefold(), space.address.casefold()
            others = seen.setdefault(place, {})
            for theirs, (other_address, other) in others.items():
                if other.declared_in != connector.declared_in and _differ(mine, theirs):
                    differing.setdefault(other_address, []).append(space.address)
            others.setdefault(mine, (address, connector))
        for other_address, spaces in differing.items():
            if draft.accepts(address, _TWO_RULE) or draft.accepts(other_address, _TWO_RULE):
                continue
            shown = ", ".join(spaces[:3]) + (f" and {len(spaces) - 3} more" if len(spaces) > 3 else "")
            draft.warning(
                "One domain under two protections",
                f"{label(address)} and {other_address} ({draft.where(other_address, 'address_spaces')}) both "
                f"carry {shown}, and protect its mail differently; Exchange chooses by cost, then by name.",
                draft.where(address, "address_spaces"),
                f'leave it to one of them, or acknowledge: [{{rule: {_TWO_RULE}, reason: "..."}}]',
                str(address),
            )


def _differ(mine: _Protection, theirs: _Protection) -> bool:
    """True when something is declared of both, and not the same."""
    return any(UNSET not in (one, other) and one != other for one, other in zip(mine, theirs, strict=True))


def _check_failover(draft: Draft) -> None:
    """One connector is chosen, and failover happens among its own source servers only [3-7]."""
    mailbox = [server for server in draft.servers.values() if not server.is_edge and draft.has_role(server)]
    apart = [server for server in mailbox if server.model.send_connectors.model_fields_set]
    if len(mailbox) > 1 and apart:
        names = " and ".join(f'"{server.name}"' for server in apart)
        draft.warning(
            "No failover between servers",
            f"One server each sends through the connectors of {names}: while it is down, mail goes to "
            "no other.",
            draft.key(*apart[0].path, "send_connectors"),
            "declare one set for all Mailbox servers under send_connectors",
        )
