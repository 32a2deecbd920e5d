"""What an applier works with, and how one of its steps ends early."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

from reconciler.diagnostics import Diagnostic
from reconciler.events import Listener
from reconciler.exchange.errors import ExchangeError
from reconciler.exchange.patience import Patience
from reconciler.exchange.port import Credential, Writer
from reconciler.issuers.port import Issuer
from reconciler.verify.chain import Authorities
from state.address import Address
from state.values import CredentialReference

from .controllers import Controllers
from .journey import Parcel


@dataclass(frozen=True, slots=True)
class Tools:
    """What an applier works with.

    Attributes:
        writer: Opens a session that may change one server, by its declared name.
        issuers: By their names in the YAML; threads share them.
        credential: Fetches what a reference names.
        existing: Thumbprints on each server when the plan was made, for the intents of requests.
        now: The clock; UTC, aware.
        new_id: A text that is unique within the journal.
        controllers: The domain controllers that the plan was made from, and that servers use.
        patience: How to wait for what passes by itself.
        trusted: Where the chain of a certificate may end; None where chains are not to be judged.
        bought: What was bought with its key, by the certificates that are to be replaced by it.
        for_mutual_tls: The certificates that send connectors show to partners that ask for one.
        at_once: The certificates whose issuers are asked also before the time that they named.
        replaces: What issuers call the certificates of theirs that others take the place of.
    """

    writer: Callable[[str], AbstractContextManager[Writer]]
    issuers: Mapping[str, Issuer]
    credential: Callable[[CredentialReference], Credential]
    existing: Mapping[str, tuple[str, ...]]
    listener: Listener
    now: Callable[[], datetime]
    new_id: Callable[[], str]
    controllers: Controllers = field(default_factory=Controllers)
    patience: Patience = field(default_factory=Patience)
    trusted: Callable[[], Authorities | None] = lambda: None
    bought: Mapping[Address, Parcel] = field(default_factory=lambda: MappingProxyType({}))
    for_mutual_tls: frozenset[Address] = frozenset()
    at_once: frozenset[Address] = frozenset()
    replaces: Mapping[Address, str] = field(default_factory=lambda: MappingProxyType({}))


class Stopped(Exception):
    """A step that did not succeed.

    Attributes:
        in_doubt: It was sent, and nobody knows what came of it.
        was_sent: A cmdlet reached the server.
        passing: The error that may pass by itself; what came of the cmdlet is then read from Exchange.
    """

    def __init__(
        self,
        diagnostic: Diagnostic,
        *,
        was_sent: bool,
        in_doubt: bool = False,
        passing: ExchangeError | None = None,
    ) -> None:
        super().__init__(diagnostic.summary)
        self.diagnostic = diagnostic
        self.was_sent = was_sent
        self.in_doubt = in_doubt
        self.passing = passing


class Kept(Exception):
    """Exchange does not remove a certificate that was replaced: it knows of a use that nobody can read.

    Attributes:
        problem: What it said, as a warning: nothing is broken.
    """

    def __init__(self, problem: Diagnostic) -> None:
        super().__init__(problem.summary)
        self.problem = problem


class Parked(Exception):
    """A step whose turn has not come: its issuer has given no certificate, now or for good, or not the last
    of those that have to have one name.

    What does not need the certificate goes on: that one authority is out of order is no reason to let the
    certificates of another one expire.

    Attributes:
        problem: What is wrong; None when it is only a matter of time.
    """

    def __init__(self, problem: Diagnostic | None = None) -> None:
        super().__init__(problem.summary if problem else "")
        self.problem = problem
