"""Desired state on disk: one file, or all YAML files of a folder as one tree."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from reconciler.diagnostics import Diagnostic, SourceRange

from .tree import Entry, MappingNode, Parsed, given_twice, parse, plain

LARGEST: Final = 4 * 1024 * 1024
"""Bytes of one file."""
MOST_FILES: Final = 500
_LET_IN: Final = "let the account that runs this read it"

_BY_NAME: Final = ("issuers", "partners", "servers", "certificates", "send_connectors")
"""Sections whose entries have names: several files may each add some."""


def read_desired(path: Path) -> Parsed:
    """Read one file, or ``*.yaml`` and ``*.yml`` directly in a folder, merged.

    Each file may state the format's ``version``; any other key, and any name in a section, stands
    in one file only. Hidden files are left alone. Never raises.
    """
    try:
        if not path.is_dir():
            return read_file(path)
        files = sorted(
            file
            for file in path.iterdir()
            if file.suffix in (".yaml", ".yml") and not file.name.startswith(".")
        )
    except OSError as error:
        return _unreadable("Folder cannot be read", f'"{path}" cannot be listed: {error.strerror}.', _LET_IN)
    if not files:
        return _unreadable(
            "No desired state",
            f'The folder "{path}" has no *.yaml and no *.yml.',
            "name a file, or another folder",
        )
    if len(files) > MOST_FILES:
        return _unreadable(
            "Too many files", f'The folder "{path}" has {len(files)} YAML files.', f"use at most {MOST_FILES}"
        )
    return _merge([read_file(file) for file in files])


def read_file(path: Path) -> Parsed:
    """Read one YAML file whose root is a mapping. Never raises."""
    try:
        if not path.exists():
            return _unreadable("File not found", f'There is no "{path}".', "check the path")
        if not path.is_file():
            return _unreadable("Not a file", f'"{path}" is neither a file nor a folder.', "name a YAML file")
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except (OSError, ValueError) as error:  # ValueError: a path that holds a zero byte
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        return _unreadable("File cannot be read", f'"{path}" cannot be read: {reason}.', _LET_IN)
    if len(content) > LARGEST:
        return _unreadable(
            "File too large",
            f'"{path}" has more than {LARGEST // 1024**2} MB.',
            "name the YAML, or divide it among the files of a folder",
        )
    if content[:2] in (b"\xff\xfe", b"\xfe\xff") or content[:2].count(0) == 1:
        return Parsed(None, (_utf16(path),))
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return Parsed(None, (_not_utf8(path, content, error.start),))
    return _as_mapping(parse(text, str(path)), path)


def _not_utf8(path: Path, content: bytes, at: int) -> Diagnostic:
    before = content[:at]
    return Diagnostic(
        summary="Not UTF-8",
        detail=f"Byte {at + 1} of the file, 0x{content[at]:02x}, fits no UTF-8 text.",
        where=SourceRange(str(path), before.count(b"\n") + 1, at - before.rfind(b"\n")),
        hint="save the file as UTF-8",
    )


def _utf16(path: Path) -> Diagnostic:
    """With a byte order mark or without one: what begins with a letter has a zero beside it."""
    return Diagnostic(
        summary="Not UTF-8",
        detail="The file is UTF-16, which Windows PowerShell writes with > and Out-File.",
        where=SourceRange(str(path), 1, 1),
        hint="save the file as UTF-8: Set-Content -Encoding UTF8, or in Notepad under Save As",
    )


def _as_mapping(parsed: Parsed, path: Path) -> Parsed:
    root = parsed.root
    if isinstance(root, MappingNode) or parsed.diagnostics:
        return parsed if isinstance(root, MappingNode) else Parsed(None, parsed.diagnostics)
    where = SourceRange(str(path), 1, 1) if root is None else root.where
    hint = "begin with: version: 1"
    if root is None or getattr(root, "value", "") is None:
        told = Diagnostic(summary="Empty file", detail="The file says nothing.", where=where, hint=hint)
    else:
        detail = "The file holds a list or a single value, not keys."
        told = Diagnostic(summary="Not a mapping", detail=detail, where=where, hint=hint)
    return Parsed(None, (told,))


def _unreadable(summary: str, detail: str, hint: str) -> Parsed:
    return Parsed(None, (Diagnostic(summary=summary, detail=detail, hint=hint),))


def _merge(files: list[Parsed]) -> Parsed:
    diagnostics = [diagnostic for parsed in files for diagnostic in parsed.diagnostics]
    roots = [parsed.root for parsed in files if isinstance(parsed.root, MappingNode)]
    if not roots or len(roots) < len(files):  # what the unread file declares would be missed everywhere
        return Parsed(None, tuple(diagnostics))
    entries: dict[str, Entry] = {}
    for root in roots:
        for name, entry in root.entries.items():
            first = entries.get(name)
            if first is None:
                entries[name] = entry
            elif name == "version" and plain(first.node) == plain(entry.node):
                continue
            elif name in _BY_NAME and (section := _joined(first, entry, diagnostics)):
                entries[name] = section
            else:
                diagnostics.append(given_twice(name, entry.key, first.key))
    return Parsed(MappingNode(entries, roots[0].where), tuple(diagnostics))


def _joined(first: Entry, second: Entry, diagnostics: list[Diagnostic]) -> Entry | None:
    """Both sections as one; None when one of them has no names."""
    if not (isinstance(first.node, MappingNode) and isinstance(second.node, MappingNode)):
        return None
    names = dict(first.node.entries)
    for name, entry in second.node.entries.items():
        if name in names:
            diagnostics.append(given_twice(name, entry.key, names[name].key))
        else:
            names[name] = entry
    return Entry(first.key, MappingNode(names, first.node.where))


def in_order(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """By file, line and column, each once; what has no place comes first."""

    def place(diagnostic: Diagnostic) -> tuple[str, int, int]:
        where = diagnostic.where
        return ("", 0, 0) if where is None else (where.file, where.line, where.column)

    return tuple(sorted(dict.fromkeys(diagnostics), key=place))
