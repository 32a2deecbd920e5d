"""Certificates against the names under which they will be looked at, before anything is sent."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.config.desired import Endpoint
from reconciler.config.draft import Draft
from reconciler.config.listeners import may_be_met
from reconciler.pki.asked import asked_domains
from reconciler.pki.coverage import uncovered
from state.address import Address
from state.resources import Certificate, ReceiveConnector, SendConnector
from state.values import UNSET, DomainPattern, Fqdn, Name

from .label import label


def check_names(draft: Draft, endpoints: tuple[Endpoint, ...]) -> None:
    for endpoint in endpoints:
        for server in endpoint.servers:
            _check_endpoint(draft, endpoint, server)
    for address, sender in draft.of(SendConnector):
        if sender.ignore_starttls is not True:
            _check_implicit(draft, address, sender)
    for address, receiver in draft.of(ReceiveConnector):
        _check_implicit(draft, address, receiver)


def _check_endpoint(draft: Draft, endpoint: Endpoint, server: Name) -> None:
    """Every listener that the world may meet on the endpoint's port must present the endpoint's name."""
    wanted = [DomainPattern(endpoint.name.name)]
    for address, certificate_address, certificate in _listeners(draft, endpoint, server):
        if not uncovered(asked_domains(certificate), wanted):
            continue
        names = ", ".join(sorted(map(str, asked_domains(certificate))))
        draft.error(
            "Certificate does not cover the endpoint",
            f"{label(address)} would present {certificate_address}, which covers {names or 'no name'}; the "
            f'world connects to "{server}" as {endpoint.name}, port {endpoint.port}.',
            draft.where(address, "certificates"),
            f"add {endpoint.name} to the certificate's domains, correct endpoints, or declare bindings or "
            "remote_ip_ranges of a connector that the world does not meet",
            str(address),
        )


def _listeners(
    draft: Draft, endpoint: Endpoint, server: Name
) -> Iterator[tuple[Address, Address, Certificate]]:
    for address, connector in draft.of(ReceiveConnector):
        if connector.home != (server,) or not isinstance(connector.certificates, tuple):
            continue
        if not may_be_met(connector, endpoint, server):
            continue
        for certificate_address in connector.certificates:
            certificate = draft.resources[certificate_address]
            if isinstance(certificate, Certificate) and (
                certificate.domains is not UNSET or certificate.subject
            ):
                yield address, certificate_address, certificate


def _check_implicit(draft: Draft, address: Address, connector: SendConnector | ReceiveConnector) -> None:
    """Without a TlsCertificateName Exchange chooses by the connector's FQDN [2.5-2], [3-16].

    Certificates that are not declared may fit, so this warns.
    """
    if connector.tls_certificate_name not in (UNSET, None) or not isinstance(connector.fqdn, Fqdn):
        return
    wanted = [DomainPattern(connector.fqdn.name)]
    for server in connector.home if isinstance(connector.home, tuple) else ():
        declared = [
            certificate
            for _, certificate in draft.of(Certificate)
            if certificate.home == (server,)
            and (certificate.services is UNSET or "SMTP" in _services(certificate))
        ]
        if declared and all(uncovered(asked_domains(certificate), wanted) for certificate in declared):
            draft.warning(
                "No declared certificate for the name",
                f"{label(address)} answers as {connector.fqdn}, which no certificate that is declared for "
                f'"{server}" covers.',
                draft.where(address, "fqdn"),
                "bind a certificate with certificate:, or add the name to one",
                str(address),
            )


def _services(certificate: Certificate) -> frozenset[str]:
    return certificate.services if isinstance(certificate.services, frozenset) else frozenset()
