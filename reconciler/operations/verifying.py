"""``verify``: what the world is presented, against what is declared. Asks no Exchange server."""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.config.desired import Endpoint
from reconciler.diagnostics import Diagnostic, Severity
from reconciler.verify.endpoints import Checked, check_endpoints

from .endpoints import Asked, asked_of, trusted_by
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
    asked = asked_of(desired, record)
    trusted = trusted_by(desired)
    checked = check_endpoints(
        [one.target for one in asked],
        trusted,
        surroundings.now(),
        surroundings.listener,
        shake=surroundings.shake,
    )
    found = [_not_compared(one) for one in asked if _is_missing(one)]
    found += [_out_of_reach(endpoint) for endpoint in desired.endpoints if endpoint.is_out_of_reach]
    if not asked:
        found.append(_nothing_to_verify())
    return Verified(checked, (*declared.diagnostics, *found))


def _is_missing(asked: Asked) -> bool:
    is_members = asked.target.server is not None and not asked.endpoint.is_gateways
    return is_members and bool(asked.expected[0].missing)


def _not_compared(asked: Asked) -> Diagnostic:
    server, expected = str(asked.target.server), asked.expected[0]
    return Diagnostic(
        summary="Certificate not compared",
        detail=f'What "{server}" presents as {asked.endpoint.name} was checked for trust, name and dates '
        f"alone: {expected.missing}.",
        hint=expected.remedy,
        subject=server,
        severity=Severity.WARNING,
    )


def _out_of_reach(endpoint: Endpoint) -> Diagnostic:
    return Diagnostic(
        summary="Published address not checked",
        detail=f"{endpoint.name} has a published address of its own, and the connections file names none: "
        "what the YAML says is not reached with it.",
        hint=f'in the connections file: published: {{{endpoint.name}: "host:port"}}',
        severity=Severity.WARNING,
    )


def _nothing_to_verify() -> Diagnostic:
    return Diagnostic(
        summary="No endpoints",
        detail="Nothing says what the world connects to, so nothing was verified.",
        hint="declare endpoints: [{name: mail.example.com, servers: [...]}]",
        severity=Severity.WARNING,
    )
