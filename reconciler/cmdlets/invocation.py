"""One cmdlet with its parameters: the unit that is planned, shown, sent and journaled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from state.resources import Json
from state.values import CredentialReference, Deferred

ParameterValue: TypeAlias = bool | int | str | tuple[str, ...] | Deferred | CredentialReference | None
"""What a parameter holds in a plan. None is ``$null``, a tuple is a list; a switch is True."""


PASSWORD = "password"  # noqa: S105 - a name
"""Deferred: what a key is encrypted with on its way to a server. Never shown."""


def is_secret(value: ParameterValue) -> bool:
    """Whether nobody is to see what a parameter is given."""
    return isinstance(value, CredentialReference) or (
        isinstance(value, Deferred) and value.attribute == PASSWORD
    )


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered when Exchange asks.

    Attributes:
        prompt: Which question, by a name of ours: ``default_smtp`` (replace the default SMTP
            certificate? [2.3-3]).
        answer: ``yes`` or ``no``.
    """

    prompt: str
    answer: str


@dataclass(frozen=True, slots=True)
class Invocation:
    """One cmdlet for one server.

    Attributes:
        server: The declared name of the server it is sent to.
        parameters: By Exchange's names, in the order they are shown.
    """

    server: str
    cmdlet: str
    parameters: Mapping[str, ParameterValue]
    answers: tuple[Answer, ...] = ()


def parameter_to_json(value: ParameterValue) -> Json:
    """A parameter as ``--json`` writes it: nothing is read back, so a secret is only told to be one."""
    match value:
        case CredentialReference():
            return {"secret": True}
        case Deferred():
            if is_secret(value):
                return {"secret": True}
            return {"deferred": str(value)}
        case tuple():
            return list(value)
        case _:
            return value
