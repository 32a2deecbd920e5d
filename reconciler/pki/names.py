"""X.500 names, and the text that Exchange prints for them.

Exchange shows what .NET's ``X500DistinguishedName.Name`` gives: Windows' ``CertNameToStr`` with
CERT_X500_NAME_STR and CERT_NAME_STR_REVERSE_FLAG. TlsCertificateName holds that text and is compared as
text [3-15], so it must be right to the character: most specific part first, ``, `` between parts, `` + ``
inside one, quotes where and only where Windows sets them, and Windows' own keys: ``S``, ``E``, and
``OID.2.5.4.15`` for what has none.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Final, Self

from reconciler.pki import der

COMMON_NAME: Final = "2.5.4.3"
COUNTRY: Final = "2.5.4.6"

KEYS: Final = {
    COMMON_NAME: "CN",
    "2.5.4.4": "SN",
    "2.5.4.5": "SERIALNUMBER",
    COUNTRY: "C",
    "2.5.4.7": "L",
    "2.5.4.8": "S",
    "2.5.4.9": "STREET",
    "2.5.4.10": "O",
    "2.5.4.11": "OU",
    "2.5.4.12": "T",
    "2.5.4.13": "Description",
    "2.5.4.17": "PostalCode",
    "2.5.4.18": "POBox",
    "2.5.4.20": "Phone",
    "2.5.4.24": "X21Address",
    "2.5.4.42": "G",
    "2.5.4.43": "I",
    "2.5.4.46": "dnQualifier",
    "0.9.2342.19200300.100.1.25": "DC",
    "1.2.840.113549.1.9.1": "E",
}
"""The keys that Windows prints; every other attribute is ``OID.`` and its number. Source: CertNameToStr,
ST_Publisher of the app manifest schema, and names of extended-validation certificates as .NET prints them."""

BLANKS: Final = " \t\n\v\f\r"
_QUOTED: Final = frozenset(',+="\n<>#;')


@dataclass(frozen=True, slots=True)
class NameAttribute:
    """One attribute of a name.

    Attributes:
        type: Object identifier, dotted.
        value: The text; for a value that is no string ``#`` and its bytes in hexadecimal.
        is_text: False for a value that is no string.
    """

    type: str
    value: str
    is_text: bool = True

    def __str__(self) -> str:
        key = KEYS.get(self.type) or f"OID.{self.type}"
        return f"{key}={self._quoted() if self.is_text else self.value}"

    def _quoted(self) -> str:
        value = self.value
        if value and value.strip(BLANKS) == value and _QUOTED.isdisjoint(value):
            return value
        return '"' + value.replace('"', '""') + '"'

    @property
    def folded(self) -> tuple[str, str]:
        """What X.520's caseIgnoreMatch compares: case and the number of blanks do not count."""
        return self.type, " ".join(self.value.split()).casefold()


@dataclass(frozen=True, slots=True)
class DistinguishedName:
    """An X.500 name.

    Attributes:
        rdns: Its relative names in the order of the encoding, most general first; each has one attribute,
            rarely more.
    """

    rdns: tuple[tuple[NameAttribute, ...], ...]

    def __str__(self) -> str:
        """As Exchange prints it."""
        return ", ".join(" + ".join(map(str, rdn)) for rdn in reversed(self.rdns))

    @property
    def attributes(self) -> tuple[NameAttribute, ...]:
        return tuple(attribute for rdn in self.rdns for attribute in rdn)

    @property
    def common_names(self) -> tuple[str, ...]:
        return tuple(attribute.value for attribute in self.attributes if attribute.type == COMMON_NAME)

    def lacks(self, other: DistinguishedName) -> tuple[NameAttribute, ...]:
        """The attributes of ``other`` that this name has not, or not as often; no order counts."""
        have = Counter(attribute.folded for attribute in self.attributes)
        missing = []
        for attribute in other.attributes:
            if have[attribute.folded]:
                have[attribute.folded] -= 1
            else:
                missing.append(attribute)
        return tuple(missing)

    @classmethod
    def from_element(cls, name: der.Element) -> Self:
        """Read a Name (RFC 5280 4.1.2.4).

        Raises:
            NotDer: it is none.
        """
        return cls(
            tuple(
                tuple(_attribute(attribute) for attribute in rdn.expect(der.SET).children())
                for rdn in name.expect(der.SEQUENCE).children()
            )
        )


def _attribute(element: der.Element) -> NameAttribute:
    parts = tuple(element.expect(der.SEQUENCE).children())
    if len(parts) != 2:
        raise der.NotDer("an attribute of a name has not two parts")
    type, value = der.object_identifier(parts[0]), parts[1]
    match value.tag:
        case 0x0C:  # UTF8String
            return NameAttribute(type, value.content.decode("utf-8", "replace"))
        case 0x12 | 0x13 | 0x15 | 0x16 | 0x1A:  # Numeric-, Printable-, Videotex-, IA5-, VisibleString
            return NameAttribute(type, value.content.decode("latin-1"))
        case 0x14:  # TeletexString: Windows takes it for UTF-8, and where it is not, for 8-bit characters
            return NameAttribute(type, _teletex(value.content))
        case 0x1E:  # BMPString
            return NameAttribute(type, value.content.decode("utf-16-be", "replace"))
        case 0x1C:  # UniversalString
            return NameAttribute(type, value.content.decode("utf-32-be", "replace"))
        case 0x04:  # OCTET STRING: its content alone
            return NameAttribute(type, "#" + value.content.hex().upper(), is_text=False)
        case _:
            return NameAttribute(type, "#" + value.encoded.hex().upper(), is_text=False)


def _teletex(content: bytes) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("latin-1")
