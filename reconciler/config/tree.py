"""YAML text as a tree in which every node knows where it stands.

Built from the parser's events, never from a constructor: no tag makes an object, aliases are
counted as if they were written out, and depth is bounded, so that a small file cannot become a
large tree. Scalars follow the core schema of YAML 1.2 (section 10.3.2), but for two things: of
numbers only whole ones in decimal digits are read, and what has a fraction, an exponent or another
base (``1.5``, ``0o14``, ``0x19``) stays text, as no key takes one; and a tag is an error.

A line that may hold a password is part of no position (:mod:`.secrecy`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, StreamMark, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    Event,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceStartEvent,
)

from reconciler.diagnostics import Diagnostic, SourceRange

from .secrecy import hidden_lines, shown_key

MOST_NODES: Final = 200_000
"""Aliases counted each time they are used: five hundred servers need a tenth of it."""
DEEPEST: Final = 32
_LONGEST_LINE_SHOWN: Final = 1000

Path: TypeAlias = Sequence[str | int]


@dataclass(frozen=True, slots=True)
class ScalarNode:
    value: str | int | bool | None
    where: SourceRange


@dataclass(frozen=True, slots=True)
class ListNode:
    items: Sequence[Node]
    where: SourceRange


@dataclass(frozen=True, slots=True)
class Entry:
    """One key with its value; ``key`` is where the key stands."""

    key: SourceRange
    node: Node


@dataclass(frozen=True, slots=True)
class MappingNode:
    entries: Mapping[str, Entry]
    where: SourceRange


Node: TypeAlias = ScalarNode | ListNode | MappingNode


@dataclass(frozen=True, slots=True)
class Parsed:
    """A tree, as far as the text could be read, and what is wrong with it.

    Attributes:
        root: None when nothing could be made of the text.
    """

    root: Node | None
    diagnostics: tuple[Diagnostic, ...]


def parse(text: str, file: str) -> Parsed:
    """Read one YAML document. Never raises.

    Args:
        text: The whole file.
        file: Its name, for positions.
    """
    return _Builder(text, file).build()


def plain(node: Node) -> Any:
    """The tree as dicts, lists and scalars, without positions."""
    match node:
        case ScalarNode():
            return node.value
        case ListNode():
            return [plain(item) for item in node.items]
        case MappingNode():
            return {key: plain(entry.node) for key, entry in node.entries.items()}


def key_at(root: Node, path: Path) -> SourceRange:
    """Where the last key of a path stands; for an item of a list, the item.

    What does not exist is looked for no further than its nearest parent that does.
    """
    return _walk(root, path)[0]


def value_at(root: Node, path: Path) -> SourceRange:
    """Where the value at a path begins, or the nearest parent of it that exists."""
    return _walk(root, path)[1].where


def node_at(root: Node, path: Path) -> Node | None:
    """The node at a path; None when there is none."""
    *_, node, complete = _walk(root, path)
    return node if complete else None


def _walk(root: Node, path: Path) -> tuple[SourceRange, Node, bool]:
    key, node = root.where, root
    for step in path:
        match node:
            case MappingNode() if isinstance(step, str) and step in node.entries:
                key, node = node.entries[step].key, node.entries[step].node
            case ListNode() if isinstance(step, int) and step < len(node.items):
                node = node.items[step]
                key = node.where
            case _:
                return key, node, False
    return key, node, True


@dataclass(slots=True)
class _Open:
    """A collection whose end has not been read."""

    is_mapping: bool
    where: SourceRange
    anchor: str | None
    items: list[Node] = field(default_factory=list)
    entries: dict[str, Entry] = field(default_factory=dict)
    key: tuple[str, SourceRange] | None = None
    """A key that waits for its value."""
    size: int = 1

    def closed(self) -> Node:
        return MappingNode(self.entries, self.where) if self.is_mapping else ListNode(self.items, self.where)


class _Unreadable(Exception):
    """Reading cannot go on; the reason is in the diagnostics."""


class _Builder:
    def __init__(self, text: str, file: str) -> None:
        self._text = text
        self._lines = text.splitlines()
        self._hidden = hidden_lines(self._lines)
        self._file = file
        self._diagnostics: list[Diagnostic] = []
        self._open: list[_Open] = []
        self._root: Node | None = None
        self._anchors: dict[str, tuple[Node, int]] = {}

    def build(self) -> Parsed:
        try:
            for event in self._events():
                self._take(event)
        except _Unreadable:
            self._root = None
        return Parsed(self._root, tuple(self._diagnostics))

    def _events(self) -> Iterator[Event]:
        try:
            yield from YAML(typ="safe", pure=True).parse(self._text)
        except MarkedYAMLError as error:
            self._not_yaml(_reason(error), self._at(error.problem_mark or error.context_mark))
        except (YAMLError, ValueError, OverflowError) as error:
            # ValueError and OverflowError: escapes and %YAML directives with numbers that do not exist.
            self._not_yaml(str(error).splitlines()[0] if str(error) else "it cannot be read", self._at(None))

    def _not_yaml(self, reason: str, where: SourceRange) -> None:
        line = self._line(where.line - 1)
        if "\t" in line[: len(line) - len(line.lstrip())]:
            hint = "indent with spaces; YAML takes no tabs"
        elif re.search(r"[\[:,-]\s*\*", line):
            hint = 'write "*" in quotes: a bare * names an anchor'
        else:
            hint = "look for a missing quote, colon, bracket or indent here and just above"
        self._stop("Not YAML", f"The file cannot be read as YAML: {reason}.", where, hint)

    def _stop(self, summary: str, detail: str, where: SourceRange, hint: str) -> None:
        self._diagnostics.append(Diagnostic(summary=summary, detail=detail, where=where, hint=hint))
        raise _Unreadable

    def _at(self, mark: StreamMark | None, end: StreamMark | None = None) -> SourceRange:
        line, column = (mark.line, mark.column) if mark is not None else (0, 0)
        text = self._line(line)
        length = end.column - column if end is not None and end.line == line else len(text) - column
        shown = text if len(text) <= _LONGEST_LINE_SHOWN and line not in self._hidden else ""
        return SourceRange(self._file, line + 1, column + 1, shown, max(length, 1))

    def _line(self, number: int) -> str:
        return self._lines[number] if number < len(self._lines) else ""

    def _name(self, text: str, where: SourceRange) -> str:
        """A text out of the file in quotes, where it cannot be a part of a password."""
        return "What stands here" if where.line - 1 in self._hidden else f'"{text}"'

    def _take(self, event: Event) -> None:
        match event:
            case DocumentStartEvent():
                if self._root is not None:
                    self._stop(
                        "Several documents in one file",
                        "A second document begins here.",
                        self._at(event.start_mark),
                        'take the "---" away, or put what follows into a file of its own',
                    )
            case ScalarEvent():
                where = self._begin(event)
                self._put(ScalarNode(self._scalar(event, where), where), 1, event.anchor, where)
            case SequenceStartEvent() | MappingStartEvent():
                where = self._begin(event)
                if len(self._open) >= DEEPEST:
                    self._stop(
                        "Nested too deeply",
                        f"Lists and keys stand more than {DEEPEST} levels inside each other.",
                        where,
                        "no key of this format needs more than ten levels",
                    )
                self._open.append(_Open(isinstance(event, MappingStartEvent), where, event.anchor))
            case CollectionEndEvent():
                done = self._open.pop()
                self._put(done.closed(), done.size, done.anchor, done.where)
            case AliasEvent():
                self._alias(event)

    def _scalar(self, event: ScalarEvent, where: SourceRange) -> str | int | bool | None:
        text = str(event.value)
        if event.style is None:  # neither quoted nor a block
            return _plain_scalar(text)
        if text.isprintable() or not any("\ud800" <= character <= "\udfff" for character in text):
            return text
        try:  # JSON writes what is beyond U+FFFF as two escapes
            return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le")
        except UnicodeDecodeError:
            self._diagnostics.append(
                Diagnostic(
                    summary="Not a character",
                    detail="An escape names half of a character.",
                    where=where,
                    hint="write the character itself",
                )
            )
            return text.encode("ascii", "replace").decode("ascii")

    def _begin(self, event: NodeEvent) -> SourceRange:
        where = self._at(event.start_mark, event.end_mark)
        if isinstance(event, (ScalarEvent, CollectionStartEvent)) and event.tag is not None:
            self._diagnostics.append(
                Diagnostic(
                    summary="Tags are not supported",
                    detail=f"{self._name(str(event.tag), where)} asks for a type of its own.",
                    where=where,
                    hint="take the tag away",
                )
            )
        return where

    def _alias(self, event: AliasEvent) -> None:
        where = self._at(event.start_mark, event.end_mark)
        if event.anchor in self._anchors:
            node, size = self._anchors[event.anchor]
            self._put(node, size, None, where)
            return
        self._stop(
            "Unknown anchor",
            f"{self._name(f'*{event.anchor}', where)} names an anchor that no finished value above it has.",
            where,
            'write "*" in quotes if no anchor is meant',
        )

    def _put(self, node: Node, size: int, anchor: str | None, where: SourceRange) -> None:
        if anchor is not None:
            self._anchors[anchor] = node, size
        parent = self._open[-1] if self._open else None
        if parent is None:
            self._root = node
            return
        parent.size += size
        if parent.size > MOST_NODES:
            self._stop(
                "YAML too large",
                f"With its aliases written out, the file has more than {MOST_NODES} values.",
                where,
                "use fewer aliases, or split the organization",
            )
        if not parent.is_mapping:
            parent.items.append(node)
        elif parent.key is None:
            parent.key = self._key(node, where)
        else:
            (name, key_where), parent.key = parent.key, None
            self._enter(parent, name, Entry(key_where, node))

    def _key(self, node: Node, where: SourceRange) -> tuple[str, SourceRange]:
        if isinstance(node, ScalarNode):
            return _key_text(node), where
        self._diagnostics.append(
            Diagnostic(
                summary="Key is not a text",
                detail="A list or a mapping stands where a key is expected.",
                where=where,
                hint='a value that begins with "{" or "[" needs quotes',
            )
        )
        return "", where

    def _enter(self, parent: _Open, name: str, entry: Entry) -> None:
        if first := parent.entries.get(name):
            self._diagnostics.append(given_twice(name, entry.key, first.key))
        else:
            parent.entries[name] = entry


def given_twice(name: str, where: SourceRange, first: SourceRange) -> Diagnostic:
    return Diagnostic(
        summary="Key given twice",
        detail=f'"{shown_key(name)}" stands here and at {first}.',
        where=where,
        hint="keep one of them",
    )


def _reason(error: MarkedYAMLError) -> str:
    parts = [part for part in (error.context, error.problem) if part]
    return ", ".join(parts) or "it is damaged"


_INT = re.compile(r"[-+]?[0-9]{1,18}")
_WORDS: Final[Mapping[str, bool | None]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


def _plain_scalar(text: str) -> str | int | bool | None:
    if text in _WORDS:
        return _WORDS[text]
    return int(text) if _INT.fullmatch(text) else text


def _key_text(node: ScalarNode) -> str:
    match node.value:
        case None:
            return ""
        case bool():
            return str(node.value).lower()
        case _:
            return str(node.value)
