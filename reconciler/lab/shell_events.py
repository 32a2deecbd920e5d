"""What the WS-Man machine tells its caller: what arrived for shells, and what to answer. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Reply:
    """What to answer to the request that came under ``ticket``; body None: close its connection instead."""

    ticket: int
    status: int
    body: bytes | None
    relates_to: str
    """MessageID of the request; empty when it could not be read."""
    resets: bool = False
    """Where the connection is closed: by a TCP reset."""


@dataclass(frozen=True, slots=True)
class ShellOpened:
    shell: UUID
    user: str
    full: bool
    content: bytes
    """PSRP fragments that came with the request: session capability and pool options."""


@dataclass(frozen=True, slots=True)
class CommandStarted:
    shell: UUID
    command: UUID
    content: bytes


@dataclass(frozen=True, slots=True)
class InputArrived:
    shell: UUID
    command: UUID | None
    content: bytes


@dataclass(frozen=True, slots=True)
class ReceiveArrived:
    """A client waits for output; nothing is to be done about it."""

    shell: UUID
    command: UUID | None


@dataclass(frozen=True, slots=True)
class CommandSignalled:
    """A client asks to stop a command, or has given it up."""

    shell: UUID
    command: UUID


@dataclass(frozen=True, slots=True)
class ShellClosed:
    shell: UUID
    expired: bool


Event = ShellOpened | CommandStarted | InputArrived | ReceiveArrived | CommandSignalled | ShellClosed
