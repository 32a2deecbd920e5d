"""From an attribute's value to what its parameter takes."""

from __future__ import annotations

from typing import Any

from state.resources.attribute import Attribute, SetOf
from state.values import CredentialReference, Deferred

from .invocation import ParameterValue


def parameter_value(attribute: Attribute, value: Any) -> ParameterValue:
    """What Exchange's parameter of this attribute takes for a value of its type.

    Args:
        value: A value of the attribute's type, None or Deferred; never UNSET or UNKNOWN.
    """
    match value:
        case None | bool() | int() | Deferred() | CredentialReference():
            return value
        case frozenset() if isinstance(attribute.type, SetOf):
            return tuple(attribute.type.texts(value)) or None
        case _:
            return attribute.type.text(value)
