"""Reads of the organization's configuration."""

from __future__ import annotations

from reconciler.lab.exchange.cmdlets.auth_certificate import auth_thumbprint
from reconciler.lab.exchange.cmdlets.errors import not_found
from reconciler.lab.exchange.cmdlets.run import Run, Steps
from reconciler.lab.exchange.objects import settings


def get_accepted_domain(run: Run) -> Steps:
    """Get-AcceptedDomain."""
    run.check_role()
    for stored in run.matching(run.partition.accepted_domains.values(), run.bound.text("Identity")):
        yield run.show(stored)


def get_organization_config(run: Run) -> Steps:
    """Get-OrganizationConfig."""
    run.check_role()
    for stored in run.partition.exported.values():
        yield run.show(stored)
        return
    yield run.show_value(settings.organization_config(run.partition.forest, run.now, run.controller))


def get_transport_config(run: Run) -> Steps:
    """Get-TransportConfig."""
    run.check_role()
    yield run.show_value(settings.transport_config(run.partition.forest, run.now, run.controller))


def get_auth_config(run: Run) -> Steps:
    """Get-AuthConfig."""
    run.check_role()
    partition = run.partition
    yield run.show_value(
        settings.auth_config(partition.forest, auth_thumbprint(run), run.now, run.controller)
    )


def get_nothing(run: Run) -> Steps:
    """Get-FederationTrust, -HybridConfiguration: there are none in the lab."""
    run.check_role()
    identity = run.bound.text("Identity")
    if identity is not None:
        raise not_found(identity, run.controller)
    yield from ()


def get_pop_settings(run: Run) -> Steps:
    """Get-PopSettings: of one server, the connected one by default."""
    yield from _client_settings(run, "Pop3")


def get_imap_settings(run: Run) -> Steps:
    """Get-ImapSettings: of one server, the connected one by default."""
    yield from _client_settings(run, "Imap4")


def _client_settings(run: Run, protocol: str) -> Steps:
    run.check_role()
    server = run.named_server()
    if server.home.is_edge:
        return
    partition = server.partition
    yield run.show_value(
        settings.client_settings(partition.forest, server.home, protocol, run.now, run.controller)
    )
