"""Replaced certificates that only names hold: removed while the connectors let go of the name for a moment.

Newer builds remove no certificate whose issuer and subject a send connector names, and a renewal by the same
authority leaves both as they were [2.4-2]. So the send connectors are unbound, the certificates are removed,
and the connectors are bound again. In between they choose by their Fqdn [3-16], which has to lead to what
they name. Receive connectors keep their name: nothing is refused because of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from reconciler.cmdlets import send_connector as cmdlets
from reconciler.cmdlets.invocation import Invocation
from reconciler.pki.presenting import By, WhyNot
from state.address import Address
from state.resources import SendConnector
from state.values import Deferred, Name, TlsCertificateName

from .builds import executor
from .change import Change
from .managed import managed_connectors
from .references import Connector, References, store_of
from .send_connectors import find
from .situation import Situation, home_of

_BINDING = "tls_certificate_name"
_NOT_KNOWN = "presents nobody knows what"


@dataclass(frozen=True, slots=True)
class Letting:
    """Send connectors that let go of a name for a moment, and that name.

    Attributes:
        connectors: What is live of each, and the server that runs its commands; by their addresses.
        requires: Those that the same plan changes: they come first.
    """

    connectors: Mapping[Address, tuple[SendConnector, Name]]
    name: TlsCertificateName
    requires: frozenset[Address]

    def around(self, removals: Sequence[Change]) -> Change:
        """The removals as one change, between what unbinds all connectors and what binds them again.

        What binds them is sent whatever comes of the removals.
        """
        first, *rest = removals
        bound = tuple(self._bind(self.name))
        more = f"; with {len(rest)} more" if rest else ""
        return replace(
            first,
            invocations=(
                *self._bind(None),
                *(one for removal in removals for one in removal.invocations),
                *bound,
            ),
            closing=len(bound),
            requires=first.requires | self.requires,
            reason=f"{first.reason}{more}",
        )

    def _bind(self, name: TlsCertificateName | None) -> Iterator[Invocation]:
        for live, server in self.connectors.values():
            yield cmdlets.change(live, {_BINDING: name}, server=str(server), mark=None)


class Passing(str):
    """Why something cannot be done yet; a later run finds it done, and nobody has to do anything."""

    __slots__ = ()


@dataclass(slots=True)
class Unbinding:
    """Tells which connectors would have to let go, and why they cannot.

    Attributes:
        changes: What the plan has so far, by address.
    """

    situation: Situation
    changes: Mapping[Address, Change]
    _declared: dict[Address, SendConnector] = field(default_factory=dict)
    _bound: list[tuple[Address, object]] = field(default_factory=list)
    _ours: Mapping[int, Address] | None = None

    def __post_init__(self) -> None:
        self._declared.update(self.situation.desired.of(SendConnector))
        for address in self._declared:
            change = self.changes.get(address)
            if change is not None and _BINDING in change.attributes:
                self._bound.append((address, change.attributes[_BINDING].after))

    def naming_soon(self, name: object, declared: Address, server: Name) -> list[Address]:
        """The send connectors of a server that this plan binds to a name, or may.

        Args:
            declared: The certificate whose successor may have that name, by its address on any server.
        """
        known, which = self.situation.send_connectors(server), declared.parts[-1]

        def may_be(bound: object) -> bool:
            if isinstance(bound, Deferred):
                return bound.address.parts[-1] == which
            return bound == name

        return [
            address
            for address, bound in self._bound
            if may_be(bound) and self.situation.send_connectors(home_of(self._declared[address])) is known
        ]

    def letting(
        self, name: TlsCertificateName, references: References, soon: Iterable[Address]
    ) -> Letting | str:
        """Who has to let go of the name of a certificate, so that it can be removed.

        Args:
            references: Nothing but names.
            soon: As by :meth:`naming_soon`.

        Returns:
            Why it cannot be done, where it cannot: a sentence without its stop.
        """
        found: dict[Address, SendConnector] = {}
        for connector in references.named_by:
            address = self._managed().get(id(connector))
            if address is None:
                return f"{_shown(connector)} is not managed"
            if isinstance(connector, SendConnector):
                found[address] = connector
        for address in soon:
            if (live := self._live(address)) is None:
                return Passing(f"{address} is only being made")
            found[address] = live
        for address, live in sorted(found.items()):
            if why := self._why_not(address, live, name):
                return why
        return Letting(
            {address: (live, self._executor(address)) for address, live in sorted(found.items())},
            name,
            frozenset(address for address in found if self.changes[address].invocations),
        )

    def _why_not(self, address: Address, connector: SendConnector, name: TlsCertificateName) -> str:
        """Why a connector cannot let go of its name and get it back; "" where it can."""
        change = self.changes.get(address)
        if change is None:
            return f"{address} is not planned with it"
        bound = change.attributes.get(_BINDING)
        if bound is not None and bound.after != name:
            return Passing(f"{address} is yet to be bound, perhaps to another name")
        home, sources = home_of(self._declared[address]), connector.source_transport_servers
        servers = frozenset({home}) if self.situation.is_edge(home) else sources
        if not isinstance(servers, frozenset):
            return f"the source servers of {address} could not be read"
        for server in sorted(servers, key=str):
            if server not in self.situation.live.servers:
                return f"{server}, a source server of {address}, is not read"
            if self.situation.is_edge(server) and server != home:
                return f"{address} comes to {server} by synchronization"
            maintenance = self.situation.maintenance.get(server)
            if maintenance is not None and not maintenance.is_open(self.situation.now):
                opens = maintenance.next_opening(self.situation.now).opens
                return Passing(f"a window of {server} is waited for, which opens {maintenance.shown(opens)}")
            if why := self._why_not_by_fqdn(connector.with_(tls_certificate_name=name), server):
                return f"{address}, without that name, {why} on {server}"
        return ""

    def _why_not_by_fqdn(self, connector: SendConnector, server: Name) -> str:
        """Why a connector without its name may present something else than with it; "" where it does not."""
        if self.situation.server(server).certificates.unreadable:
            return _NOT_KNOWN
        store = store_of(server, self.situation)
        named = store.presented_by(connector)
        chosen = store.presented_by(connector.with_(tls_certificate_name=None))
        if chosen.by is By.UNKNOWN or chosen.unclear or named.unclear:
            return _NOT_KNOWN
        if named.certificate is None or chosen.certificate is not named.certificate:
            return f"would not present its successor for {chosen.fqdn}"
        fitting = chosen.missed(WhyNot.LATER)  # which of those that fit is chosen is on no page
        if any(one.tls_certificate_name != connector.tls_certificate_name for one in fitting):
            return f"may present another certificate for {chosen.fqdn}"
        return ""

    def _managed(self) -> Mapping[int, Address]:
        if self._ours is None:
            self._ours = managed_connectors(self.situation)
        return self._ours

    def _live(self, address: Address) -> SendConnector | None:
        connector = self._declared[address]
        home = home_of(connector)
        if self.situation.server(home).unreachable:
            return None
        match = find(address, connector.name, home, self.situation)
        return match.live if match is not None else None

    def _executor(self, address: Address) -> Name:
        return executor(self._declared[address], self.situation)


def _shown(connector: Connector) -> str:
    kind = "send" if isinstance(connector, SendConnector) else "receive"
    return f'{kind} connector "{connector.name}"'
