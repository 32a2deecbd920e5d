"""What the record keeps of a resource: what we set, and how to find it again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TypeVar

from state.address import Address
from state.record import Learned, Recorded, StateRecord
from state.resources import Kind, Resource
from state.values import UNKNOWN, UNSET

from .change import Action, Change

R = TypeVar("R", bound=Resource)

_KEPT_SETTINGS = ("home", "local", "certificates", "issuer", "mode")


def to_record(desired: R, was: Resource | None = None, **identity: Any) -> R:
    """The declared attributes with their values, and the identity that Exchange gave.

    Args:
        was: As recorded: what identifies the object and could not be read stays as it was known.
    """
    kept = {attribute.name: value for attribute, value in desired.declared(Kind.WRITABLE)}
    settings = {
        attribute.name: value
        for attribute, value in desired.declared(Kind.SETTING)
        if attribute.name in _KEPT_SETTINGS
    }
    known = {
        name: getattr(was, name, UNSET) if value is UNKNOWN else value for name, value in identity.items()
    }
    return type(desired)(**kept, **settings, **known)


def unchanged(address: Address, recorded: Recorded, record: StateRecord) -> Change:
    """A resource that is as declared: NONE, or ADOPT when the record does not say so yet.

    A request that is under way for it has ended.
    """
    before = record.resources.get(address)
    if before is not None and replace(before, at=recorded.at) == recorded and address not in record.requests:
        return Change(address=address, action=Action.NONE)
    return Change(address=address, action=Action.ADOPT, learned=Learned(address, recorded))
