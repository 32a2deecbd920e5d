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


def name_of_text(text: str) -> x509.Name:
    """Read a name as ``new X500DistinguishedName(text)`` does.

    Raises:
        BadName: unknown keys, missing ``=``, a value that its attribute cannot hold.
    """
    rdns: list[x509.RelativeDistinguishedName] = []
    pairs: list[x509.NameAttribute[str | bytes]] = []
    at = 0
    while at < len(text) or not rdns:
        match = _PART.match(text, at)
        if match is None:
            raise BadName(text)
        pairs.append(_attribute(match, text))
        at = match.end()
        if match["end"] != "+":
            rdns.append(x509.RelativeDistinguishedName(pairs))
            pairs = []
        if not match["end"]:
            break
    if pairs:
        raise BadName(text)
    return x509.Name(reversed(rdns))


def common_name(name: x509.Name) -> str | None:
    """The first CN as printed, or None."""
    values = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(values[-1].value) if values else None


def _pair(pair: x509.NameAttribute[str | bytes]) -> str:
    key = KEYS.get(pair.oid, f"OID.{pair.oid.dotted_string}")
    value = pair.value if isinstance(pair.value, str) else "#" + pair.value.hex().upper()
    if _QUOTED.search(value):
        doubled = value.replace('"', '""')
        value = f'"{doubled}"'
    return f"{key}={value}"


def _attribute(match: re.Match[str], text: str) -> x509.NameAttribute[str | bytes]:
    key = match["key"].upper()
    oid = OIDS.get(key)
    try:
        if oid is None:
            oid = x509.ObjectIdentifier(key.removeprefix("OID."))
        quoted = match["quoted"]
        value = match["plain"].strip() if quoted is None else quoted.replace('""', '"')
        # A country that is not two letters is accepted by Windows ("C=Germany" is in the exports).
        return x509.NameAttribute(oid, value, _validate=False)
    except ValueError:
        raise BadName(text) from None


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
        name_of_text(match[1])
        name_of_text(match[2])
        return cls(match[1], match[2])

    @classmethod
    def of(cls, certificate: x509.Certificate) -> CertificateName:
        return cls(text_of_name(certificate.issuer), text_of_name(certificate.subject))
