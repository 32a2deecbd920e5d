"""Exchange's value objects: read from a parameter's text, shown as CLIXML objects.

Each function that reads raises :class:`BadValue`; text forms are those of [6.5].
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable, Mapping
from decimal import ROUND_CEILING, Decimal, InvalidOperation

from reconciler.lab.exchange import blobs
from reconciler.lab.exchange.builds import Version
from reconciler.lab.exchange.clixml import NIL, Obj, Scalar, Value, boolean, int32, list_of, string
from reconciler.lab.exchange.x500 import BadName, CertificateName, common_name, pairs_of_text

DATA = "Microsoft.Exchange.Data."
OBJECT = "System.Object"
VALUE_TYPE = "System.ValueType"
ENUM_CHAIN = ("System.Enum", VALUE_TYPE, OBJECT)
BASE = f"{DATA}MultiValuedPropertyBase"


class BadValue(ValueError):
    """A text that the type does not accept; the message is what Exchange would say, about."""


def note(blob: bytes) -> dict[str, Value]:
    """The note property that a Full session adds to an object [6.1-3]."""
    return {"SerializationData": Scalar("BA", b64encode(blob).decode())}


def multi_valued(element: str, library: str, items: Iterable[Value]) -> Obj:
    """A MultiValuedProperty`1 of one element type."""
    return list_of((f"{DATA}MultiValuedProperty`1[[{element}, {library}]]", BASE, OBJECT), tuple(items))


def strings(items: Iterable[str]) -> Obj:
    return multi_valued("System.String", blobs.MSCORLIB, (string(item) for item in items))


def enum(name: str, text: str, number: int) -> Obj:
    return Obj(types=(name, *ENUM_CHAIN), text=text, body=int32(number))


def flags_text(bits: int, names: Mapping[str, int], none: str = "None") -> str:
    """Join the names of set bits, ascending; bits without a name make .NET print the number."""
    if bits == 0:
        return none
    known = sorted(names.items(), key=lambda pair: pair[1])
    text = ", ".join(name for name, bit in known if bit and bits & bit == bit)
    covered = 0
    for _, bit in known:
        if bits & bit == bit:
            covered |= bit
    return text if covered == bits else str(bits)


# --- time, counts, sizes ------------------------------------------------------------------------

_SPAN = re.compile(
    r"(?P<sign>-)?(?:(?P<days>\d+)\.)?(?P<h>\d{1,2}):(?P<m>\d{1,2})(?::(?P<s>\d{1,2})(?:\.(?P<f>\d{1,7}))?)?"
)
TICKS = 10_000_000


def ticks_of(text: str) -> int:
    """Read a time span ``[d.]hh:mm[:ss[.fffffff]]`` as ticks of 100 ns; a bare number is days."""
    if re.fullmatch(r"\d+", text):
        return int(text) * 86_400 * TICKS
    match = _SPAN.fullmatch(text)
    if match is None or int(match["h"]) > 23 or int(match["m"]) > 59 or int(match["s"] or 0) > 59:
        raise BadValue(f'"{text}" is not a valid time span.')
    seconds = int(match["days"] or 0) * 86_400 + int(match["h"]) * 3600 + int(match["m"]) * 60
    ticks = (seconds + int(match["s"] or 0)) * TICKS + int((match["f"] or "0").ljust(7, "0"))
    return -ticks if match["sign"] else ticks


def span_text(ticks: int) -> str:
    seconds, fraction = divmod(abs(ticks), TICKS)
    days, rest = divmod(seconds, 86_400)
    text = f"{rest // 3600:02}:{rest // 60 % 60:02}:{rest % 60:02}"
    return "-" * (ticks < 0) + (f"{days}." if days else "") + text + (f".{fraction:07}" if fraction else "")


def time_span(ticks: int) -> Obj:
    """EnhancedTimeSpan; totals are products with a reciprocal, as .NET computes them."""
    seconds, fraction = divmod(abs(ticks), TICKS)
    numbers: dict[str, Value] = {
        "Days": int32(seconds // 86_400),
        "Hours": int32(seconds // 3600 % 24),
        "Milliseconds": int32(fraction // 10_000),
        "Minutes": int32(seconds // 60 % 60),
        "Seconds": int32(seconds % 60),
        "Ticks": Scalar("I64", str(ticks)),
        "TotalDays": _double(ticks * (1 / (86_400 * TICKS))),
        "TotalHours": _double(ticks * (1 / (3600 * TICKS))),
        "TotalMilliseconds": _double(ticks * (1 / 10_000)),
        "TotalMinutes": _double(ticks * (1 / (60 * TICKS))),
        "TotalSeconds": _double(ticks * (1 / TICKS)),
        "Sign": int32((ticks > 0) - (ticks < 0)),
    }
    types = (f"{DATA}EnhancedTimeSpan", VALUE_TYPE, OBJECT)
    return Obj(types, span_text(ticks), None, numbers, note(blobs.time_span(ticks)))


def _double(value: float) -> Scalar:
    text = f"{value:.17g}"
    return Scalar("Db", re.sub(r"e([+-])0?(\d)$", r"E\g<1>0\2", text))


def unlimited_int(value: int | None) -> Obj:
    """Unlimited`1[Int32]; None is unlimited, and then there is no Value property."""
    types = (f"{DATA}Unlimited`1[[System.Int32, {blobs.MSCORLIB}]]", VALUE_TYPE, OBJECT)
    properties: dict[str, Value] = {"IsUnlimited": boolean(value is None)}
    if value is not None:
        properties["Value"] = int32(value)
    text = "Unlimited" if value is None else str(value)
    return Obj(types, text, None, properties, note(blobs.unlimited_int(value)))


_SIZE = re.compile(r"(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>B|KB|MB|GB|TB)?", re.IGNORECASE)
_EXACT = re.compile(r".*\((?P<bytes>[\d,]+) bytes\)", re.IGNORECASE)
_UNITS = {"B": 0, "KB": 10, "MB": 20, "GB": 30, "TB": 40}


def bytes_of(text: str) -> int:
    """Read a size: ``36 MB``, ``36MB``, ``1048576``, or the form that Exchange prints."""
    exact = _EXACT.fullmatch(text.strip())
    if exact:
        return int(exact["bytes"].replace(",", ""))
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise BadValue(f'"{text}" is not a valid size. Use a number with B, KB, MB, GB or TB.')
    try:
        size = Decimal(match["number"]) * (1 << _UNITS[(match["unit"] or "B").upper()])
    except InvalidOperation:
        raise BadValue(f'"{text}" is not a valid size.') from None
    return int(size.to_integral_value(ROUND_CEILING))


def rounded_to_kb(size: int) -> int:
    """Round up to the next kilobyte, as sizes without a full KB are stored [3-17]."""
    return -(-size // 1024) * 1024


def size_text(size: int) -> str:
    """``35 MB (36,700,160 bytes)``: the largest unit that the size reaches, four digits of it."""
    unit = max((name for name, shift in _UNITS.items() if size >> shift), key=_UNITS.__getitem__, default="B")
    quantity = f"{size / (1 << _UNITS[unit]):.4g}" if unit != "B" else str(size)
    return f"{quantity} {unit} ({size:,} bytes)"


def byte_size(size: int) -> Obj:
    text = size_text(size)
    types = (f"{DATA}ByteQuantifiedSize", VALUE_TYPE, OBJECT)
    return Obj(types, text, notes=note(blobs.byte_size(size, text)))


def unlimited_bytes(size: int | None) -> Obj:
    types = (f"{DATA}Unlimited`1[[{DATA}ByteQuantifiedSize, {blobs.DATA}]]", VALUE_TYPE, OBJECT)
    text = "Unlimited" if size is None else size_text(size)
    properties: dict[str, Value] = {"IsUnlimited": boolean(size is None)}
    if size is not None:
        properties["Value"] = string(text)
    return Obj(types, text, None, properties, note(blobs.unlimited_bytes(size)))


# --- names of hosts and domains -----------------------------------------------------------------

_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_DOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")


def checked_domain(text: str) -> str:
    """Check an SMTP domain or host name; its casing is kept."""
    if len(text) > 255 or not _DOMAIN.fullmatch(text):
        raise BadValue(f'"{text}" isn\'t a valid SMTP domain.')
    return text


def fqdn(text: str) -> Obj:
    domain = checked_domain(text)
    types = (f"{DATA}Fqdn", f"{DATA}SmtpDomain", OBJECT)
    return Obj(types, domain, None, {"Domain": string(domain)}, note(blobs.fqdn(domain)))


def _subdomains(text: str) -> tuple[str | None, bool]:
    """Split ``*.contoso.com`` into domain and whether subdomains are meant; None is the star."""
    if text == "*":
        return None, True
    is_wild = text.startswith("*.")
    return checked_domain(text[2:] if is_wild else text), is_wild


def domain_with_subdomains(text: str) -> Obj:
    """``contoso.com``, ``*.contoso.com`` or ``*``; ``*contoso.com`` is refused."""
    domain, is_wild = _subdomains(text)
    properties = {
        "Address": string(text),
        "IncludeSubDomains": boolean(is_wild),
        "Domain": string(domain or "*"),
        "SmtpDomain": NIL if domain is None else string(domain),
        "IsStar": boolean(domain is None),
    }
    types = (f"{DATA}SmtpDomainWithSubdomains", OBJECT)
    return Obj(types, text, None, properties, note(blobs.domain_with_subdomains(domain, is_wild)))


EDGE_SYNC_DOMAINS = "--"
"""EdgeSync's placeholder for all authoritative and internal relay domains [3-5]."""


def address_space(text: str) -> Obj:
    """Read ``[type:]address[;cost]`` [3-1]; the type's casing is kept [3-2]."""
    kind, colon, rest = text.partition(":")
    if not colon:
        kind, rest = "SMTP", text
    address, semicolon, cost_text = rest.rpartition(";")
    if not semicolon:
        address, cost_text = rest, "1"
    if not re.fullmatch(r"[0-9]{1,3}", cost_text) or not 1 <= int(cost_text) <= 100:
        raise BadValue(f'The cost of the address space "{text}" must be from 1 to 100.')
    if not kind or not address:
        raise BadValue(f'"{text}" isn\'t a valid address space.')
    is_smtp = kind.upper() == "SMTP"
    cost = int(cost_text)
    domain, is_wild = (None, False) if not is_smtp or address == EDGE_SYNC_DOMAINS else _subdomains(address)
    properties = {
        "Address": string(address),
        "Type": string(kind),
        "Cost": int32(cost),
        "IncludeSubDomains": boolean(is_wild),
        "Domain": string((domain or address) if is_smtp else ""),
        "IsSmtpType": boolean(is_smtp),
        "IsX400Type": boolean(kind.upper() == "X400"),
        "X400Address": NIL,
    }
    other = address if not is_smtp or address == EDGE_SYNC_DOMAINS else None
    blob = blobs.address_space(kind, other, domain, is_wild, cost)
    return Obj((f"{DATA}AddressSpace", OBJECT), f"{kind}:{address};{cost}", None, properties, note(blob))


def address_spaces(texts: Iterable[str]) -> Obj:
    return multi_valued(f"{DATA}AddressSpace", blobs.DATA, (address_space(text) for text in texts))


def certificate_name(text: str) -> Obj:
    """SmtpX509Identifier from ``<I>issuer<S>subject``; a thumbprint is refused [3-15]."""
    try:
        name = CertificateName.parse(text)
    except BadName:
        raise BadValue(
            f'"{text}" isn\'t a valid X.509 identifier. The format is "<I>X.500 issuer<S>X.500 subject".'
        ) from None
    cn = common_name(pairs_of_text(name.subject))
    domain, is_wild = None, False
    if cn is not None:
        try:
            domain, is_wild = _subdomains(cn)
        except BadValue:
            domain = None
    properties = {
        "CertificateSubject": string(name.subject),
        "CertificateIssuer": string(name.issuer),
        "SubjectCommonName": NIL if domain is None or cn is None else string(cn),
    }
    blob = blobs.x509_identifier(name.issuer, name.subject, domain, is_wild)
    return Obj((f"{DATA}SmtpX509Identifier", OBJECT), str(name), None, properties, note(blob))


def domain_capabilities(texts: Iterable[str]) -> Obj:
    """TlsDomainCapabilities: ``domain:Cap[,Cap]`` items [4-9]."""
    items: list[Value] = []
    for text in texts:
        domain, _, names = text.rpartition(":")
        capabilities = [name.strip() for name in names.split(",")]
        known = {
            "acceptcloudservicesmail": "AcceptCloudServicesMail",
            "acceptoorgprotocol": "AcceptOorgProtocol",
        }
        if not domain or any(name.lower() not in known for name in capabilities):
            raise BadValue(f'"{text}" isn\'t a valid domain with capabilities.')
        if domain.upper() != "NO-TLS":
            _subdomains(domain)
        shown = f"{domain}:{', '.join(known[name.lower()] for name in capabilities)}"
        items.append(
            Obj((f"{DATA}SmtpReceiveDomainCapabilities", OBJECT), shown, None, {"Domain": string(domain)})
        )
    return multi_valued(f"{DATA}SmtpReceiveDomainCapabilities", blobs.DATA, items)


# --- versions and paths -------------------------------------------------------------------------


def object_version(major: int, minor: int, build: Version) -> Obj:
    """ExchangeObjectVersion: the oldest version that can read the object, not the server's [6.5]."""
    build_text = ".".join(str(part) for part in build)
    properties: dict[str, Value] = {
        "NextMajorVersion": string(f"{major + 1}.0 (0.0.0.0)"),
        "NextMinorVersion": string(f"{major}.{minor + 1} (0.0.0.0)"),
        "Major": Scalar("By", str(major)),
        "Minor": Scalar("By", str(minor)),
        "ExchangeBuild": string(build_text),
    }
    types = (f"{DATA}ExchangeObjectVersion", OBJECT)
    text = f"{major}.{minor} ({build_text})"
    return Obj(types, text, None, properties, note(blobs.object_version(major, minor, build)))


def server_version(version: Version, text: str) -> Obj:
    names = ("Major", "Minor", "Build", "Revision")
    properties: dict[str, Value] = {n: int32(v) for n, v in zip(names, version, strict=True)}
    properties["FilePatchLevelDescription"] = NIL
    return Obj((f"{DATA}ServerVersion", OBJECT), text, None, properties, note(blobs.server_version(version)))


def local_path(path: str, assembly: str) -> Obj:
    properties: dict[str, Value] = {
        "PathName": string(path),
        "IsLocalFull": boolean(True),
        "IsUnc": boolean(False),
        "DriveName": string(path[:2]),
    }
    types = (f"{DATA}LocalLongFullPath", f"{DATA}LongPath", OBJECT)
    return Obj(types, path, None, properties, note(blobs.local_path(path, assembly)))
