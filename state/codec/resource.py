"""Resource <-> JSON, driven by the attribute tables.

``{"kind": "send_connector", "attributes": {"require_tls": true}}``. UNSET is left out, UNKNOWN is
``{"unknown": true}``, Deferred is ``{"deferred": "certificate.EX1.public#thumbprint"}``. No type
of value writes a JSON object, so the two cannot be taken for one.
"""

from __future__ import annotations

from typing import Any

from ..errors import StateError
from ..resources import KINDS, Attribute, Json, Resource
from ..values import UNKNOWN, Deferred
from .shape import Malformed, Shape


def resource_to_json(resource: Resource) -> dict[str, Json]:
    """Write a resource: its kind, and the attributes that are not UNSET."""
    return {
        "kind": resource.kind,
        "attributes": {
            attribute.name: value_to_json(attribute, value) for attribute, value in resource.declared()
        },
    }


def resource_from_json(json: Json, where: str = "") -> Resource:
    """Read what :func:`resource_to_json` wrote.

    Args:
        json: One JSON object.
        where: The way down to it, for the error.

    Raises:
        Malformed: it has another shape, an unknown kind or attribute, or a value that is none.
    """
    shape = Shape.of(json, where)
    kind = shape.text("kind")
    attributes = shape.shape("attributes")
    shape.done()
    cls = KINDS.get(kind)
    if cls is None:
        raise Malformed(shape.path("kind"), f"there is no kind {kind[:80]!r}")
    known = cls.attributes()
    values = {}
    for name, value in attributes.members.items():
        if name not in known:
            raise Malformed(attributes.path(name), f"a {kind} has no such attribute")
        values[name] = value_from_json(known[name], value, attributes.path(name))
    return cls(**values)


def value_to_json(attribute: Attribute, value: Any) -> Json:
    """Write one value of an attribute; never UNSET."""
    if value is UNKNOWN:
        return {"unknown": True}
    if isinstance(value, Deferred):
        return {"deferred": str(value)}
    return attribute.type.to_json(value)


def value_from_json(attribute: Attribute, json: Json, where: str) -> Any:
    """Read what :func:`value_to_json` wrote.

    Raises:
        Malformed: it is no value of the attribute.
    """
    try:
        match json:
            case {"unknown": True, **rest} if not rest:
                return UNKNOWN
            case {"deferred": str(text), **rest} if not rest:
                return Deferred.parse(text)
            case _:
                return attribute.type.from_json(json)
    except StateError as error:
        raise Malformed(where, str(error)) from error
