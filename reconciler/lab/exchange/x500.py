"""X.500 names as .NET prints and reads them, and the ``<I>issuer<S>subject`` text.

X500DistinguishedName reads and prints a name back to front: ``CN=x, O=y, C=z`` is a name whose
first part in DER is the country [3-15]. Source: .NET's X500DistinguishedNameFlags.Reversed, which
is the default of both directions, and CertNameToStr for the quoting.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from cryptography import x509
from cryptography.x509.oid import NameOID

KEYS = {
    NameOID.COMMON_NAME: "CN",
    NameOID.COUNTRY_NAME: "C",
    NameOID.LOCALITY_NAME: "L",
    NameOID.STATE_OR_PROVINCE_NAME: "S",
    NameOID.STREET_ADDRESS: "STREET",
    NameOID.ORGANIZATION_NAME: "O",
    NameOID.ORGANIZATIONAL_UNIT_NAME: "OU",
    NameOID.TITLE: "T",
    NameOID.GIVEN_NAME: "G",
    NameOID.INITIALS: "I",
    NameOID.SURNAME: "SN",
    NameOID.DOMAIN_COMPONENT: "DC",
    NameOID.SERIAL_NUMBER: "SERIALNUMBER",
    NameOID.EMAIL_ADDRESS: "E",
    x509.ObjectIdentifier("2.5.4.13"): "Description",
    NameOID.POSTAL_CODE: "PostalCode",
    x509.ObjectIdentifier("2.5.4.18"): "POBox",
    x509.ObjectIdentifier("2.5.4.20"): "Phone",
}
OIDS = {key.upper(): oid for oid, key in KEYS.items()} | {"ST": NameOID.STATE_OR_PROVINCE_NAME}

_QUOTED = re.compile(r'[,+="\n<>#;]|^\s|\s$|^$')
_PART = re.compile(
    r"""\s*(?P<key>[A-Za-z][A-Za-z0-9.]*|[0-9.]+)\s*=\s*
        (?:"(?P<quoted>(?:[^"]|"")*)"|(?P<plain>[^,;+"]*))\s*(?P<end>[,;+]|$)""",
    re.VERBOSE,
)


class BadName(ValueError):
    """The text is no X.500 name."""


def text_of_name(name: x509.Name) -> str:
    """Print a name as X500DistinguishedName.Name does."""
    return ", ".join(" + ".join(_pair(pair) for pair in rdn) for rdn in reversed(list(name.rdns)))


Pairs = tuple[tuple[tuple[x509.ObjectIdentifier, str], ...], ...]
"""Relative names of (attribute, value) pairs, as printed: the last part of the DER first."""


def pairs_of_text(text: str) -> Pairs:
    """Take a printed name apart.

    Raises:
        BadName: unknown keys, missing ``=``, text that is left over.
    """
    rdns: list[tuple[tuple[x509.ObjectIdentifier, str], ...]] = []
    pairs: list[tuple[x509.ObjectIdentifier, str]] = []
    at = 0
    while True:
        match = _PART.match(text, at)
        if match is None:
            raise BadName(text)
        pairs.append(_attribute(match, text))
        at = match.end()
        if match["end"] != "+":
            rdns.append(tuple(pairs))
            pairs = []
        if not match["end"]:
            return tuple(rdns)


def name_of_text(text: str) -> x509.Name:
    """Read a name as ``new X500DistinguishedName(text)`` does.

    Raises:
        BadName: it is no name, or a value does not fit its attribute. Windows is more lenient with
            values: it takes ``C=Germany``.
    """
    try:
        return x509.Name(
            x509.RelativeDistinguishedName([x509.NameAttribute(oid, value) for oid, value in rdn])
            for rdn in reversed(pairs_of_text(text))
        )
    except ValueError:
        raise BadName(text) from None


def common_name(pairs: Pairs) -> str | None:
    """The CN that is printed first, or None."""
    return next((value for rdn in pairs for oid, value in rdn if oid == NameOID.COMMON_NAME), None)


def _pair(pair: x509.NameAttribute[str | bytes]) -> str:
    key = KEYS.get(pair.oid, f"OID.{pair.oid.dotted_string}")
    value = pair.value if isinstance(pair.value, str) else "#" + pair.value.hex().upper()
    if _QUOTED.search(value):
        doubled = value.replace('"', '""')
        value = f'"{doubled}"'
    return f"{key}={value}"


def _attribute(match: re.Match[str], text: str) -> tuple[x509.ObjectIdentifier, str]:
    key = match["key"].upper()
    oid = OIDS.get(key)
    if oid is None:
        try:
            oid = x509.ObjectIdentifier(key.removeprefix("OID."))
        except ValueError:
            raise BadName(text) from None
    quoted = match["quoted"]
    return oid, match["plain"].strip() if quoted is None else quoted.replace('""', '"')


@dataclass(frozen=True, slots=True)
class CertificateName:
    """SmtpX509Identifier: issuer and subject of a certificate, as text.

    Two of them name the same certificates when both parts are equal; tags are read in any casing,
    the parts are compared exactly [3-15].
    """

    issuer: str
    subject: str

    def __str__(self) -> str:
        return f"<I>{self.issuer}<S>{self.subject}"

    @classmethod
    def parse(cls, text: str) -> CertificateName:
        """Read ``<I>issuer<S>subject``.

        Raises:
            BadName: anything else, a thumbprint in particular.
        """
        match = re.fullmatch(r"<I>(.+?)<S>(.+)", text, re.IGNORECASE | re.DOTALL)
        if match is None:
            raise BadName(text)
        pairs_of_text(match[1])
        pairs_of_text(match[2])
        return cls(match[1], match[2])

    @classmethod
    def of(cls, certificate: x509.Certificate) -> CertificateName:
        return cls(text_of_name(certificate.issuer), text_of_name(certificate.subject))
