"""One document: parsed in C by the standard library, then walked once.

The parser sees nothing that could make it work without bounds: a document type is refused before (so no
entity exists to expand), bytes and elements are counted before. The walk refuses what CLIXML's grammar has no
place for, and is where depth is bounded; primitives, which are most of a document, it leaves to who asks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar
from xml.etree.ElementTree import Element, ParseError, XMLParser
from xml.parsers import expat

from reconciler.exchange.clixml.errors import Broken, Malformed, TooLarge
from reconciler.exchange.clixml.nodes import (
    PREFIX,
    Document,
    Entries,
    Items,
    Members,
    Node,
    Object,
    Part,
    Primitive,
    Reference,
    TypeNames,
    TypeReference,
    local_tag,
)
from reconciler.exchange.clixml.values import unescape


@dataclass(frozen=True, slots=True)
class Limits:
    """What a document may cost. Real answers stay far below: the corpus has 0.2 MB, 900 elements, depth 9."""

    bytes: int = 64 * 1024 * 1024
    elements: int = 1_000_000
    depth: int = 100


DEFAULT_LIMITS: Final = Limits()


def read(data: bytes | str, limits: Limits = DEFAULT_LIMITS) -> Document:
    """Read one document: ``<Objs>`` as Export-Clixml writes it, or one element as a PSRP message holds it.

    Args:
        data: Text, or bytes in UTF-8 or UTF-16, with or without byte order mark.
        limits: What it may cost.

    Raises:
        Malformed: not CLIXML, or a reference to what does not stand before it.
        TooLarge: it passes a limit.
    """
    text = _utf8(data, limits)
    root = _parsed(text, limits)
    try:
        return _Walk(limits.depth).document(root)
    except Broken as error:
        raise Malformed(error.reason, *_position(text, root, error.element)) from error


def _utf8(data: bytes | str, limits: Limits) -> bytes:
    """Bring a document into UTF-8, whatever encoding it claims: the parser is told to believe only us."""
    if len(data) > limits.bytes:
        raise TooLarge("bytes", limits.bytes)
    try:
        if isinstance(data, str):
            return data.removeprefix("\ufeff").encode()
        if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
            return data.decode("utf-16").encode()
        if data[:2] in (b"<\0", b"\0<"):
            return data.decode("utf-16-le" if data[1] == 0 else "utf-16-be").encode()
    except UnicodeError as error:
        raise Malformed("text is not valid Unicode") from error
    return data.removeprefix(b"\xef\xbb\xbf")


def _parsed(data: bytes, limits: Limits) -> Element:
    """Parse what is in UTF-8, and small enough."""
    if (at := data.find(b"\0")) >= 0:  # UTF-16 that hides from what follows; the parser would guess it
        raise Malformed("a NUL byte is not allowed", data.count(b"\n", 0, at) + 1)
    if (at := data.find(b"<!DOCTYPE")) >= 0:
        raise Malformed("a document type is not allowed", data.count(b"\n", 0, at) + 1)
    # The shortest element is <a/>. What is counted has comments in it, too, which no PowerShell writes.
    if len(data) // 4 > limits.elements and data.count(b"<") - data.count(b"</") > limits.elements:
        raise TooLarge("elements", limits.elements)
    parser = XMLParser(encoding="utf-8")  # noqa: S314 - UTF-8 without a document type: no entity
    try:
        parser.feed(data)
        root: Element = parser.close()
    except ParseError as error:
        raise Malformed(expat.ErrorString(error.code) or error.msg, *error.position) from error
    return root


def _position(data: bytes, root: Element, broken: Element) -> tuple[int, int]:
    """Line and column where an element begins: the parser does not keep them, so it is counted again."""
    place = next(at for at, element in enumerate(root.iter()) if element is broken)
    positions: list[tuple[int, int]] = []
    parser = expat.ParserCreate("utf-8")
    parser.StartElementHandler = lambda *_: positions.append(
        (parser.CurrentLineNumber, parser.CurrentColumnNumber)
    )
    parser.Parse(data, True)
    return positions[place]


class _Walk:
    """One walk through one document, in its order: a reference leads to what stands before it."""

    def __init__(self, depth: int) -> None:
        self.deepest = depth
        self.objects: dict[str, Object] = {}
        self.type_names: dict[str, TypeNames] = {}

    def document(self, root: Element) -> Document:
        if root.tag.startswith("{") and not root.tag.startswith(PREFIX):
            raise Broken(f"in the namespace {root.tag[1:].partition('}')[0]!r}", root)
        for element in root.iter():
            if element.tail and not element.tail.isspace():
                raise Broken("text between elements", element)
        part = self.part(root, 1)
        if isinstance(part, Items) and part.tag == "Objs":
            return Document(part, part.nodes)
        if isinstance(part, _NODES):
            return Document(None, [part])
        raise Broken(f"the document is a bare {part.tag}", root)

    def part(self, element: Element, depth: int) -> Part:
        """Make the node of an element, and of everything in it.

        Args:
            depth: Of the element; the root's is 1.
        """
        make = _MAKERS.get(element.tag)
        if make is None:
            # A tag that is in no list yet is kept as a leaf; with children it is refused.
            if len(element):
                raise _misplaced(element[0], element)
            return Primitive(element)
        if element.text and not element.text.isspace():
            raise Broken("text between elements", element)
        if depth >= self.deepest and len(element):
            raise TooLarge("depth", self.deepest)
        return make(self, element, depth + 1)

    def node(self, element: Element, parent: Element, depth: int) -> Node:
        """Make the node of what may stand as a value."""
        part = self.part(element, depth)
        if not isinstance(part, _NODES):
            raise _misplaced(element, parent)
        return part

    def make_object(self, element: Element, inside: int) -> Object:
        made = Object(element)
        _register(self.objects, made, element)  # before its members: they may refer back to it
        for child in element:
            part = self.part(child, inside)
            slot = _SLOTS.get(child.tag)
            if slot is None:
                made.contents.append(part)
            elif not slot:
                raise _misplaced(child, element)
            elif getattr(made, slot) is not None:
                raise Broken(f"an object has two {part.tag}", child)
            else:
                setattr(made, slot, part)
        return made

    def make_members(self, element: Element, inside: int) -> Members:
        found: dict[str, Node | Element] = {}
        for child in element:
            name = child.get("N")
            if name is None:
                raise Broken(f"{local_tag(child)} in {local_tag(element)} has no name", child)
            if "_" in name:
                name = unescape(name)
            if name in found:
                raise Broken(f"{local_tag(element)} has two members {name!r}", child)
            is_primitive = child.tag not in _MAKERS and not len(child)
            found[name] = child if is_primitive else self.node(child, element, inside)
        return Members(element, found)

    def make_items(self, element: Element, inside: int) -> Items:
        return Items(element, [self.node(child, element, inside) for child in element])

    def make_entries(self, element: Element, inside: int) -> Entries:
        pairs = []
        for child in element:
            pair = self.part(child, inside)
            if not isinstance(pair, Items) or pair.tag != "En":
                raise _misplaced(child, element)
            pairs.append(pair)
        return Entries(element, pairs)

    def make_type_names(self, element: Element, inside: int) -> TypeNames:
        made = TypeNames(element, [])
        _register(self.type_names, made, element)
        for child in element:
            name = self.part(child, inside)
            if not isinstance(name, Primitive) or name.tag != "T":
                raise _misplaced(child, element)
            made.elements.append(name)
        return made

    def make_reference(self, element: Element, inside: int) -> Reference:
        return Reference(element, _target(self.objects, element))

    def make_type_reference(self, element: Element, inside: int) -> TypeReference:
        return TypeReference(element, _target(self.type_names, element))


_Made = TypeVar("_Made", Object, TypeNames)


def _register(known: dict[str, _Made], made: _Made, element: Element) -> None:
    ref_id = element.get("RefId")
    if ref_id is None:
        return
    if ref_id in known:
        raise Broken(f"two {local_tag(element)} with RefId {ref_id!r}", element)
    known[ref_id] = made


def _target(known: dict[str, _Made], element: Element) -> _Made:
    if len(element):
        raise _misplaced(element[0], element)
    target = known.get(element.get("RefId", ""))
    if target is None:
        raise Broken(f"{local_tag(element)} to unknown RefId {element.get('RefId')!r}", element)
    return target


def _misplaced(element: Element, parent: Element) -> Broken:
    return Broken(f"{local_tag(element)} inside {local_tag(parent)}", element)


_V = TypeVar("_V")


def _by_tag(values: Mapping[str, _V]) -> Mapping[str, _V]:
    """The same for tags with CLIXML's namespace, as in files, and without, as on the wire."""
    return {**values, **{PREFIX + tag: value for tag, value in values.items()}}


_NODES: Final = (Primitive, Reference, Object)
_MAKERS: Final[Mapping[str, Callable[[_Walk, Element, int], Part]]] = _by_tag(
    {
        "Obj": _Walk.make_object,
        "Ref": _Walk.make_reference,
        "TN": _Walk.make_type_names,
        "TNRef": _Walk.make_type_reference,
        "DCT": _Walk.make_entries,
        **dict.fromkeys(("Props", "MS"), _Walk.make_members),
        **dict.fromkeys(("LST", "IE", "STK", "QUE", "En", "Objs"), _Walk.make_items),
    }
)
_SLOTS: Final[Mapping[str, str]] = _by_tag(
    {
        **dict.fromkeys(("TN", "TNRef"), "type_element"),
        "ToString": "text_element",
        "Props": "adapted",
        "MS": "extended",
        **dict.fromkeys(("T", "En", "Objs"), ""),
    }
)
"""Where an object keeps its parts; "" for what it cannot have, and the rest are its contents."""
