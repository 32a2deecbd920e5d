"""``load``: the YAML of one organization -> what is desired, and everything that is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path

from reconciler.diagnostics import Diagnostic, SourceRange, has_errors
from reconciler.plan.maintenance import Maintenance
from state.address import Address
from state.snapshot import Snapshot
from state.values import Fqdn, Name

from .checks import check
from .connections import ConnectionsSource, connections_alone, connections_of
from .desired import Desired, Endpoint, KnownServers, Loaded
from .draft import Draft
from .files import in_order, read_desired, read_file
from .issuers import issuers_of
from .models.base import given
from .models.connection import ConnectionsFile, DnsModel
from .models.desired import DesiredState
from .models.maintenance import MaintenanceModel, maintenance_of
from .other_files import not_a_desired_state, not_connections
from .resources.certificates import add_certificates
from .resources.receive_connectors import add_receive_connectors
from .resources.send_connectors import add_send_connectors
from .resources.servers import add_servers
from .tree import Parsed, parse
from .validation import ANY, validate

_PLACEHOLDERS = {("version",): 1, ("organization",): "unnamed", ("servers", ANY, "role"): "mailbox"}


def load(path: Path, *, connections: Path | None = None, today: date) -> Loaded:
    """Read the desired state and check all that can be checked without a connection.

    Never raises for bad input: what is wrong comes back as diagnostics, all of it at once. Nothing
    but the named files is read; no credential is opened.

    Args:
        path: One file, or a folder whose ``*.yaml`` and ``*.yml`` are merged.
        connections: A connections file; what it says of a server or an issuer replaces what the
            desired state says.
        today: The day that exceptions are judged at.

    Returns:
        ``desired`` is None exactly when one of the diagnostics is an error.
    """
    return _load(read_desired(path), path, connections, today)


def load_text(text: str, path: Path, *, connections: Path | None = None, today: date) -> Loaded:
    """Check a text as :func:`load` would if it stood in the file that ``path`` names."""
    return _load(parse(text, str(path)), path, connections, today)


def _load(parsed: Parsed, path: Path, connections: Path | None, today: date) -> Loaded:
    diagnostics = [*parsed.diagnostics]
    file = _connections(connections, diagnostics)
    if parsed.root is None:
        return Loaded(None, tuple(diagnostics))
    if other := not_a_desired_state(parsed.root):
        return Loaded(None, (*diagnostics, other))
    validated = validate(DesiredState, parsed.root, _PLACEHOLDERS)
    diagnostics += validated.diagnostics
    if validated.model is None:
        return Loaded(None, in_order(diagnostics))
    draft = Draft(validated.model, parsed.root)
    add_servers(draft)
    add_certificates(draft)
    add_send_connectors(draft)
    add_receive_connectors(draft)
    if validated.model.organization_id:
        whole = Address.of("organization", validated.model.organization)
        draft.sources[whole, "organization_id"] = draft.value("organization_id")
    base = path if path.is_dir() else path.parent
    desired = Desired(
        organization=validated.model.organization,
        path=path,
        snapshot=Snapshot(draft.resources),
        servers=tuple(draft.servers),
        connections=connections_of(draft, base, file),
        issuers=issuers_of(draft, base, file),
        endpoints=_endpoints(draft, file),
        credentials=dict.fromkeys(sorted(draft.credentials), base),
        sources=draft.sources,
        acknowledged=draft.acknowledged,
        partners=draft.partners,
        organization_id=validated.model.organization_id.lower() or None,
        maintenance=_maintenance(draft),
        resolver=_resolver(draft, file),
        is_dns_out_of_reach=file is not None and file.resolver is None,
    )
    check(draft, desired, today)
    diagnostics += draft.diagnostics
    return Loaded(None if has_errors(diagnostics) else desired, in_order(diagnostics))


def _resolver(draft: Draft, file: ConnectionsSource | None) -> tuple[str, int] | None:
    """Who is asked for what is in DNS; with a connections file nobody that the YAML tells."""
    dns = draft.state.dns
    declared = dns.resolver if isinstance(dns, DnsModel) else None
    address: str | None = file.resolver if file is not None else declared
    if address is None:
        return None
    host, _, port = address.rpartition(":")
    return host.removeprefix("[").removesuffix("]"), int(port)


def _maintenance(draft: Draft) -> Mapping[Name, Maintenance]:
    """The windows of each server: its own, else those of all."""
    found: dict[Name, Maintenance] = {}
    for server in draft.servers.values():
        for model in (server.model.maintenance, draft.state.maintenance):
            if isinstance(model, MaintenanceModel):
                found.setdefault(server.name, maintenance_of(model))
    return found


class _Problems:
    """Collects errors where there is no draft."""

    def __init__(self) -> None:
        self.diagnostics: list[Diagnostic] = []

    def error(self, summary: str, detail: str, where: SourceRange, hint: str) -> None:
        self.diagnostics.append(Diagnostic(summary=summary, detail=detail, where=where, hint=hint))


def load_servers(path: Path) -> tuple[KnownServers | None, tuple[Diagnostic, ...]]:
    """Read a connections file alone, with no desired state beside it. Never raises for bad input.

    Returns:
        The servers that it names, None exactly when a diagnostic is an error; and the diagnostics.
    """
    problems = _Problems()
    file = _connections(path, problems.diagnostics)
    servers = None if file is None else connections_alone(file, problems)
    if file is not None and not file.servers and not has_errors(problems.diagnostics):
        problems.error(
            "No server named",
            "The connections file names no server, so there is nothing to read.",
            file.root.where,
            "name the servers under servers:, each with its url and credential",
        )
    diagnostics = in_order(problems.diagnostics)
    return None if has_errors(diagnostics) else servers, diagnostics


def _connections(path: Path | None, diagnostics: list[Diagnostic]) -> ConnectionsSource | None:
    if path is None:
        return None
    parsed = read_file(path)
    diagnostics += parsed.diagnostics
    if parsed.root is None:
        return None
    if other := not_connections(parsed.root):
        diagnostics.append(other)
        return None
    validated = validate(ConnectionsFile, parsed.root, {})
    diagnostics += validated.diagnostics
    return None if validated.model is None else ConnectionsSource(validated.model, parsed.root, path.parent)


def _endpoints(draft: Draft, file: ConnectionsSource | None) -> tuple[Endpoint, ...]:
    """The endpoints; with a connections file none is reached at an address that the YAML tells."""
    found = []
    for at, model in enumerate(draft.state.endpoints):
        servers: tuple[Name, ...] = tuple(
            server.name for server in draft.servers_named(model.servers, "endpoints", at, "servers")
        )
        name: Fqdn = model.name
        written = given(model)
        declared: str | None = written.get("published")
        endpoint = Endpoint(
            name,
            servers,
            model.port,
            published=file.published.get(name.name) if file else declared,
            is_out_of_reach=file is not None and declared is not None and name.name not in file.published,
            is_gateways=written.get("terminates_at") == "gateway",
        )
        found.append(replace(endpoint, serve_within=written.get("serve_within", endpoint.serve_within)))
    return tuple(found)
