"""CLIXML as plain nodes, read with ElementTree alone.

The lab's own reader and writer might share a misreading; tests that compare the lab with real exports and
with hand-written files look through this one. Source: MS-PSRP 2.2.5.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element

from defusedxml.ElementTree import fromstring

COLLECTIONS = ("LST", "IE", "QUE", "STK", "DCT")
ADDED_BY_CLIENTS = frozenset({"PSComputerName", "RunspaceId", "PSShowComputerName"})
"""Note properties that a PowerShell client adds to what it receives: no server sends them [6.1-4]."""


@dataclass(frozen=True)
class Node:
    """One value.

    Attributes:
        tag: ``Obj``, or the tag of a primitive.
        text: Of a primitive its text; of an object what ToString gave, None without one.
        types: Type names, most derived first.
        wrapped: The primitive that an object wraps, such as an enum's number.
        collection: Tag of the collection that an object is, if it is one.
        items: The members of the collection.
        properties: Adapted properties, in order.
        notes: Note properties, in order, without those that clients add.
    """

    tag: str
    text: str | None = None
    types: tuple[str, ...] = ()
    wrapped: Node | None = None
    collection: str | None = None
    items: tuple[Node, ...] = ()
    properties: Mapping[str, Node] = field(default_factory=dict)
    notes: Mapping[str, Node] = field(default_factory=dict)


class Reader:
    """Reads values that share type names and references."""

    def __init__(self) -> None:
        self._types: dict[str, tuple[str, ...]] = {}
        self._objects: dict[str, Node] = {}

    def read(self, element: Element) -> Node:
        tag = _local(element)
        if tag == "Ref":
            return self._objects[element.attrib["RefId"]]
        if tag != "Obj":
            return Node(tag, element.text or "")
        types: tuple[str, ...] = ()
        text: str | None = None
        wrapped: Node | None = None
        collection: str | None = None
        items: tuple[Node, ...] = ()
        members: dict[str, dict[str, Node]] = {"Props": {}, "MS": {}}
        for child in element:
            kind = _local(child)
            if kind == "TN":
                types = self._types[child.attrib["RefId"]] = tuple(name.text or "" for name in child)
            elif kind == "TNRef":
                types = self._types[child.attrib["RefId"]]
            elif kind == "ToString":
                text = child.text or ""
            elif kind in members:
                members[kind] = {each.attrib["N"]: self.read(each) for each in child}
            elif kind in COLLECTIONS:
                collection = kind
                items = tuple(self.read(each) for each in _values(child))
            else:
                wrapped = self.read(child)
        notes = {name: value for name, value in members["MS"].items() if name not in ADDED_BY_CLIENTS}
        node = Node("Obj", text, types, wrapped, collection, items, members["Props"], notes)
        self._objects[element.attrib["RefId"]] = node
        return node


def nodes(data: bytes) -> Iterator[Node]:
    """The top-level values of a document."""
    root: Element = fromstring(data)
    reader = Reader()
    for element in root:
        yield reader.read(element)


def node(xml: str) -> Node:
    """One self-contained element, as a message carries it."""
    return Reader().read(fromstring(xml))


def _local(element: Element) -> str:
    return element.tag.rpartition("}")[2]


def _values(collection: Element) -> Iterator[Element]:
    """The items of a list; of a dictionary, keys and values in turn."""
    for child in collection:
        yield from child if _local(child) == "En" else (child,)
