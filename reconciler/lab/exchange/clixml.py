"""CLIXML: the tree of one serialized PowerShell object, and how it is written.

A tree is immutable, so objects may share nodes; a node met twice while writing becomes a
``Ref``, as PowerShell does it. :mod:`reconciler.lab.exchange.clixml_reader` reads.

Source: MS-PSRP 2.2.5 (serialization), and Export-Clixml files of real Exchange servers.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, field, replace
from xml.sax.saxutils import escape

ESCAPED_TAGS = frozenset({"S", "C", "URI", "XD", "SBK"})
"""Primitive elements whose text is escaped as ``_xHHHH_``; the others hold numbers or base64."""

PRIMITIVE_TAGS = ESCAPED_TAGS | {
    "B", "By", "SB", "U16", "I16", "U32", "I32", "U64", "I64", "Sg", "Db", "D",
    "DT", "TS", "G", "BA", "Version", "SS", "Nil",
}  # fmt: skip
COLLECTION_TAGS = frozenset({"LST", "IE", "QUE", "STK", "DCT"})


@dataclass(frozen=True, slots=True)
class Scalar:
    """A primitive value.

    Attributes:
        tag: Element name, such as ``S`` or ``I32``; ``Nil`` for null.
        text: The value as text, unescaped; empty for ``Nil``.
    """

    tag: str
    text: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Collection:
    """The items of a list, enumerable, queue or stack (``LST IE QUE STK``)."""

    tag: str
    items: tuple[Value, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Dictionary:
    """The entries of a dictionary (``DCT``), in order."""

    entries: tuple[tuple[Value, Value], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Obj:
    """An object.

    Attributes:
        types: Type names, most derived first; None when the element names no type.
        text: What ToString() gave; None when there is no such element.
        body: The wrapped primitive (an enum's number, for one), or the items of a collection.
        properties: Adapted properties (``Props``) in order; None when the element is absent.
        notes: Extended properties (``MS``) in order; None when the element is absent.
    """

    types: tuple[str, ...] | None = None
    text: str | None = None
    body: Scalar | Collection | Dictionary | None = None
    properties: Mapping[str, Value] | None = None
    notes: Mapping[str, Value] | None = None

    def with_properties(self, changed: Mapping[str, Value]) -> Obj:
        """Give a copy with these properties set; known ones keep their place, new ones come last."""
        return replace(self, properties={**(self.properties or {}), **changed})

    def without_properties(self, names: Set[str]) -> Obj:
        """Give a copy that lacks the properties named; the object itself when it has none of them."""
        if self.properties is None or self.properties.keys().isdisjoint(names):
            return self
        return replace(self, properties={n: v for n, v in self.properties.items() if n not in names})

    def without_notes(self, names: frozenset[str]) -> Obj:
        """Give a copy that lacks the note properties named."""
        if self.notes is None or not names & self.notes.keys():
            return self
        return replace(self, notes={n: v for n, v in self.notes.items() if n not in names} or None)


Value = Scalar | Obj

NIL = Scalar("Nil")


def string(text: str) -> Scalar:
    return Scalar("S", text)


def boolean(value: bool) -> Scalar:
    return Scalar("B", "true" if value else "false")


def int32(value: int) -> Scalar:
    return Scalar("I32", str(value))


def list_of(types: tuple[str, ...], items: tuple[Value, ...]) -> Obj:
    return Obj(types=types, body=Collection("LST", items))


# --- reading values back out of a tree ---------------------------------------------------------


def text_of(value: Value | None) -> str | None:
    """The text a person sees for a value: ToString, else the wrapped primitive; None for null."""
    if value is None:
        return None
    if isinstance(value, Scalar):
        return None if value.tag == "Nil" else value.text
    if value.text is not None:
        return value.text
    return value.body.text if isinstance(value.body, Scalar) else None


def texts_of(value: Value | None) -> tuple[str, ...]:
    """The texts of a list's items; of any other value, its own text; empty for null."""
    if isinstance(value, Obj) and isinstance(value.body, Collection):
        return tuple(text for item in value.body.items if (text := text_of(item)) is not None)
    text = text_of(value)
    return () if text is None else (text,)


def is_true(value: Value | None) -> bool:
    """Tell whether a Boolean property is true; absent and null are false."""
    return (text_of(value) or "").lower() == "true"


def number_of(value: Value | None) -> int | None:
    """The number of an integer or of an enum."""
    if isinstance(value, Obj) and isinstance(value.body, Scalar):
        return int(value.body.text)
    text = text_of(value)
    return None if text is None else int(text)


# --- escaping ----------------------------------------------------------------------------------

# Control characters, surrogates (also those of characters beyond U+FFFF), the two non-characters
# that XML forbids, and an underscore that would begin an escape (MS-PSRP 2.2.5.3.2).
_MUST_ESCAPE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff\U00010000-\U0010ffff]|_(?=[xX])")
_ESCAPE = re.compile(r"_[xX]([0-9A-Fa-f]{4})_")
_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")


def encode_text(text: str) -> str:
    """Escape what XML cannot carry: ``\\r`` becomes ``_x000D_``, UTF-16 unit by unit."""
    if text.isascii() and text.isprintable() and "_x" not in text and "_X" not in text:
        return text
    return _MUST_ESCAPE.sub(_escape_units, text)


def decode_text(text: str) -> str:
    """Undo :func:`encode_text`."""
    if "_x" not in text and "_X" not in text:
        return text
    units = _ESCAPE.sub(lambda m: chr(int(m.group(1), 16)), text)
    return _PAIR.sub(lambda m: m.group().encode("utf-16-le", "surrogatepass").decode("utf-16-le"), units)


def _escape_units(match: re.Match[str]) -> str:
    units = match.group().encode("utf-16-le", "surrogatepass")
    return "".join(f"_x{int.from_bytes(units[i : i + 2], 'little'):04X}_" for i in range(0, len(units), 2))


# --- writing -----------------------------------------------------------------------------------


def write(value: Value) -> str:
    """Write one value as a self-contained element.

    RefIds of objects and of type chains each count from 0 within this element; an object or a
    type chain met again is written as ``Ref`` or ``TNRef``.
    """
    writer = _Writer()
    writer.value(value, None)
    return "".join(writer.parts)


@dataclass(slots=True)
class _Writer:
    parts: list[str] = field(default_factory=list)
    objects: dict[int, int] = field(default_factory=dict)
    chains: dict[tuple[str, ...], int] = field(default_factory=dict)

    def value(self, value: Value, name: str | None) -> None:
        named = "" if name is None else f' N="{_attribute(name)}"'
        if isinstance(value, Scalar):
            self.scalar(value, named)
        elif (known := self.objects.get(id(value))) is not None:
            self.parts.append(f'<Ref{named} RefId="{known}" />')
        else:
            number = self.objects[id(value)] = len(self.objects)
            self.parts.append(f'<Obj{named} RefId="{number}">')
            self.object(value)
            self.parts.append("</Obj>")

    def scalar(self, value: Scalar, named: str) -> None:
        if value.tag == "Nil":
            self.parts.append(f"<Nil{named} />")
        else:
            text = escape(encode_text(value.text)) if value.tag in ESCAPED_TAGS else escape(value.text)
            self.parts.append(f"<{value.tag}{named}>{text}</{value.tag}>")

    def object(self, value: Obj) -> None:
        if value.types is not None:
            self.type_names(value.types)
        if value.text is not None:
            self.parts.append(f"<ToString>{escape(encode_text(value.text))}</ToString>")
        match value.body:
            case Scalar():
                self.scalar(value.body, "")
            case Collection(tag, items) if items:
                self.parts.append(f"<{tag}>")
                for item in items:
                    self.value(item, None)
                self.parts.append(f"</{tag}>")
            case Collection(tag):
                self.parts.append(f"<{tag} />")
            case Dictionary(()):
                self.parts.append("<DCT />")
            case Dictionary(entries):
                self.parts.append("<DCT>")
                for key, entry in entries:
                    self.parts.append("<En>")
                    self.value(key, "Key")
                    self.value(entry, "Value")
                    self.parts.append("</En>")
                self.parts.append("</DCT>")
        for tag, members in (("Props", value.properties), ("MS", value.notes)):
            if members is not None:
                self.parts.append(f"<{tag}>")
                for name, member in members.items():
                    self.value(member, name)
                self.parts.append(f"</{tag}>")

    def type_names(self, types: tuple[str, ...]) -> None:
        known = self.chains.get(types)
        if known is not None:
            self.parts.append(f'<TNRef RefId="{known}" />')
            return
        number = self.chains[types] = len(self.chains)
        names = "".join(f"<T>{escape(encode_text(name))}</T>" for name in types)
        self.parts.append(f'<TN RefId="{number}">{names}</TN>')


def _attribute(name: str) -> str:
    return escape(encode_text(name), {'"': "&quot;"})


# --- the form of a session that did not ask for Full -------------------------------------------


def plain(top: Obj) -> Obj:
    """The same object as a session with PowerShell's default depth of 1 shows it.

    Properties that are not primitive become the string that ToString() gives, the items of lists
    likewise, and nobody adds SerializationData [6.1-3], [6.1-5].
    """
    properties = top.properties and {n: _flattened(v) for n, v in top.properties.items()}
    bare = replace(top, properties=properties)
    return bare.without_notes(SERIALIZATION)


SERIALIZATION = frozenset({"SerializationData"})


def with_blobs(top: Obj, change: Callable[[bytes], bytes] | None) -> Obj:
    """The same tree, with every SerializationData changed, or (None) taken away.

    Shared nodes stay shared.
    """
    done: dict[int, Obj] = {}

    def value(node: Value) -> Value:
        return node if isinstance(node, Scalar) else obj(node)

    def obj(node: Obj) -> Obj:
        if id(node) not in done:
            body = node.body
            if isinstance(body, Collection):
                body = Collection(body.tag, tuple(value(item) for item in body.items))
            elif isinstance(body, Dictionary):
                body = Dictionary(tuple((value(key), value(entry)) for key, entry in body.entries))
            properties = node.properties and {n: value(v) for n, v in node.properties.items()}
            copied = replace(node, body=body, properties=properties)
            done[id(node)] = _with_own_blob(copied, change)
        return done[id(node)]

    return obj(top)


def _with_own_blob(node: Obj, change: Callable[[bytes], bytes] | None) -> Obj:
    blob = (node.notes or {}).get("SerializationData")
    if not isinstance(blob, Scalar):
        return node
    if change is None:
        return node.without_notes(SERIALIZATION)
    changed = Scalar("BA", b64encode(change(b64decode(blob.text))).decode())
    return replace(node, notes={**(node.notes or {}), "SerializationData": changed})


def _flattened(value: Value) -> Value:
    if isinstance(value, Scalar):
        return value
    if isinstance(value.body, Collection):
        items = tuple(_flattened(item) for item in value.body.items)
        return replace(value, body=Collection(value.body.tag, items), properties=None, notes=None)
    return string(value.text) if value.text is not None else NIL
