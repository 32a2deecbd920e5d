"""The tree: one node for each element, with its tag, attributes and text.

What a value means is worked out when somebody asks, so one bad value spoils itself and not its object.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final
from xml.etree.ElementTree import Element

from reconciler.exchange.clixml.values import Scalar, decode, plain_text

PREFIX: Final = "{http://schemas.microsoft.com/powershell/2004/04}"
"""What the parser puts before every tag of a document with CLIXML's namespace."""
_DESERIALIZED: Final = "Deserialized."


def local_tag(element: Element) -> str:
    """An element's tag without CLIXML's namespace."""
    return element.tag.removeprefix(PREFIX)


# The nodes are slotted and unfrozen because building them is most of what reading costs; nobody changes one
# after `read` has returned it. Identity is equality: a tree may hold circles.


@dataclass(slots=True, eq=False)
class _Part:
    """A node over the element that the parser made."""

    element: Element

    @property
    def tag(self) -> str:
        """As in the document, without a namespace."""
        return local_tag(self.element)

    @property
    def attributes(self) -> Mapping[str, str]:
        """As in the document."""
        return self.element.attrib


@dataclass(slots=True, eq=False)
class Primitive(_Part):
    """A leaf: text under one of the tags of [MS-PSRP] 2.2.5.1, ``Nil`` included."""

    @property
    def raw(self) -> str:
        """Text as XML gives it; ``text`` has PowerShell's own escapes undone."""
        return self.element.text or ""

    @property
    def text(self) -> str:
        """The text a person would see."""
        return plain_text(self.tag, self.raw)

    @property
    def value(self) -> Scalar:
        """The value as Python's type for the tag; None for Nil.

        ``TS``, ``Version`` and ``SS`` stay text: durations and versions are parsed by who needs them, and
        secure strings are never decrypted here. ``DT`` without offset gives a naive datetime; ticks below
        a microsecond are cut off.

        Raises:
            BadValue: the text is not of the tag's type.
        """
        return decode(self.tag, self.raw)


@dataclass(slots=True, eq=False)
class Reference(_Part):
    """A ``Ref``: the same object once more."""

    target: Object


@dataclass(slots=True, eq=False)
class TypeNames(_Part):
    """A ``TN``: the type chain of an object, most derived first; objects of one type share it."""

    elements: list[Primitive]

    @property
    def names(self) -> tuple[str, ...]:
        """The names as text."""
        return tuple(element.text for element in self.elements)


@dataclass(slots=True, eq=False)
class TypeReference(_Part):
    """A ``TNRef``: the type chain of an earlier object."""

    target: TypeNames


@dataclass(slots=True, eq=False)
class Members(_Part):
    """A ``Props`` (the type's own properties) or an ``MS`` (what a session added): names to nodes.

    Attributes:
        found: Each member under its name; primitives as the parser left them, for few are ever looked at.
    """

    found: Mapping[str, Node | Element]

    @property
    def by_name(self) -> Mapping[str, Node]:
        """Every member under its name."""
        return {name: _node(member) for name, member in self.found.items()}

    def get(self, name: str) -> Node | None:
        """The member of that exact name; None when there is none."""
        member = self.found.get(name)
        return None if member is None else _node(member)


@dataclass(slots=True, eq=False)
class Items(_Part):
    """A collection: ``LST``, ``IE``, ``STK`` or ``QUE``; also ``En`` (key and value) and ``Objs``."""

    nodes: list[Node]


@dataclass(slots=True, eq=False)
class Entries(_Part):
    """A ``DCT``: key and value pairs, each an ``En``."""

    pairs: list[Items]


@dataclass(slots=True, eq=False)
class Object(_Part):
    """An ``Obj``: types, a text form, members, and for enums and collections the thing itself.

    Attributes:
        type_element: Its ``TN`` or ``TNRef``.
        text_element: Its ``ToString``.
        adapted, extended: Its ``Props`` and ``MS``.
        contents: Everything else: the number of an enum, the text of a wrapped string, a collection.
    """

    type_element: TypeNames | TypeReference | None = None
    text_element: Primitive | None = None
    adapted: Members | None = None
    extended: Members | None = None
    contents: list[Part] = field(default_factory=list)

    @property
    def types(self) -> tuple[str, ...]:
        """The type chain, most derived first, without the ``Deserialized.`` that a client may have put
        before each [6.1-4]."""
        element = self.type_element
        if element is None:
            return ()
        names = element.names if isinstance(element, TypeNames) else element.target.names
        return tuple(name.removeprefix(_DESERIALIZED) for name in names)

    @property
    def to_string(self) -> str | None:
        """What PowerShell would print; None where the document has none."""
        return None if self.text_element is None else self.text_element.text

    @property
    def items(self) -> list[Primitive | Object] | None:
        """The members of the collection that this object is, references followed; None if it is none."""
        for part in self.contents:
            if isinstance(part, Items):
                return [resolve(node) for node in part.nodes]
        return None

    @property
    def wrapped(self) -> Primitive | None:
        """The primitive inside: the number of an enum, the text of a string with members of its own."""
        return next((part for part in self.contents if isinstance(part, Primitive)), None)

    def get(self, name: str) -> Primitive | Object | None:
        """Give a member by its exact name, references followed; None when there is none.

        An extended member hides an adapted one of the same name, as in PowerShell.
        """
        for members in (self.extended, self.adapted):
            if members is not None and (member := members.get(name)) is not None:
                return resolve(member)
        return None

    def names(self) -> Iterator[str]:
        """Give the name of every member, the type's own first."""
        for members in (self.adapted, self.extended):
            if members is not None:
                yield from members.found


Node = Primitive | Reference | Object
Part = Primitive | Reference | Object | TypeNames | TypeReference | Members | Items | Entries


@dataclass(slots=True, eq=False)
class Document:
    """A whole document.

    Attributes:
        root: The ``Objs`` element, or None where the document is one bare element.
        nodes: Its top-level nodes.
    """

    root: Items | None
    nodes: list[Node]

    @property
    def values(self) -> list[Primitive | Object]:
        """The top-level values, references followed."""
        return [resolve(node) for node in self.nodes]


def resolve(node: Node) -> Primitive | Object:
    """Follow a reference to its object; anything else is itself."""
    return node.target if isinstance(node, Reference) else node


def _node(member: Node | Element) -> Node:
    return Primitive(member) if isinstance(member, Element) else member
