"""Parameters of receive connectors that exclude or demand each other: rules [4-3], [4-4], [4-5], [4-7]."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from reconciler.cmdlets.receive_interlocks import Interlock, interlocks, shared_binding
from reconciler.config.draft import Draft
from state.address import Address
from state.resources import ReceiveConnector
from state.values import UNSET, Fqdn

from .label import label


def check_receive_interlocks(draft: Draft) -> None:
    for address, connector in draft.of(ReceiveConnector):
        for found in (*interlocks(connector), *_name(address, connector)):
            draft.error(
                found.summary,
                f"{label(address)} {found.detail}.",
                draft.where(address, found.attribute),
                found.hint,
                str(address),
            )
        _check_name(draft, address, connector)
        _check_role(draft, address, connector)
    _check_bindings(draft)


def _name(address: Address, connector: ReceiveConnector) -> Iterator[Interlock]:
    """[4-4]: with ExchangeServer only the server's own name will do.

    The server's domain is not declared, so any name whose first label is the server's passes here.
    """
    mechanisms, fqdn = connector.auth_mechanism, connector.fqdn
    if not (isinstance(mechanisms, frozenset) and "ExchangeServer" in mechanisms and isinstance(fqdn, Fqdn)):
        return
    server = address.parts[0]
    if fqdn.name.partition(".")[0] != server.lower():
        yield Interlock(
            "Fqdn not the server's own",
            f'answers as "{fqdn}", and its AuthMechanism holds ExchangeServer',
            "fqdn",
            "take fqdn away: a certificate is bound without it",
            frozenset({"auth_mechanism", "fqdn"}),
        )


def _check_name(draft: Draft, address: Address, connector: ReceiveConnector) -> None:
    if isinstance(connector.fqdn, Fqdn) and "_" in connector.fqdn.name:
        draft.warning(
            "Fqdn not fit for certificates",
            f'{label(address)} answers as "{connector.fqdn}", which holds a character unknown to DNS: '
            "enabling any certificate for SMTP on the server may fail with 0xe0434352.",
            draft.where(address, "fqdn"),
            "take a name of letters, digits and hyphens",
            str(address),
        )


def _check_role(draft: Draft, address: Address, connector: ReceiveConnector) -> None:
    """[4-10]"""
    home = connector.home[0] if isinstance(connector.home, tuple) else None
    if connector.transport_role is not UNSET and home in draft.servers and draft.servers[home].is_edge:
        draft.error(
            "Not on an Edge server",
            f"{label(address)} names a transport role, and an Edge server takes none.",
            draft.where(address, "transport_role"),
            "take transport_role away",
            str(address),
        )


def _check_bindings(draft: Draft) -> None:
    """[4-3]; what is declared beside what only Exchange knows is compared at plan."""
    by_server: dict[object, list[tuple[Address, ReceiveConnector]]] = {}
    for address, connector in draft.of(ReceiveConnector):
        by_server.setdefault(connector.home, []).append((address, connector))
    for connectors in by_server.values():
        for (address, connector), (other_address, other) in combinations(connectors, 2):
            if binding := shared_binding(connector, other):
                draft.error(
                    "Binding taken",
                    f"{label(other_address)} listens on {binding}, as {label(address)} does, and the clients "
                    "they are for are the same, or overlap.",
                    draft.where(other_address, "remote_ip_ranges"),
                    "let the ranges differ, one inside the other or apart, or take another address or port",
                    str(other_address),
                )
