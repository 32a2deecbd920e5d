"""Reading Export-Clixml files.

The references of one file count across its top-level objects, so a file is read as a whole and
the trees that come out share what they shared there.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from xml.etree.ElementTree import Element

import defusedxml.ElementTree
from defusedxml import DefusedXmlException

from reconciler.lab.exchange.clixml import (
    COLLECTION_TAGS,
    ESCAPED_TAGS,
    PRIMITIVE_TAGS,
    Collection,
    Dictionary,
    Obj,
    Scalar,
    Value,
    decode_text,
)

MAX_BYTES = 64 * 1024 * 1024
MAX_DEPTH = 48
"""Nesting of objects. PowerShell writes 2 to 5 levels; a person may ask Export-Clixml for more."""

NAMESPACE = "{http://schemas.microsoft.com/powershell/2004/04}"


@dataclass(frozen=True, slots=True)
class BadClixml(Exception):
    """The bytes are not CLIXML as PowerShell writes it."""

    reason: str

    def __str__(self) -> str:
        return self.reason


def read(data: bytes) -> tuple[Value, ...]:
    """Read every top-level value of a file.

    Args:
        data: UTF-8 (with or without byte order mark) or UTF-16 with byte order mark.

    Raises:
        BadClixml: too large, not XML, entities declared, unknown elements, dangling references.
    """
    if len(data) > MAX_BYTES:
        raise BadClixml(f"{len(data)} bytes; at most {MAX_BYTES} are read")
    try:
        root = defusedxml.ElementTree.fromstring(data, forbid_dtd=True)
    except DefusedXmlException as refused:
        raise BadClixml(f"declares a document type or entities: {type(refused).__name__}") from None
    except (SyntaxError, ValueError, LookupError) as error:
        raise BadClixml(f"not XML: {error}") from None
    if _tag(root) != "Objs":
        raise BadClixml(f"the root element is {_tag(root)}, not Objs")
    reader = _Reader()
    return tuple(reader.value(child, 1) for child in root)


def read_one(xml: str) -> Obj:
    """Read one object as :func:`~reconciler.lab.exchange.clixml.write` writes it.

    Raises:
        BadClixml: it is anything else.
    """
    values = read(f"<Objs>{xml}</Objs>".encode())
    if len(values) != 1 or not isinstance(values[0], Obj):
        raise BadClixml("not one object")
    return values[0]


@dataclass(slots=True)
class _Reader:
    objects: dict[str, Obj] = field(default_factory=dict)
    heights: dict[int, int] = field(default_factory=dict)
    """Levels below an object, by its identity: through references a flat file may nest without end."""
    chains: dict[str, tuple[str, ...]] = field(default_factory=dict)
    deepest: int = 0

    def value(self, element: Element, depth: int) -> Value:
        self.reaches(depth)
        tag = _tag(element)
        if tag in PRIMITIVE_TAGS:
            text = element.text or ""
            return Scalar(tag, decode_text(text) if tag in ESCAPED_TAGS else text.strip())
        if tag == "Ref":
            number = element.get("RefId", "")
            if number not in self.objects:
                raise BadClixml(f"Ref {number} refers to no earlier object")
            known = self.objects[number]
            self.reaches(depth + self.heights[id(known)])
            return known
        if tag == "Obj":
            return self.object(element, depth)
        raise BadClixml(f"unknown element {tag}")

    def reaches(self, depth: int) -> None:
        """Note how deep the object goes that is being read."""
        if depth > MAX_DEPTH:
            raise BadClixml(f"objects are nested more than {MAX_DEPTH} deep")
        self.deepest = max(self.deepest, depth)

    def object(self, element: Element, depth: int) -> Obj:
        around, self.deepest = self.deepest, depth
        types: tuple[str, ...] | None = None
        text: str | None = None
        body: Scalar | Collection | Dictionary | None = None
        members: dict[str, dict[str, Value]] = {}
        for child in element:
            tag = _tag(child)
            if tag in ("TN", "TNRef"):
                types = self.type_names(child, tag)
            elif tag == "ToString":
                text = decode_text(child.text or "")
            elif tag in ("Props", "MS"):
                members[tag] = self.members(child, depth)
            elif tag == "DCT":
                body = Dictionary(tuple(self.entry(entry, depth) for entry in child))
            elif tag in COLLECTION_TAGS:
                body = Collection(tag, tuple(self.value(item, depth + 1) for item in child))
            elif tag in PRIMITIVE_TAGS:
                wrapped = self.value(child, depth + 1)
                body = wrapped if isinstance(wrapped, Scalar) else None
            else:
                raise BadClixml(f"unknown element {tag} in an object")
        read = Obj(types, text, body, members.get("Props"), members.get("MS"))
        # PowerShell numbers an object before its parts but never refers to one from inside itself,
        # so it is enough to know it once it is whole.
        self.objects[element.get("RefId", "")] = read
        self.heights[id(read)] = self.deepest - depth
        self.deepest = max(around, self.deepest)
        return read

    def type_names(self, element: Element, tag: str) -> tuple[str, ...]:
        number = element.get("RefId", "")
        if tag == "TN":
            self.chains[number] = tuple(decode_text(name.text or "") for name in element)
        if number not in self.chains:
            raise BadClixml(f"TNRef {number} refers to no earlier type")
        return self.chains[number]

    def members(self, element: Element, depth: int) -> dict[str, Value]:
        read: dict[str, Value] = {}
        for child in element:
            name = child.get("N")
            if name is None:
                raise BadClixml(f"a {_tag(child)} among the properties has no name")
            read[decode_text(name)] = self.value(child, depth + 1)
        return read

    def entry(self, element: Element, depth: int) -> tuple[Value, Value]:
        parts = {child.get("N"): self.value(child, depth + 1) for child in element}
        if _tag(element) != "En" or parts.keys() != {"Key", "Value"}:
            raise BadClixml("a dictionary entry is not En with Key and Value")
        return parts["Key"], parts["Value"]


def _tag(element: Element) -> str:
    return str(element.tag).removeprefix(NAMESPACE)
