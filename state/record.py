"""What we remember between runs: a cache of Exchange, plus what Exchange cannot say.

Live is the truth. The record adds ownership, and requests that wait for their authority.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from typing import Self

from .address import Address
from .resources import Certificate, Resource
from .values import Name, Thumbprint, TlsCertificateName

MILESTONES = ("requested", "submitted", "issued", "imported", "enabled", "bound", "served")
"""What a certificate goes through, in this order."""

STEPPED_BACK = "stepped_back"
"""Beside the milestones: when its bindings were taken back, because what was presented with it was worse."""

PUBLISHED = "published"
"""Beside the milestones: when its TLSA records were first seen in DNS."""


@dataclass(frozen=True, slots=True)
class Predecessor:
    """A certificate that another one replaced, and that was in the store of its server when last seen.

    Attributes:
        tls_certificate_name: What connectors were bound to it by; None where it could not be read.
        not_after: End of its validity; UTC, aware.
        superseded: When its successor was imported; UTC, aware.
        created: It was requested by this tool, so it may be removed by it.
        revoke: Why its authority is to be told that it is good no more, once its successor is served; ""
            where it simply ends.
        revoked: When that was settled: its authority was told, or whoever applied was; UTC, aware.
        issuer: Whose it was, by its name under ``issuers``; "" where that is not known.
    """

    thumbprint: Thumbprint
    public_key: str
    tls_certificate_name: TlsCertificateName | None
    not_after: datetime
    superseded: datetime
    created: bool
    revoke: str = ""
    revoked: datetime | None = None
    issuer: str = ""

    @property
    def is_to_be_revoked(self) -> bool:
        return bool(self.revoke) and self.revoked is None


@dataclass(frozen=True, slots=True)
class Recorded:
    """One resource as last applied.

    Attributes:
        resource: The declared attributes with the values that were set, and the identity that
            Exchange gave (``guid``; ``thumbprint`` and ``public_key``). What we never set is UNSET.
        created: The object was made by this tool, so it may be deleted by it.
        at: When it was last written or found equal; UTC, aware.
        milestones: When the certificate that is recorded came so far, by those of :data:`MILESTONES` that are
            known, :data:`STEPPED_BACK` and :data:`PUBLISHED`; UTC, aware. Empty for what is no certificate.
        predecessors: What that certificate replaced, newest first. Empty for what is no certificate.
    """

    resource: Resource
    created: bool
    at: datetime
    milestones: Mapping[str, datetime] = field(default_factory=lambda: MappingProxyType({}))
    predecessors: tuple[Predecessor, ...] = ()


@dataclass(frozen=True, slots=True)
class Request:
    """A certificate under way.

    Attributes:
        server: Where the private key is; only there can the answer be imported [2.2-3].
        asked: What was declared when it was requested.
        public_key: As :attr:`Certificate.public_key`: what the answer is matched by.
        csr: PKCS#10, PEM.
        pending: Thumbprint of Exchange's pending entry; None where it was not seen.
        since: When it was made; UTC, aware.
        answer: The issued certificate and its chain, PEM, leaf first; "" while the authority has it.
        submitted: When its issuer first had it; None while nobody has. UTC, aware, as the other instants.
        reference: What its issuer calls it; "" where it needs no name.
        waits: Why there is no answer yet, in the issuer's words: a sentence.
        next_try: When the issuer wants to be asked again; None where it did not say.
        issued: When the answer came; None while there is none.
        urgent: Why it does not wait for a maintenance window, and what it replaces is to be revoked: a word
            such as ``compromise``; "" for a renewal like any other.
        renews: Begin of the certificate whose key it is for again; None: its key was made for it. UTC, aware.
    """

    server: Name
    asked: Certificate
    public_key: str
    csr: str
    pending: Thumbprint | None
    since: datetime
    answer: str = ""
    submitted: datetime | None = None
    reference: str = ""
    waits: str = ""
    next_try: datetime | None = None
    issued: datetime | None = None
    urgent: str = ""
    renews: datetime | None = None

    @property
    def is_waiting(self) -> bool:
        """True while its issuer has it and has not answered."""
        return self.submitted is not None and not self.answer


@dataclass(frozen=True, slots=True)
class Learned:
    """What one step changes in the record: the new state of one address, whole.

    Attributes:
        recorded: None: the address is dropped.
        request: None: nothing is under way.
    """

    address: Address
    recorded: Recorded | None
    request: Request | None = None


@dataclass(frozen=True, slots=True)
class StateRecord:
    """Everything recorded of one organization.

    Attributes:
        lineage: Drawn at birth, never changes; a record with another one is another history.
        serial: +1 at every write.
    """

    organization: str
    lineage: str
    serial: int = 0
    resources: Mapping[Address, Recorded] = field(default_factory=lambda: MappingProxyType({}))
    requests: Mapping[Address, Request] = field(default_factory=lambda: MappingProxyType({}))

    def learn(self, *steps: Learned) -> Self:
        """The record after these steps; the serial stays: it counts writes, not steps."""
        resources, requests = dict(self.resources), dict(self.requests)
        for step in steps:
            if step.recorded is None:
                resources.pop(step.address, None)
            else:
                resources[step.address] = step.recorded
            if step.request is None:
                requests.pop(step.address, None)
            else:
                requests[step.address] = step.request
        return replace(self, resources=resources, requests=requests)
