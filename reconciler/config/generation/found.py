"""What a generated YAML is made from, and what was decided about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType

from reconciler.config.desired import Connection
from state.snapshot import LiveServer, LiveState
from state.values import Name


@dataclass(frozen=True, slots=True)
class Thing:
    """One live object, whatever address it gets.

    Attributes:
        kind: ``send_connector``, ``receive_connector`` or ``certificate``.
        home: Its server; None for what the organization shares.
        name: Its name; a certificate's thumbprint.
    """

    kind: str
    home: Name | None
    name: Name

    def __str__(self) -> str:
        where = f" of {self.home}" if self.home else ""
        return f'{self.kind.replace("_", " ")} "{self.name}"{where}'


@dataclass(frozen=True, slots=True)
class Found:
    """A live organization.

    Attributes:
        connections: How its servers were reached, in their order.
        edges: Those that are Edge servers.
        now: When it was read; UTC, aware.
    """

    live: LiveState
    connections: Mapping[Name, Connection]
    edges: frozenset[Name]
    now: datetime

    def servers(self) -> Iterator[tuple[Name, LiveServer]]:
        yield from ((name, self.live.servers[name]) for name in self.connections)

    def is_subscribed(self, edge: Name) -> bool:
        """True for an Edge server whose send connectors are the organization's [1-5]."""
        subscriptions = self.live.organization.edge_subscriptions.objects
        return edge in self.edges and any(subscription.name == edge for subscription in subscriptions)

    @property
    def mailbox(self) -> tuple[Name, ...]:
        return tuple(name for name in self.connections if name not in self.edges)


@dataclass(frozen=True, slots=True)
class Choices:
    """What turned out not to be sayable in the usual way.

    Attributes:
        apart: Send connectors that make no part of a set; certificates that need their thumbprint.
        without: Attributes that are left out, by their key, and why.
        omitted: Things that are left out as a whole, and why.
    """

    apart: frozenset[Thing] = frozenset()
    without: Mapping[tuple[Thing, str], str] = field(default_factory=lambda: MappingProxyType({}))
    omitted: Mapping[Thing, str] = field(default_factory=lambda: MappingProxyType({}))

    def set_apart(self, thing: Thing) -> Choices:
        return replace(self, apart=self.apart | {thing})

    def leave_out(self, thing: Thing, key: str, why: str) -> Choices:
        return replace(self, without={**self.without, (thing, key): why})

    def omit(self, thing: Thing, why: str) -> Choices:
        return replace(self, omitted={**self.omitted, thing: why})
