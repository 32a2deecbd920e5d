"""One pass of expat over one document.

The parser is expat itself, and not defusedxml's: it refuses a document type (so no entity exists to expand),
and counts bytes, elements and depth while it parses instead of afterwards.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NoReturn
from xml.parsers import expat

from reconciler.exchange.clixml.errors import Broken, Malformed, TooLarge
from reconciler.exchange.clixml.nodes import (
    Document,
    Entries,
    Items,
    Members,
    Object,
    Part,
    Primitive,
    Reference,
    TypeNames,
    TypeReference,
)

NAMESPACE: Final = "http://schemas.microsoft.com/powershell/2004/04"


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
    return _Reading(limits).run(_utf8(data, limits))


def _utf8(data: bytes | str, limits: Limits) -> bytes:
    """Bring a document into UTF-8, whatever encoding it claims: expat is told to believe only us."""
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


class _Reading:
    """One pass of expat over one document."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.elements = 0
        self.stack: list[Part] = []
        self.text: list[str] = []
        self.objects: dict[str, Object] = {}
        self.type_names: dict[str, TypeNames] = {}
        self.root: Part | None = None
        parser = expat.ParserCreate("utf-8")
        parser.buffer_text = True
        parser.buffer_size = 1 << 16  # few callbacks even for a certificate's bytes
        parser.StartElementHandler = self.start
        parser.EndElementHandler = self.end
        parser.CharacterDataHandler = self.text.append
        parser.StartDoctypeDeclHandler = self.refuse_doctype
        self.parser = parser

    def run(self, data: bytes) -> Document:
        """Parse ``data``, which is in UTF-8."""
        try:
            self.parser.Parse(data, True)
        except expat.ExpatError as error:
            raise Malformed(expat.ErrorString(error.code), error.lineno, error.offset) from error
        except Broken as error:
            at = self.parser.CurrentLineNumber, self.parser.CurrentColumnNumber
            raise Malformed(str(error), *at) from error
        finally:
            # Handlers are bound methods: without this, parser and reading keep each other alive.
            for handler in ("StartElement", "EndElement", "CharacterData", "StartDoctypeDecl"):
                setattr(self.parser, f"{handler}Handler", None)
        root = self.root
        if isinstance(root, Items) and root.tag == "Objs":
            return Document(root, root.nodes)
        if isinstance(root, Primitive | Reference | Object):
            return Document(None, [root])
        raise Malformed(f"the document is a bare {root.tag if root else 'nothing'}")

    def refuse_doctype(self, *_: object) -> NoReturn:
        raise Broken("a document type is not allowed")

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        stack = self.stack
        self.elements += 1
        if self.elements > self.limits.elements:
            raise TooLarge("elements", self.limits.elements)
        if len(stack) >= self.limits.depth:
            raise TooLarge("depth", self.limits.depth)
        if self.text:
            self.expect_blank()
        if not stack and attributes.get("xmlns", NAMESPACE) != NAMESPACE:
            raise Broken(f"namespace {attributes['xmlns']!r}")
        make = _MAKERS.get(tag)
        # A tag that is in no list yet is kept as a leaf; with children it is refused.
        stack.append(Primitive(tag, attributes) if make is None else make(self, tag, attributes))

    def end(self, _: str) -> None:
        part = self.stack.pop()
        if isinstance(part, Primitive):
            if self.text:
                part.raw = "".join(self.text)
                self.text.clear()
        elif self.text:
            self.expect_blank()
        if self.stack:
            self.stack[-1].add(part)
        else:
            self.root = part

    def expect_blank(self) -> None:
        """Throw away the white space between elements; text there would be lost."""
        if not "".join(self.text).isspace():
            raise Broken("text between elements")
        self.text.clear()

    def make_object(self, _: str, attributes: dict[str, str]) -> Object:
        made = Object(attributes)
        ref_id = attributes.get("RefId")
        if ref_id is not None:
            if ref_id in self.objects:
                raise Broken(f"two objects with RefId {ref_id!r}")
            self.objects[ref_id] = made  # known before its members: they may refer back to it
        return made

    def make_reference(self, _: str, attributes: dict[str, str]) -> Reference:
        target = self.objects.get(attributes.get("RefId", ""))
        if target is None:
            raise Broken(f"Ref to unknown object {attributes.get('RefId')!r}")
        return Reference(attributes, target)

    def make_type_names(self, _: str, attributes: dict[str, str]) -> TypeNames:
        made = TypeNames(attributes)
        ref_id = attributes.get("RefId")
        if ref_id is not None:
            if ref_id in self.type_names:
                raise Broken(f"two type lists with RefId {ref_id!r}")
            self.type_names[ref_id] = made
        return made

    def make_type_reference(self, _: str, attributes: dict[str, str]) -> TypeReference:
        target = self.type_names.get(attributes.get("RefId", ""))
        if target is None:
            raise Broken(f"TNRef to unknown types {attributes.get('RefId')!r}")
        return TypeReference(attributes, target)


_MAKERS: Final[dict[str, Callable[[_Reading, str, dict[str, str]], Part]]] = {
    "Obj": _Reading.make_object,
    "Ref": _Reading.make_reference,
    "TN": _Reading.make_type_names,
    "TNRef": _Reading.make_type_reference,
    "Props": lambda _, tag, attributes: Members(tag, attributes),
    "MS": lambda _, tag, attributes: Members(tag, attributes),
    "DCT": lambda _, tag, attributes: Entries(attributes),
    **dict.fromkeys(
        ("LST", "IE", "STK", "QUE", "En", "Objs"), lambda _, tag, attributes: Items(tag, attributes)
    ),
}
