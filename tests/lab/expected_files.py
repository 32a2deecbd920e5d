"""Reads what was written by hand in tests/lab/expected; its README tells the notation."""

from __future__ import annotations

import re
from pathlib import Path

FOLDER = Path(__file__).parent / "expected"


def hex_bytes(name: str, **filled: bytes) -> bytes:
    """The bytes of a ``.hex`` file, with the values of its names in braces."""
    return b"".join(paragraphs(name, **filled))


def paragraphs(name: str, **filled: bytes) -> list[bytes]:
    """The same, one item for each paragraph."""
    blocks = re.split(r"\n\s*\n", (FOLDER / name).read_text(encoding="utf-8"))
    found = [b"".join(_field(line, filled) for line in block.splitlines()) for block in blocks]
    return [block for block in found if block]


def clixml(name: str, **filled: str) -> str:
    """A CLIXML file as it is on the wire: no white space between elements."""
    text = re.sub(r">\s*\n\s*<", "><", (FOLDER / name).read_text(encoding="utf-8").strip())
    return _replaced(text, filled)


def soap(name: str, **filled: str) -> str:
    """A SOAP file, its values filled in."""
    return _replaced((FOLDER / name).read_text(encoding="utf-8"), filled)


def _replaced(text: str, filled: dict[str, str]) -> str:
    for name, value in filled.items():
        text = text.replace("{" + name.replace("_", " ") + "}", value)
    return text


def _field(line: str, filled: dict[str, bytes]) -> bytes:
    """Hex digits, quoted text and names in braces, up to a comment."""
    data = b""
    for quoted, name, digits in re.findall(r'"((?:[^"\\]|\\.)*)"|\{([^}]+)\}|([0-9A-F]+)|#.*', line):
        if quoted:
            data += re.sub(r"\\(.)", r"\1", quoted).encode("ascii")
        elif name:
            data += filled[name.replace(" ", "_")]
        elif digits:
            data += bytes.fromhex(digits)
    return data
