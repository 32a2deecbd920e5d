"""The organization behind the wire: runs cmdlets, one step at a time."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography import x509

from reconciler.lab import refusals
from reconciler.lab.call import Call, Emission, Failed, Identity, Look, ServerFacts, Terminated, Warned
from reconciler.lab.exchange import smtp
from reconciler.lab.exchange.certificates import TrustStore, with_names
from reconciler.lab.exchange.clixml import Collection, Obj, text_of, texts_of
from reconciler.lab.exchange.cmdlets import (
    certificate,
    configuration,
    edge_synchronization,
    mail_queue,
    new_certificate,
    receive_connector,
    send_connector,
)
from reconciler.lab.exchange.cmdlets import server as servers
from reconciler.lab.exchange.cmdlets.binding import bind
from reconciler.lab.exchange.cmdlets.catalogue import find
from reconciler.lab.exchange.cmdlets.errors import Refused, refusal, stopped
from reconciler.lab.exchange.cmdlets.run import Renderings, Run, Steps
from reconciler.lab.exchange.organization import Organization, Server, Stored
from reconciler.lab.languages import in_language, language_of, spoken

COMMANDS: Mapping[str, Callable[[Run], Steps]] = {
    "Get-ExchangeCertificate": certificate.get,
    "New-ExchangeCertificate": new_certificate.new,
    "Import-ExchangeCertificate": new_certificate.import_,
    "Enable-ExchangeCertificate": certificate.enable,
    "Export-ExchangeCertificate": certificate.export,
    "Remove-ExchangeCertificate": certificate.remove,
    "Get-SendConnector": send_connector.get,
    "New-SendConnector": send_connector.new,
    "Set-SendConnector": send_connector.set_,
    "Remove-SendConnector": send_connector.remove,
    "Get-ReceiveConnector": receive_connector.get,
    "New-ReceiveConnector": receive_connector.new,
    "Set-ReceiveConnector": receive_connector.set_,
    "Remove-ReceiveConnector": receive_connector.remove,
    "Get-ExchangeServer": servers.get_server,
    "Get-TransportService": servers.get_transport,
    "Set-TransportService": servers.set_transport,
    "Get-FrontendTransportService": servers.get_front_end,
    "Get-AcceptedDomain": configuration.get_accepted_domain,
    "Get-OrganizationConfig": configuration.get_organization_config,
    "Get-TransportConfig": configuration.get_transport_config,
    "Get-AuthConfig": configuration.get_auth_config,
    "Get-EdgeSubscription": edge_synchronization.get_subscription,
    "Get-FederationTrust": configuration.get_nothing,
    "Get-HybridConfiguration": configuration.get_nothing,
    "Get-PopSettings": configuration.get_pop_settings,
    "Get-ImapSettings": configuration.get_imap_settings,
    "Start-EdgeSynchronization": edge_synchronization.start,
    "Test-EdgeSynchronization": edge_synchronization.test,
    "Get-Queue": mail_queue.get,
    "Get-QueueDigest": mail_queue.get_digest,
    "Retry-Queue": mail_queue.retry,
}


_MOST_UNSEEN = 1 << 16


class LabExchange:
    """Implements :class:`reconciler.lab.call.Exchange`.

    Args:
        organization: The organization.
        directory: The lab's folder: authorities in ``issuer*.pem`` there are trusted by every server.
        now: The clock; UTC, aware.
    """

    def __init__(self, organization: Organization, directory: Path, now: Callable[[], datetime]) -> None:
        self._organization = organization
        self._directory = directory
        self._now = now
        self._renderings = Renderings()
        self._trusted: tuple[tuple[tuple[str, int], ...], TrustStore] | None = None

    def servers(self) -> Sequence[ServerFacts]:
        return [
            ServerFacts(s.home.name, s.home.fqdn, s.home.is_edge, s.home.build.token)
            for s in self._organization.servers.values()
        ]

    def run(self, call: Call) -> Generator[Emission, int | None, None]:
        """Run one cmdlet; see :meth:`reconciler.lab.call.Exchange.run`."""
        language = language_of(call.view.looks)
        return self._run(call) if language is None else _in_language(self._run(call), language)

    def _run(self, call: Call) -> Steps:
        server = self._server(call.server)
        build = server.home.build
        cmdlet = find(call.cmdlet, build)
        if cmdlet is None or call.view.is_hidden:
            raise Terminated(refusals.not_found(call.cmdlet))
        cmdlet = cmdlet.without(call.hidden | call.view.hidden)
        if call.endpoint == "exchange":
            cmdlet = cmdlet.as_function()
        bound = bind(cmdlet, build, call.arguments)
        run = Run(
            self._organization, server, cmdlet, call, bound, self._now(), self._trust(), self._renderings
        )
        action = str(bound.common.get("ErrorAction", "Continue")).lower()
        is_quiet = str(bound.common.get("WarningAction", "Continue")).lower() in (
            "silentlycontinue",
            "ignore",
        )
        try:
            yield from (
                _without_warnings(COMMANDS[cmdlet.name](run)) if is_quiet else COMMANDS[cmdlet.name](run)
            )
        except Refused as refused:
            record = refusal(refused, cmdlet, server.name, build, run.now)
            if action == "stop":
                raise stopped(record) from None
            if action not in ("silentlycontinue", "ignore"):
                yield Failed(record)

    def smtp_identity(self, server: str) -> Identity | None:
        found = self._server(server)
        organization, now = self._organization, self._now()
        connectors = organization.receive_connectors(found, organization.controller(found), now)
        stored = smtp.chosen(found, now, connectors.values())
        if stored is None:
            return None
        return smtp.identity(found, stored, self._organization.keys, self._trust())

    def smtp_revision(self, server: str) -> int:
        found, now = self._server(server), self._now()
        # What arrives from another domain controller changes it, too.
        unseen = found.partition.replication.unseen(self._organization.controller(found), now)
        return found.revision * _MOST_UNSEEN + min(unseen, _MOST_UNSEEN - 1)

    def replicate(self, delays: Mapping[str, float | None]) -> None:
        for partition in self._organization.partitions.values():
            named = {partition.replication.controller(name): delay for name, delay in delays.items()}
            known = {name: delay for name, delay in named.items() if name}
            partition.replication.slow_down(known, self._now())

    def remarks(self) -> Sequence[str]:
        return self._organization.remarks

    def snapshot(self) -> Mapping[str, Any]:
        """Plain data for tests: property name to text, or to a list of texts."""
        organization = self._organization
        return {
            "send_connectors": {
                key: {s.name: _plain(s) for s in partition.send_connectors.values()}
                for key, partition in organization.partitions.items()
            },
            "controllers": {
                controller: {
                    s.name: _plain(s)
                    for s in organization.send_connectors(partition, controller, self._now()).values()
                }
                for partition in organization.partitions.values()
                for controller in partition.replication.controllers
            },
            "servers": {server.name: _server_data(server) for server in organization.servers.values()},
        }

    def _server(self, name: str) -> Server:
        server = self._organization.server(name)
        if server is None:
            raise KeyError(f"no server {name!r} in this organization")
        return server

    def _trust(self) -> TrustStore:
        """The trusted authorities, read again when their files have changed."""
        paths = sorted(self._directory.glob("issuer*.pem"))
        state = tuple((path.name, path.stat().st_mtime_ns) for path in paths)
        if self._trusted is None or self._trusted[0] != state:
            roots: list[x509.Certificate] = []
            for path in paths:
                data = path.read_bytes()
                if b"-----BEGIN CERTIFICATE-----" in data:
                    roots += map(with_names, x509.load_pem_x509_certificates(data))
            self._trusted = (state, TrustStore(tuple(roots)))
        return self._trusted[1]


def _without_warnings(steps: Steps) -> Steps:
    answer: int | None = None
    try:
        while True:
            emission = steps.send(answer)
            answer = None if isinstance(emission, Warned) else (yield emission)
    except StopIteration:
        return


def _in_language(steps: Steps, language: Look) -> Steps:
    answer: int | None = None
    try:
        while True:
            answer = yield spoken(steps.send(answer), language)
    except StopIteration:
        return
    except Terminated as ended:
        raise Terminated(in_language(ended.error, language), ended.missing) from None


def _server_data(server: Server) -> Mapping[str, Any]:
    return {
        "receive_connectors": {s.name: _plain(s) for s in server.receive_connectors.values()},
        "certificates": {
            c.thumbprint: {
                "issuer": c.name.issuer,
                "subject": c.name.subject,
                "domains": list(c.domains()),
                "friendly_name": c.friendly_name,
                "services": c.services,
                "exportable": c.exportable,
                "is_pending": c.is_pending,
            }
            for c in server.certificates
        },
        "default_smtp": server.default_thumbprint,
    }


def _plain(stored: Stored) -> Mapping[str, Any]:
    properties = stored.tree.properties or {}
    return {
        name: list(texts_of(value))
        if isinstance(value, Obj) and isinstance(value.body, Collection)
        else text_of(value)
        for name, value in properties.items()
    }
