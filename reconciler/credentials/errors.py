"""Why a credential could not be had. No part of a secret is ever among the facts."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class CredentialError(Exception):
    """A reference that led to no secret.

    Attributes:
        reference: The reference as far as it is safe to show: never the arguments of a command, and
            nothing at all of what may be a password written where a reference belongs.
        reason: What and why, in a few words.
        hint: The next thing to try; "" where the reason says it.
    """

    reference: str
    reason: str
    hint: str = ""

    def __str__(self) -> str:
        return f"credential {self.reference}: {self.reason}"


class CredentialMissing(CredentialError):
    """There is nothing where the reference leads."""


class CredentialRefused(CredentialError):
    """There is something, and it is not used: its form, its place or its keeper is wrong."""
