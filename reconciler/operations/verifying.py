"""``verify``: what the world is presented, against what is declared. Asks no Exchange server."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from reconciler.config.desired import Desired, Endpoint
from reconciler.config.listeners import may_be_met
from reconciler.diagnostics import Diagnostic, Severity
from reconciler.pki.asked import asked_domains
from reconciler.pki.coverage import uncovered
from reconciler.verify.endpoints import Checked, Target, check_endpoints
from reconciler.verify.starttls import AuthorityUnreadable, Trust
from state.address import Address
from state.record import StateRecord
from state.resources import Certificate, ReceiveConnector
from state.values import DomainPattern, Name

from .failed import OperationFailed
from .inputs import Inputs, Surroundings, load_declared
from .records import open_store, remember


@dataclass(frozen=True, slots=True)
class Verified:
    """What came of all handshakes."""

    checked: tuple[Checked, ...]
    diagnostics: tuple[Diagnostic, ...]

    @property
    def is_good(self) -> bool:
        return all(checked.is_good for checked in self.checked)


def run_verify(inputs: Inputs, surroundings: Surroundings) -> Verified:
    """Do a STARTTLS handshake with every server of every endpoint.

    Trusted are the public roots, and the authorities of the issuers that certificates of those servers name.
    A certificate whose key is not known is told: there any trusted one is good.

    Raises:
        OperationFailed: the YAML or the record cannot be used, or an authority's file cannot be read.
    """
    declared = load_declared(inputs, surroundings)
    desired = declared.desired
    record = remember(open_store(desired.organization, inputs, surroundings), desired.organization).record
    asked = [(endpoint, server) for endpoint in desired.endpoints for server in endpoint.servers]
    expected = [_expected(endpoint, server, desired, record) for endpoint, server in asked]
    targets = [
        _target(endpoint, server, desired, one.public_key)
        for (endpoint, server), one in zip(asked, expected, strict=True)
    ]
    trust = Trust(_trusted(desired))
    try:
        checked = check_endpoints(targets, trust, surroundings.now(), surroundings.listener)
    except AuthorityUnreadable as error:
        raise OperationFailed(
            (
                Diagnostic(
                    summary="Authority not readable",
                    detail=f"{error}.",
                    hint="correct certificate of the issuer: verify trusts it, beside the public roots",
                ),
            )
        ) from error
    found = [
        _not_compared(endpoint, server, one)
        for (endpoint, server), one in zip(asked, expected, strict=True)
        if one.missing
    ]
    if not targets:
        found.append(_nothing_to_verify())
    return Verified(checked, (*declared.diagnostics, *found))


def _target(endpoint: Endpoint, server: Name, desired: Desired, public_key: str | None) -> Target:
    connection = desired.connections[server]
    host, port = urlsplit(connection.url).hostname or str(server), endpoint.port
    if connection.smtp:
        host, _, given = connection.smtp.rpartition(":")
        host, port = host.removeprefix("[").removesuffix("]"), int(given)
    return Target(endpoint.name, server, host, port, public_key)


@dataclass(frozen=True, slots=True)
class _Expected:
    """The certificate that a server is to present under an endpoint's name.

    Attributes:
        public_key: Its key; None when any trusted certificate will do.
        missing: Why there is no key though a certificate is declared; "" otherwise.
        remedy: What to do about that.
    """

    public_key: str | None = None
    missing: str = ""
    remedy: str = ""


def _expected(endpoint: Endpoint, server: Name, desired: Desired, record: StateRecord) -> _Expected:
    """Follow an endpoint to the certificate that is bound where it is answered, and on to its recorded key.

    Where no binding is declared, it is the one whose names cover the endpoint's.
    """
    declared = {
        address: certificate
        for address, certificate in desired.snapshot.of(Certificate)
        if certificate.home == (server,)
    }
    wanted = (DomainPattern(endpoint.name.name),)
    covering = {
        one
        for one, asked in declared.items()
        if not uncovered(asked_domains(asked), wanted)
        and (not isinstance(asked.services, frozenset) or "SMTP" in asked.services)
    }
    bound = declared.keys() & _bound(endpoint, server, desired)
    candidates = (bound & covering) or bound or covering
    if len(candidates) > 1:
        return _Expected(
            missing=f"any of {', '.join(sorted(map(str, candidates)))} may be right",
            remedy="bind one to the receive connector that answers: certificate: NAME",
        )
    for address in candidates:
        recorded = record.resources.get(address)
        if recorded and isinstance(recorded.resource, Certificate):
            key = recorded.resource.public_key
            if isinstance(key, str):
                return _Expected(key)
        return _Expected(
            missing=f"the record does not know the key of {address}",
            remedy="reconciler apply PATH: it records which certificate is the declared one",
        )
    return _Expected()


def _bound(endpoint: Endpoint, server: Name, desired: Desired) -> set[Address]:
    """The certificates bound to those of the server's receive connectors that may answer to the endpoint."""
    return {
        certificate
        for _, connector in desired.snapshot.of(ReceiveConnector)
        if connector.home == (server,) and isinstance(connector.certificates, tuple)
        if may_be_met(connector, endpoint, server)
        for certificate in connector.certificates
    }


def _trusted(desired: Desired) -> tuple[Path, ...]:
    """The authorities of the issuers that the certificates of the verified servers name."""
    verified = {(server,) for endpoint in desired.endpoints for server in endpoint.servers}
    named = {
        certificate.issuer
        for _, certificate in desired.snapshot.of(Certificate)
        if certificate.home in verified
    }
    paths = (issuer.certificate for name, issuer in desired.issuers.items() if name in named)
    return tuple(dict.fromkeys(paths))


def _not_compared(endpoint: Endpoint, server: Name, expected: _Expected) -> Diagnostic:
    return Diagnostic(
        summary="Certificate not compared",
        detail=f'What "{server}" presents as {endpoint.name} was checked for trust, name and dates alone: '
        f"{expected.missing}.",
        hint=expected.remedy,
        subject=str(server),
        severity=Severity.WARNING,
    )


def _nothing_to_verify() -> Diagnostic:
    return Diagnostic(
        summary="No endpoints",
        detail="Nothing says what the world connects to, so nothing was verified.",
        hint="declare endpoints: [{name: mail.example.com, servers: [...]}]",
        severity=Severity.WARNING,
    )
