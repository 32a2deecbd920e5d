"""Get-ExchangeServer, and the transport services of a server."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from uuid import uuid5

from reconciler.lab.call import Warned
from reconciler.lab.exchange import blobs
from reconciler.lab.exchange.addresses import checked_address, ip_address_object
from reconciler.lab.exchange.clixml import Value, write
from reconciler.lab.exchange.cmdlets.errors import not_found
from reconciler.lab.exchange.cmdlets.properties import Many, property_of
from reconciler.lab.exchange.cmdlets.run import Run, Steps
from reconciler.lab.exchange.directory import changed_now
from reconciler.lab.exchange.objects.transport import front_end_transport_server
from reconciler.lab.exchange.organization import Server, Stored
from reconciler.lab.exchange.values import multi_valued


def _addresses(texts: Iterable[str]) -> Value:
    items = [ip_address_object(checked_address(text)) for text in texts]
    return multi_valued("System.Net.IPAddress", blobs.SYSTEM, items)


MANY: Mapping[str, Many] = {"ExternalDNSServers": _addresses, "InternalDNSServers": _addresses}
NOT_PROPERTIES = frozenset({"Identity", "Confirm", "WhatIf", "DomainController"})


def get_server(run: Run) -> Steps:
    """Get-ExchangeServer: every server of the directory; an Edge server knows itself alone."""
    run.check_role()
    listed = [server for server in run.organization.servers.values() if run.is_listed(server)]
    for server in _named(run, listed):
        yield run.show(server.shown)


def get_transport(run: Run) -> Steps:
    """Get-TransportService."""
    run.check_role()
    for server in _named(run):
        yield run.show(server.transport)


def get_front_end(run: Run) -> Steps:
    """Get-FrontendTransportService: Mailbox servers have one."""
    run.check_role()
    for server in _named(run):
        if not server.home.is_edge:
            partition = server.partition
            tree = front_end_transport_server(
                partition.forest,
                server.home,
                uuid5(partition.forest.partition, f"Frontend {server.name}"),
                now=run.now,
                origin=run.controller,
            )
            yield run.show_value(tree)


def set_transport(run: Run) -> Steps:
    """Set-TransportService: gives nothing back."""
    run.check_role()
    server = _named(run)[0]
    given: dict[str, Value] = {}
    for name in run.bound.values:
        if name not in NOT_PROPERTIES:
            given[name] = property_of(run, name, MANY)
    if not (yield from run.should_process(f'Setting transport service of "{server.name}".')):
        return
    tree = server.transport.tree.with_properties(given)
    if write(tree) == write(server.transport.tree):
        yield Warned(
            f"The command completed successfully but no settings of '{server.name}' have been modified."
        )
        return
    changed = replace(server.transport, tree=changed_now(tree, run.now))
    run.organization.put_transport(server, changed)


def _named(run: Run, listed: list[Server] | None = None) -> list[Server]:
    """The servers that Identity names: all of them where it is not given [1-8]."""
    members = listed or list(run.organization.members(run.partition))
    identity = run.bound.text("Identity")
    if identity is None:
        return members
    found = [s for s in members if s is run.organization.server(identity) or _has(s.shown, identity)]
    if not found:
        raise not_found(identity, run.controller)
    return found


def _has(stored: Stored, identity: str) -> bool:
    return identity.lower() in {(stored[name] or "").lower() for name in ("Guid", "DistinguishedName")}
