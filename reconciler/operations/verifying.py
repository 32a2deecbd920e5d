"""``verify``: what the world is presented, against what is declared. Asks no Exchange server."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from reconciler.config.desired import Desired, Endpoint
from reconciler.diagnostics import Diagnostic, Severity
from reconciler.pki.asked import asked_domains
from reconciler.pki.coverage import uncovered
from reconciler.verify.endpoints import Checked, Target, check_endpoints
from reconciler.verify.starttls import AuthorityUnreadable, Trust
from state.record import StateRecord
from state.resources import Certificate
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

    Trusted are the public roots, and the authorities of the issuers that are declared.

    Raises:
        OperationFailed: the YAML or the record cannot be used, or an authority's file cannot be read.
    """
    declared = load_declared(inputs, surroundings)
    desired = declared.desired
    record = remember(open_store(desired.organization, inputs, surroundings), desired.organization).record
    targets = [
        _target(endpoint, server, desired, record)
        for endpoint in desired.endpoints
        for server in endpoint.servers
    ]
    trust = Trust(tuple(dict.fromkeys(issuer.certificate for issuer in desired.issuers.values())))
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
    diagnostics = declared.diagnostics if targets else (*declared.diagnostics, _nothing_to_verify())
    return Verified(checked, diagnostics)


def _target(endpoint: Endpoint, server: Name, desired: Desired, record: StateRecord) -> Target:
    connection = desired.connections[server]
    host, port = urlsplit(connection.url).hostname or str(server), endpoint.port
    if connection.smtp:
        host, _, given = connection.smtp.rpartition(":")
        host, port = host.removeprefix("[").removesuffix("]"), int(given)
    return Target(endpoint.name, server, host, port, _expected_key(endpoint, server, desired, record))


def _expected_key(endpoint: Endpoint, server: Name, desired: Desired, record: StateRecord) -> str | None:
    """The recorded key of the one certificate that is declared for this name on this server."""
    wanted = (DomainPattern(endpoint.name.name),)
    keys = [
        recorded.resource.public_key
        for address, asked in desired.snapshot.of(Certificate)
        if asked.home == (server,) and not uncovered(asked_domains(asked), wanted)
        if (recorded := record.resources.get(address)) and isinstance(recorded.resource, Certificate)
    ]
    return keys[0] if len(keys) == 1 and isinstance(keys[0], str) else None


def _nothing_to_verify() -> Diagnostic:
    return Diagnostic(
        summary="No endpoints",
        detail="Nothing says what the world connects to, so nothing was verified.",
        hint="declare endpoints: [{name: mail.example.com, servers: [...]}]",
        severity=Severity.WARNING,
    )
