"""What a plan is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from types import MappingProxyType
from typing import Any

from reconciler.cmdlets.invocation import Invocation
from reconciler.diagnostics import Diagnostic
from state.address import Address
from state.record import Learned
from state.resources import Build
from state.values import TlsCertificateName


class Action(Enum):
    """What becomes of one resource. ADOPT and FORGET write only the record; NONE nothing.

    WAIT is what will be done once something outside has happened: an issuer answers.
    """

    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"
    DELETE = "delete"
    ADOPT = "adopt"
    FORGET = "forget"
    WAIT = "wait"
    NONE = "none"

    @property
    def is_mutating(self) -> bool:
        """True when Exchange will be changed."""
        return self in (Action.CREATE, Action.UPDATE, Action.REPLACE, Action.DELETE)

    @property
    def is_run(self) -> bool:
        """True when an apply has something to try: a change, or whether what is waited for has happened."""
        return self.is_mutating or self is Action.WAIT


@dataclass(frozen=True, slots=True)
class Difference:
    """One attribute before and after: values of its type, UNSET, UNKNOWN or Deferred."""

    before: Any
    after: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One resource before and after, and the invocations that lead there.

    Attributes:
        attributes: What differs, by our names; of a created one, all that is set.
        invocations: In the order they are sent. Empty for what only the record learns. One that needs a
            value of another address waits until that is known.
        requires: Addresses whose changes must be done first.
        reason: Why, in a few words for people: ``expires 2026-12-01, inside renew_before 30d``.
        on_failure: What takes it back, should the world be presented something worse than before.
        no_step_back: Why nothing takes it back although the world will notice it; "" otherwise.
        closing: How many of the last invocations are sent in any case, once one of the change was: when one
            before them fails, and when the apply is to stop.
        presented_by: Of a certificate: the managed connectors that present it once it is enabled although
            their binding stays: they are bound to the same issuer and subject, or choose by their Fqdn.
        learned: What the record becomes once it is done; deferred values still in place. None for NONE.
    """

    address: Address
    action: Action
    attributes: Mapping[str, Difference] = field(default_factory=lambda: MappingProxyType({}))
    invocations: tuple[Invocation, ...] = ()
    requires: frozenset[Address] = frozenset()
    closing: int = 0
    reason: str = ""
    on_failure: tuple[Invocation, ...] = ()
    no_step_back: str = ""
    presented_by: tuple[Address, ...] = ()
    learned: Learned | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """What is not as it should be and is not ours to change.

    Attributes:
        attributes: Recorded against live: what somebody else changed since we last applied. Of what is
            only observed: declared against live.
    """

    address: Address
    attributes: Mapping[str, Difference]
    is_observed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Upcoming:
    """A renewal that is still to come.

    Attributes:
        renewal: From when on a plan has it; UTC, aware.
        expires: End of the certificate that is there now; UTC, aware.
        issuer: Name under ``issuers``.
        reason: Why then, where the dates of the certificate alone do not say so; else "".
    """

    address: Address
    renewal: datetime
    expires: datetime
    issuer: str
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Changes in dependency order, for declared or recorded addresses only.

    Attributes:
        changes: Every address once; those that need nothing are NONE.
        certificate_names: What the certificates that need no new request are bound by.
        builds: Of the servers that were read, as far as they told, by their names.
        upcoming: The renewals of the next days, or the next one, by date.
    """

    organization: str
    changes: tuple[Change, ...]
    drift: tuple[Drift, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    certificate_names: Mapping[Address, TlsCertificateName] = field(
        default_factory=lambda: MappingProxyType({})
    )
    builds: Mapping[str, Build] = field(default_factory=lambda: MappingProxyType({}))
    upcoming: tuple[Upcoming, ...] = ()

    @property
    def is_empty(self) -> bool:
        """True when there is nothing to change; what waits may be there all the same."""
        return not any(change.action.is_mutating for change in self.changes)

    @property
    def is_idle(self) -> bool:
        """True when apply has nothing to try."""
        return not any(change.action.is_run and change.invocations for change in self.changes)
