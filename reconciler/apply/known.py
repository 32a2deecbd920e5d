"""Values that a plan deferred, as they become known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from threading import Lock
from typing import TypeVar

from reconciler.cmdlets.certificate import PKCS12, THUMBPRINT, TLS_CERTIFICATE_NAME
from reconciler.cmdlets.invocation import Invocation
from reconciler.pki.certificate import CertificateFacts
from reconciler.plan.change import Change
from state.address import Address
from state.resources import Resource
from state.values import UNSET, Deferred, Thumbprint, TlsCertificateName

R = TypeVar("R", bound=Resource)


class KnownValues:
    """Deferred values that a certificate brought, by certificate. Used by several threads."""

    def __init__(self) -> None:
        self._values: dict[Deferred, object] = {}
        self._growing = Lock()

    def start(self, names: Mapping[Address, TlsCertificateName], others: Mapping[Deferred, object]) -> None:
        """Take the names of the certificates that need no request, and what else is known before.

        What an earlier round of the same apply made known stays known.
        """
        with self._growing:
            self._values |= {Deferred(address, TLS_CERTIFICATE_NAME): name for address, name in names.items()}
            self._values |= others

    def learn(self, address: Address, facts: CertificateFacts) -> None:
        """Take what a certificate that was issued just now says."""
        with self._growing:
            self._values[Deferred(address, THUMBPRINT)] = facts.thumbprint
            self._values[Deferred(address, TLS_CERTIFICATE_NAME)] = facts.tls_certificate_name

    def take_over(self, address: Address, source: Address, thumbprint: object) -> None:
        """The certificate of one server is to be on another one as well.

        Args:
            thumbprint: As planned; deferred where the certificate was not there yet.
        """
        with self._growing:
            if isinstance(thumbprint, Thumbprint):
                self._values[Deferred(address, THUMBPRINT)] = thumbprint
            for attribute in (THUMBPRINT, TLS_CERTIFICATE_NAME):
                if (value := self._values.get(Deferred(source, attribute))) is not None:
                    self._values[Deferred(address, attribute)] = value

    def __getitem__(self, deferred: Deferred) -> object:
        """The value.

        Raises:
            KeyError: nothing in this apply made it known: a defect of the plan's order.
        """
        return self._values[deferred]

    def get(self, deferred: Deferred) -> object:
        """The value; None while it is not known."""
        return self._values.get(deferred)

    def names(self, certificates: tuple[Address, ...]) -> tuple[TlsCertificateName, ...]:
        """What the certificates of one connector are bound by, each once; unknown ones left out."""
        found = (self._values.get(Deferred(address, TLS_CERTIFICATE_NAME)) for address in certificates)
        return tuple(dict.fromkeys(name for name in found if isinstance(name, TlsCertificateName)))

    def needed(self, invocation: Invocation, change: Change) -> frozenset[Address]:
        """The other addresses that an invocation needs values of, and that have not brought them yet.

        What a key travels as is made on its journey, and waited for by its thumbprint. A binding needs all
        certificates of its connector: one name on every source server [3-15].
        """
        unknown = {
            value
            for value in invocation.parameters.values()
            if isinstance(value, Deferred) and value.attribute != PKCS12 and value not in self._values
        }
        needed = {one.address for one in unknown}
        recorded = change.learned.recorded if change.learned else None
        certificates = getattr(recorded.resource, "certificates", UNSET) if recorded else UNSET
        if isinstance(certificates, tuple) and any(one.attribute == TLS_CERTIFICATE_NAME for one in unknown):
            names = {address: Deferred(address, TLS_CERTIFICATE_NAME) for address in certificates}
            needed.update(address for address, name in names.items() if name not in self._values)
        return frozenset(needed - {change.address})

    def resolved(self, resource: R) -> R:
        """A copy of a resource with its deferred values in place."""
        values = {
            field.name: self._values[value]
            for field in fields(resource)
            if isinstance(value := getattr(resource, field.name), Deferred)
        }
        return resource.with_(**values)
