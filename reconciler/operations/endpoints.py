"""The handshakes that endpoints ask for: with whom, and what is to be presented there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from reconciler.config.desired import Desired, Endpoint
from reconciler.config.listeners import may_be_met
from reconciler.config.models.network import host_and_port
from reconciler.diagnostics import Diagnostic
from reconciler.pki.asked import asked_domains
from reconciler.pki.coverage import uncovered
from reconciler.plan.held_back import is_yet_to_be_used
from reconciler.verify.chain import Authorities, AuthorityUnreadable, Trust
from reconciler.verify.endpoints import Target
from state.address import Address
from state.record import Recorded, StateRecord
from state.resources import Certificate, ReceiveConnector
from state.values import UNSET, DomainPattern, Name, Thumbprint

from .failed import OperationFailed


@dataclass(frozen=True, slots=True)
class Expected:
    """The certificate that a server is to present under an endpoint's name.

    Attributes:
        certificate: Its address; None where none is declared, or not which one, or where the one before it is
            in use until it may be put to use.
        public_key: Its key, or its thumbprint where the one before it has the same key; None when any trusted
            certificate will do.
        missing: Why there is no key though a certificate is declared; "" otherwise.
        remedy: What to do about that.
    """

    certificate: Address | None = None
    public_key: str | None = None
    missing: str = ""
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """One handshake that an endpoint asks for.

    Attributes:
        expected: What each server that may answer there is to present.
    """

    endpoint: Endpoint
    target: Target
    expected: tuple[Expected, ...]


def asked_of(desired: Desired, record: StateRecord) -> tuple[Asked, ...]:
    """All handshakes: every server by its own address, then the address that the world knows.

    Args:
        record: Tells the keys of the declared certificates.
    """
    found: list[Asked] = []
    for endpoint in desired.endpoints:
        members = [_expected(endpoint, server, desired, record) for server in endpoint.servers]
        found += [
            Asked(endpoint, _target(endpoint, server, desired, one), (one,))
            for server, one in zip(endpoint.servers, members, strict=True)
        ]
        if endpoint.published is not None:
            host, port = host_and_port(endpoint.published)
            keys = [one.public_key for one in members]
            target = Target(
                endpoint.name, None, host, port, _keys(endpoint, keys), is_gateways=endpoint.is_gateways
            )
            found.append(Asked(endpoint, target, tuple(members)))
    return tuple(found)


def watched_certificates(desired: Desired) -> frozenset[Address]:
    """Those that the world is to be presented at an endpoint, as far as a handshake shows it."""
    return frozenset(
        address
        for endpoint in desired.endpoints
        if not endpoint.is_gateways
        for server in endpoint.servers
        for address in _candidates(endpoint, server, desired)
    )


def tlsa_names(desired: Desired) -> Mapping[Address, tuple[str, ...]]:
    """Where DNS would tell the keys of the certificates that the world is presented (RFC 7672)."""
    found: dict[Address, dict[str, None]] = {}
    for endpoint in desired.endpoints:
        if endpoint.is_gateways:
            continue
        for server in endpoint.servers:
            for address in _candidates(endpoint, server, desired):
                found.setdefault(address, {})[f"_{endpoint.port}._tcp.{endpoint.name.name}"] = None
    return {address: tuple(names) for address, names in found.items()}


def trusted_by(desired: Desired) -> Authorities:
    """The public roots, and the authorities of the issuers that certificates of the endpoints' servers name.

    Raises:
        OperationFailed: an authority's file cannot be read.
    """
    trusted, unreadable = Trust(_trusted(desired)).as_far_as_readable()
    if unreadable:
        raise OperationFailed(
            [
                Diagnostic(
                    summary="Authority not readable",
                    detail=f"{error}.",
                    hint="correct certificate or ca of the issuer: verify trusts it beside the public roots",
                )
                for error in unreadable
            ]
        )
    return trusted


def trusted_as_far_as_readable(desired: Desired) -> tuple[Authorities, tuple[AuthorityUnreadable, ...]]:
    """The same for a gate: what cannot be read is told, and takes nothing back."""
    return Trust(_trusted(desired)).as_far_as_readable()


def trusted_for_answers(desired: Desired) -> Authorities | None:
    """The public roots, and the authorities of all issuers that have one of their own; None where a file of
    theirs cannot be read: then nothing is known of their chains.
    """
    paths = {issuer.authority for issuer in desired.issuers.values() if issuer.authority is not None}
    try:
        return Trust(tuple(sorted(paths))).opened()
    except AuthorityUnreadable:
        return None


def _keys(endpoint: Endpoint, keys: Iterable[str | None]) -> frozenset[str]:
    """The keys that are good; none is compared where one of them is not known, or where TLS ends before."""
    known = list(keys)
    if endpoint.is_gateways or None in known:
        return frozenset()
    return frozenset(key for key in known if key is not None)


def _target(endpoint: Endpoint, server: Name, desired: Desired, expected: Expected) -> Target:
    connection = desired.connections[server]
    host, port = urlsplit(connection.url).hostname or str(server), endpoint.port
    if connection.smtp:
        host, port = host_and_port(connection.smtp)
    keys = _keys(endpoint, [expected.public_key])
    return Target(endpoint.name, server, host, port, keys, is_gateways=endpoint.is_gateways)


def _expected(endpoint: Endpoint, server: Name, desired: Desired, record: StateRecord) -> Expected:
    """Follow an endpoint to the certificate that is bound where it is answered, and on to its recorded key.

    Where no binding is declared, it is the one whose names cover the endpoint's.
    """
    candidates = _candidates(endpoint, server, desired)
    if len(candidates) > 1:
        return Expected(
            missing=f"any of {', '.join(sorted(map(str, candidates)))} may be right",
            remedy="bind one to the receive connector that answers: certificate: NAME",
        )
    for address in candidates:
        recorded = record.resources.get(address)
        if recorded and is_yet_to_be_used(recorded) and recorded.predecessors:
            return Expected(public_key=recorded.predecessors[0].public_key)
        if recorded and isinstance(recorded.resource, Certificate):
            key = recorded.resource.public_key
            if isinstance(key, str):
                return Expected(address, _identity(recorded, key))
        request = record.requests.get(address)
        if request is not None and request.is_waiting:
            return Expected(
                address,
                missing=f"{address} is requested, and waits: {request.waits}",
                remedy=f"reconciler apply PATH imports the answer once {request.asked.issuer} has given it",
            )
        return Expected(
            address,
            missing=f"the record does not know the key of {address}",
            remedy="reconciler apply PATH: it records which certificate is the declared one",
        )
    return Expected()


def _identity(recorded: Recorded, key: str) -> str:
    """What a handshake shows of the recorded certificate, and not of what it replaced."""
    thumbprint = getattr(recorded.resource, "thumbprint", UNSET)
    is_kept = any(one.public_key == key for one in recorded.predecessors)
    return str(thumbprint) if is_kept and isinstance(thumbprint, Thumbprint) else key


def _candidates(endpoint: Endpoint, server: Name, desired: Desired) -> set[Address]:
    """The declared certificates that a server may present under an endpoint's name."""
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
    return (bound & covering) or bound or covering


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
    paths = (issuer.authority for name, issuer in desired.issuers.items() if name in named)
    return tuple(dict.fromkeys(path for path in paths if path is not None))
