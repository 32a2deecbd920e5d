"""The tree: one node for each element, with its tag, attributes and text.

What a value means is worked out when somebody asks, so one bad value spoils itself and not its object.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from reconciler.exchange.clixml.errors import Broken, Misplaced
from reconciler.exchange.clixml.values import Scalar, decode, plain_text, unescape

_DESERIALIZED: Final = "Deserialized."

# The nodes are slotted and unfrozen because building them is most of what reading costs; nobody changes one
# after `read` has returned it. Identity is equality: a tree may hold circles.


@dataclass(slots=True, eq=False)
class Primitive:
    """A leaf: text under one of the tags of [MS-PSRP] 2.2.5.1, ``Nil`` included.

    Attributes:
        tag: As in the document.
        attributes: As in the document, ``xmlns`` included.
        raw: Text as XML gives it; ``text`` has PowerShell's own escapes undone.
    """

    tag: str
    attributes: Mapping[str, str]
    raw: str = ""

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

    def add(self, child: Part) -> None:
        """Refuse any child."""
        raise Misplaced(child.tag, self.tag)


@dataclass(slots=True, eq=False)
class Reference:
    """A ``Ref``: the same object once more."""

    attributes: Mapping[str, str]
    target: Object
    tag: str = "Ref"

    def add(self, child: Part) -> None:
        """Refuse any child."""
        raise Misplaced(child.tag, self.tag)


@dataclass(slots=True, eq=False)
class TypeNames:
    """A ``TN``: the type chain of an object, most derived first; objects of one type share it."""

    attributes: Mapping[str, str]
    elements: list[Primitive] = field(default_factory=list)
    tag: str = "TN"

    @property
    def names(self) -> tuple[str, ...]:
        """The names as text."""
        return tuple(element.text for element in self.elements)

    def add(self, child: Part) -> None:
        """Take one ``T``."""
        if not isinstance(child, Primitive) or child.tag != "T":
            raise Misplaced(child.tag, self.tag)
        self.elements.append(child)


@dataclass(slots=True, eq=False)
class TypeReference:
    """A ``TNRef``: the type chain of an earlier object."""

    attributes: Mapping[str, str]
    target: TypeNames
    tag: str = "TNRef"

    def add(self, child: Part) -> None:
        """Refuse any child."""
        raise Misplaced(child.tag, self.tag)


@dataclass(slots=True, eq=False)
class Members:
    """A ``Props`` (the type's own properties) or an ``MS`` (what a session added): names to nodes."""

    tag: str
    attributes: Mapping[str, str]
    by_name: dict[str, Node] = field(default_factory=dict)

    def add(self, child: Part) -> None:
        """Take one named node."""
        if not isinstance(child, _NODES):
            raise Misplaced(child.tag, self.tag)
        name = child.attributes.get("N")
        if name is None:
            raise Broken(f"{child.tag} in {self.tag} has no name")
        if "_" in name:
            name = unescape(name)
        if name in self.by_name:
            raise Broken(f"{self.tag} has two members {name!r}")
        self.by_name[name] = child


@dataclass(slots=True, eq=False)
class Items:
    """A collection: ``LST``, ``IE``, ``STK`` or ``QUE``; also ``En`` (key and value) and ``Objs``."""

    tag: str
    attributes: Mapping[str, str]
    nodes: list[Node] = field(default_factory=list)

    def add(self, child: Part) -> None:
        """Take one node."""
        if not isinstance(child, _NODES):
            raise Misplaced(child.tag, self.tag)
        self.nodes.append(child)


@dataclass(slots=True, eq=False)
class Entries:
    """A ``DCT``: key and value pairs, each an ``En``."""

    attributes: Mapping[str, str]
    pairs: list[Items] = field(default_factory=list)
    tag: str = "DCT"

    def add(self, child: Part) -> None:
        """Take one ``En``."""
        if not isinstance(child, Items) or child.tag != "En":
            raise Misplaced(child.tag, self.tag)
        self.pairs.append(child)


@dataclass(slots=True, eq=False)
class Object:
    """An ``Obj``: types, a text form, members, and for enums and collections the thing itself.

    Attributes:
        attributes: ``RefId``, and ``N`` inside members.
        type_element: Its ``TN`` or ``TNRef``.
        text_element: Its ``ToString``.
        adapted, extended: Its ``Props`` and ``MS``.
        contents: Everything else: the number of an enum, the text of a wrapped string, a collection.
    """

    attributes: Mapping[str, str]
    type_element: TypeNames | TypeReference | None = None
    text_element: Primitive | None = None
    adapted: Members | None = None
    extended: Members | None = None
    contents: list[Node | Items | Entries] = field(default_factory=list)
    tag: str = "Obj"

    def add(self, child: Part) -> None:
        """Take a part of an object; each of the named parts once."""
        if isinstance(child, TypeNames | TypeReference):
            slot = "type_element"
        elif isinstance(child, Members):
            slot = "adapted" if child.tag == "Props" else "extended"
        elif child.tag == "ToString":
            slot = "text_element"
        elif child.tag in ("T", "En", "Objs"):
            raise Misplaced(child.tag, self.tag)
        else:
            self.contents.append(child)
            return
        if getattr(self, slot) is not None:
            raise Broken(f"an object has two {child.tag}")
        setattr(self, slot, child)

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
            if members is not None and name in members.by_name:
                return resolve(members.by_name[name])
        return None

    def names(self) -> Iterator[str]:
        """Give the name of every member, the type's own first."""
        for members in (self.adapted, self.extended):
            if members is not None:
                yield from members.by_name


Node = Primitive | Reference | Object
_NODES: Final = (Primitive, Reference, Object)  # isinstance is twice as quick on a tuple as on a union
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
