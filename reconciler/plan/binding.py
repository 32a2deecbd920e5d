"""From a connector's declared certificates to the one name that it is bound by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from reconciler.diagnostics import Diagnostic
from state.address import Address
from state.resources import ReceiveConnector, SendConnector
from state.values import Deferred, Name, TlsCertificateName

from . import binding_problems
from .case import CertificatePlan

C = TypeVar("C", SendConnector, ReceiveConnector)


@dataclass(frozen=True, slots=True)
class Bound(Generic[C]):
    """A connector whose certificates are known.

    Attributes:
        connector: Its TlsCertificateName is a name, or deferred until its certificates are there.
        requires: Certificates that have to be changed first.
    """

    connector: C
    requires: frozenset[Address] = frozenset()


def presented_on(connector: SendConnector | ReceiveConnector) -> tuple[Name, ...]:
    """The servers that present what a connector is bound to, as far as they are declared.

    Of a subscribed Edge server, that is not where the commands are run: its certificate is its own.
    """
    if isinstance(connector.certificates, tuple) and connector.certificates:
        return tuple(Name(address.parts[0]) for address in connector.certificates)
    return connector.home if isinstance(connector.home, tuple) else ()


def bind(
    address: Address, connector: C, certificates: Mapping[Address, CertificatePlan]
) -> Bound[C] | Diagnostic:
    """Give a connector the name of its certificates: one for all its source servers [3-15].

    Returns:
        The connector, or why it cannot be bound. One without declared certificates stays as it is.
    """
    if not isinstance(connector.certificates, tuple) or not connector.certificates:
        return Bound(connector)
    requires: set[Address] = set()
    names: dict[TlsCertificateName | Deferred, None] = {}
    for certificate in _deciding(connector.certificates, certificates):
        planned = certificates.get(certificate)
        if planned is None or planned.name is None:
            return binding_problems.certificate_blocked(address, certificate)
        names[planned.name] = None
        if planned.change is not None and planned.change.action.is_run and not planned.held_back:
            requires.add(certificate)
    if known := differing(connector, certificates):
        return binding_problems.names_differ(address, [str(name) for name in known])
    deferred = [name for name in names if isinstance(name, Deferred)]
    return Bound(
        connector.with_(tls_certificate_name=(deferred[0] if deferred else next(iter(names)))),
        frozenset(requires),
    )


def differing(
    connector: C, certificates: Mapping[Address, CertificatePlan]
) -> tuple[TlsCertificateName, ...]:
    """The names of a connector's certificates where they have more than one; a request has none yet.

    Nothing where the certificates cannot be planned at all.
    """
    addresses = connector.certificates if isinstance(connector.certificates, tuple) else ()
    names: dict[TlsCertificateName, None] = {}
    for address in _deciding(addresses, certificates):
        planned = certificates.get(address)
        if planned is None or planned.name is None:
            return ()
        if isinstance(planned.name, TlsCertificateName):
            names[planned.name] = None
    return tuple(names) if len(names) > 1 else ()


def _deciding(
    addresses: tuple[Address, ...], certificates: Mapping[Address, CertificatePlan]
) -> tuple[Address, ...]:
    """The certificates that give the name: while one is held back, all servers stay with what is in use."""
    held_back = tuple(one for one in addresses if one in certificates and certificates[one].held_back)
    return held_back or addresses
