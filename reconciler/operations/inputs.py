"""What every operation starts from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from reconciler.config.desired import Desired
from reconciler.config.loading import load
from reconciler.diagnostics import Diagnostic
from reconciler.events import Listener
from reconciler.exchange.patience import Patience
from reconciler.exchange.patient import PatientSessions
from reconciler.exchange.port import SessionOpener
from reconciler.exchange.session import Sessions
from reconciler.verify.endpoints import Handshaker
from reconciler.verify.starttls import shake_hands
from reconciler.verify.tlsa import TlsaLookUp, look_up
from state.store import StateStore
from state.stores.local import LocalStore

from .failed import OperationFailed
from .issuers import IssuerOpener, open_issuer


@dataclass(frozen=True, slots=True)
class Inputs:
    """What the command line names.

    Attributes:
        path: The YAML: a file or a folder.
        connections: ``--connections``.
        state: ``--state``: the folder of records; None for ``.reconciler`` beside ``path``.
    """

    path: Path
    connections: Path | None = None
    state: Path | None = None


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What an operation needs from outside.

    Attributes:
        listener: Told what happens.
        now: Gives the instant; UTC, aware.
        sessions: How servers are reached.
        store: Opens the store of an organization's record, in a folder.
        patience: How what may pass by itself is tried again.
        open_issuer: Makes an issuer of its settings.
        shake: Does one STARTTLS handshake.
        look_up: Asks DNS for TLSA records.
    """

    listener: Listener
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    sessions: SessionOpener = field(default_factory=Sessions)
    store: Callable[[Path, str], StateStore] = LocalStore
    patience: Patience = field(default_factory=Patience)
    open_issuer: IssuerOpener = open_issuer
    shake: Handshaker = shake_hands
    look_up: TlsaLookUp = look_up

    @property
    def patient_sessions(self) -> PatientSessions:
        """The same sessions, which open and read again what may pass by itself."""
        return PatientSessions(self.sessions, self.patience, self.listener)


@dataclass(frozen=True, slots=True)
class Declared:
    """The YAML, loaded without an error; ``diagnostics`` holds its warnings."""

    desired: Desired
    diagnostics: tuple[Diagnostic, ...]


def load_declared(inputs: Inputs, surroundings: Surroundings) -> Declared:
    """Load the YAML.

    Raises:
        OperationFailed: it has an error.
    """
    loaded = load(inputs.path, connections=inputs.connections, today=surroundings.now().date())
    if loaded.desired is None:
        raise OperationFailed(loaded.diagnostics)
    return Declared(loaded.desired, loaded.diagnostics)
