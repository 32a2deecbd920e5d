"""What all resource kinds have in common."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar, Self

from ..values import UNSET
from .attribute import Attribute, Choice, Kind, declared_attribute

MODE = Choice("observe", "certificates", "manage")
"""How much of what is declared is made so: nothing; certificates and what is bound to them; all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """One object that Exchange owns: as declared, as it is, or as last applied.

    Every attribute is a value, UNSET, UNKNOWN or Deferred. No kind carries a default of Exchange's.
    """

    kind: ClassVar[str]
    """First part of its address."""

    @classmethod
    def attributes(cls) -> Mapping[str, Attribute]:
        """All attributes by our name, in the order they are declared."""
        found = _ATTRIBUTES.get(cls)
        if found is None:
            declared = (declared_attribute(field.name, field.metadata) for field in fields(cls))
            found = _ATTRIBUTES[cls] = {attribute.name: attribute for attribute in declared if attribute}
        return found

    def declared(self, *kinds: Kind) -> Iterator[tuple[Attribute, Any]]:
        """The attributes that are not UNSET, in order; of the given kinds, or of all."""
        cls = type(self)
        of_kinds = _OF_KINDS.get((cls, kinds))
        if of_kinds is None:
            of_kinds = _OF_KINDS[cls, kinds] = tuple(
                (name, attribute)
                for name, attribute in cls.attributes().items()
                if not kinds or attribute.kind in kinds
            )
        for name, attribute in of_kinds:
            if (value := getattr(self, name)) is not UNSET:
                yield attribute, value

    def with_(self, **values: Any) -> Self:
        """A copy with some attributes replaced."""
        return replace(self, **values)


_ATTRIBUTES: dict[type[Resource], Mapping[str, Attribute]] = {}
_OF_KINDS: dict[tuple[type[Resource], tuple[Kind, ...]], tuple[tuple[str, Attribute], ...]] = {}
