"""Where the record is, and what it says when the journal is read along with it."""

from __future__ import annotations

import getpass
import os
import socket
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from reconciler.diagnostics import Diagnostic
from state.errors import (
    LockLost,
    StateConflict,
    StateError,
    StateLocked,
    StateTooNew,
    StateUnreadable,
    StateUnwritable,
)
from state.journal import Intent, in_doubt
from state.lock import LockInfo
from state.record import Learned, StateRecord
from state.store import Fence, StateStore, Stored

from .failed import Cause, OperationFailed
from .inputs import Inputs, Surroundings

FOLDER = ".reconciler"


@dataclass(frozen=True, slots=True)
class Remembered:
    """The record as of the last durable step, and what is in doubt after it.

    Attributes:
        is_written: The stored record says all this already; no journal lies beside it.
    """

    record: StateRecord
    doubts: tuple[Intent, ...]
    is_written: bool


def open_store(organization: str, inputs: Inputs, surroundings: Surroundings) -> StateStore:
    """The store of an organization: in the folder that was named, or in ``.reconciler`` beside the YAML."""
    beside = inputs.path if inputs.path.is_dir() else inputs.path.parent
    return surroundings.store(inputs.state or beside / FOLDER, organization)


def remember(store: StateStore, organization: str) -> Remembered:
    """Read the record, and let it learn what its journal holds.

    Raises:
        OperationFailed: it is there and cannot be read.
    """
    with _told():
        stored = store.read()
    return _replayed(stored, organization)


def _replayed(stored: Stored, organization: str) -> Remembered:
    record = stored.record or StateRecord(organization=organization, lineage=str(uuid.uuid4()))
    learned = [entry for entry in stored.journal if isinstance(entry, Learned)]
    return Remembered(record.learn(*learned), in_doubt(stored.journal), is_written=not stored.journal)


@contextmanager
def locked(store: StateStore, operation: str, surroundings: Surroundings) -> Iterator[Fence]:
    """Hold the record's lock while the context lasts.

    Raises:
        OperationFailed: somebody else holds it, or it cannot be written.
    """
    info = LockInfo(id=str(uuid.uuid4()), operation=operation, who=_who(), since=surroundings.now())
    with _told(), store.lock(info) as fence:
        yield fence


def written(record: StateRecord) -> StateRecord:
    """The record with the serial of its next write."""
    return replace(record, serial=record.serial + 1)


def _who() -> str:
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container may run under a user id that has no name
        user = "unknown"
    return f"{user}@{socket.gethostname()}, process {os.getpid()}"


@contextmanager
def _told() -> Iterator[None]:
    """Turn the store's errors into what is told to a person."""
    try:
        yield
    except StateLocked as error:
        raise OperationFailed((_locked(error),), Cause.LOCKED) from error
    except StateError as error:
        raise OperationFailed((_state_problem(error),)) from error


def _locked(error: StateLocked) -> Diagnostic:
    holder = error.holder
    who = (
        f"{holder.who}, for {holder.operation}, since {holder.since:%Y-%m-%d %H:%M:%S} UTC"
        if holder
        else "unknown"
    )
    return Diagnostic(
        summary="Record locked",
        detail=f"The record in {error.place} is in use: {who}.",
        hint="wait for it to end; the lock goes with its process",
    )


def _state_problem(error: StateError) -> Diagnostic:
    match error:
        case StateUnreadable(backup=str(backup)):
            hint = f"look at the file; {backup} holds the record before the last write"
        case StateUnreadable():
            hint = "look at the file; without it, what this tool made is found again by its marks"
        case StateTooNew():
            hint = "use the version of this program that wrote it, or a later one"
        case StateUnwritable():
            hint = "free the place, or name another with --state"
        case StateConflict() | LockLost():
            hint = "another run wrote the record meanwhile; run again"
        case _:
            hint = "look at the folder of the record"
    return Diagnostic(summary="Record not usable", detail=f"{error}.", hint=hint)
