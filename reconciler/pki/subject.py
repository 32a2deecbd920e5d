"""The text of a name, as a person writes it or as Exchange prints it, taken apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from reconciler.pki.names import BLANKS, KEYS, DistinguishedName, NameAttribute

_TYPES: Final = {key.upper(): type for type, key in KEYS.items()} | {
    "ST": "2.5.4.8",
    "EMAIL": "1.2.840.113549.1.9.1",
    "TITLE": "2.5.4.12",
    "GN": "2.5.4.42",
    "GIVENNAME": "2.5.4.42",
    "INITIALS": "2.5.4.43",
}
"""The keys that Windows' CertStrToName takes, in upper case."""

_LONGEST: Final = 8192


@dataclass(frozen=True, slots=True)
class SubjectProblem:
    """Why a text is no name.

    Attributes:
        at: Where, in characters from 0.
        reason: In a few words.
    """

    at: int
    reason: str

    def __str__(self) -> str:
        return f"{self.reason} at character {self.at + 1}"


def parse_subject(text: str) -> DistinguishedName | SubjectProblem:
    """Read ``C=US, O="Contoso, Ltd", CN=mail1.contoso.com``.

    The grammar is that of Windows' CertStrToName, which reads a cmdlet's SubjectName: ``,`` or ``;`` between
    parts, ``+`` inside one, keys in any case, quotes doubled inside quotes. Parts come out in the order of
    the text turned round, as if Exchange had printed it; declared names are written in either order, so only
    :meth:`DistinguishedName.lacks` may compare them.
    """
    if len(text) > _LONGEST:
        return SubjectProblem(_LONGEST, f"longer than {_LONGEST} characters")
    try:
        return _Parser(text).name()
    except _Stopped as stopped:
        return stopped.problem


class _Stopped(Exception):
    def __init__(self, problem: SubjectProblem) -> None:
        super().__init__()
        self.problem = problem


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def name(self) -> DistinguishedName:
        rdns: list[tuple[NameAttribute, ...]] = []
        attributes: list[NameAttribute] = []
        while True:
            attributes.append(NameAttribute(self.key(), self.value()))
            separator = self.text[self.at : self.at + 1]
            self.at += 1
            if separator != "+":
                rdns.append(tuple(attributes))
                attributes = []
            if not separator:
                return DistinguishedName(tuple(reversed(rdns)))

    def key(self) -> str:
        self.skip_blanks()
        start = self.at
        end = self.text.find("=", start)
        key = self.text[start : end if end >= 0 else len(self.text)].rstrip(BLANKS)
        if end < 0 or any(mark in key for mark in ',;+"'):
            # A comma in an unquoted value ends up here: what follows it has no key.
            raise _Stopped(SubjectProblem(start, "no KEY=value (a value with , ; + or = needs quotes)"))
        self.at = end + 1
        type = _TYPES.get(key.upper()) or _dotted(key)
        if type is None:
            raise _Stopped(SubjectProblem(start, f"{key!r} is no attribute of a name"))
        return type

    def value(self) -> str:
        self.skip_blanks()
        start = self.at
        if self.text.startswith('"', start):
            return self.quoted_value()
        while self.at < len(self.text) and self.text[self.at] not in ",;+":
            self.at += 1
        value = self.text[start : self.at].rstrip(BLANKS)
        if not value:
            raise _Stopped(SubjectProblem(start, "a value is missing"))
        if '"' in value or value.startswith("#"):
            raise _Stopped(SubjectProblem(start, 'a value with " or a leading # needs quotes'))
        return value

    def quoted_value(self) -> str:
        start = self.at
        parts = []
        while self.text.startswith('"', self.at):  # a doubled quote ends one part and begins the next
            end = self.text.find('"', self.at + 1)
            if end < 0:
                raise _Stopped(SubjectProblem(start, "a quote that is not closed"))
            parts.append(self.text[self.at + 1 : end])
            self.at = end + 1
        self.skip_blanks()
        if self.at < len(self.text) and self.text[self.at] not in ",;+":
            raise _Stopped(SubjectProblem(self.at, "text after a quoted value"))
        return '"'.join(parts)

    def skip_blanks(self) -> None:
        while self.at < len(self.text) and self.text[self.at] in BLANKS:
            self.at += 1


def _dotted(key: str) -> str | None:
    """The number in ``OID.2.5.4.15`` or ``2.5.4.15``."""
    number = key[4:] if key.upper().startswith("OID.") else key
    arcs = number.split(".")
    plain = all(arc.isascii() and arc.isdigit() and len(arc) <= 39 for arc in arcs)
    return number if len(arcs) >= 2 and plain else None
