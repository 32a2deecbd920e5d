"""Where a server is reached: hosts, ``host:port`` and URLs, checked so that they can be taken apart."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Annotated, Any, Final, TypeAlias
from urllib.parse import urlsplit

from state.errors import InvalidValue
from state.resources.attribute import Scalar

from .base import As

_A_HOST: Final = "a host name or an IP address"
_AN_ADDRESS: Final = "a host and a port from 1 to 65535, such as mail.contoso.com:25 or [2001:db8::25]:25"
_A_URL: Final = "a URL such as https://ex1.contoso.com/PowerShell/, without user and password"
_A_SAFE_URL: Final = "an https URL such as https://acme.example/directory, without user and password"
_A_SERVICE: Final = "a service and its host, such as HTTP/mail.contoso.com"
_HIGHEST_PORT: Final = 65535
_PORT: Final = re.compile(r"[0-9]{1,5}", re.ASCII)
_SERVICE_CLASS: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]*", re.ASCII)
_NO_NAME: Final = re.compile(r"[\s/:\[\]@?#\\%]")


def parse_host(text: str) -> str:
    """Check a host: a name that can be looked up, or an IP address without brackets.

    Raises:
        InvalidValue: it is none. What was given is not repeated: it may hold a password.
    """
    try:
        if ":" in text:
            ip_address(text)
        elif not text or _NO_NAME.search(text):
            raise ValueError
        else:
            text.encode("idna")  # as the look-up will: no label is empty or too long
    except ValueError:
        raise InvalidValue("", _A_HOST) from None
    return text


def parse_address(text: str) -> str:
    """Check ``host:port``; an IPv6 address stands in brackets.

    Raises:
        InvalidValue: it is none.
    """
    host, _, port = text.rpartition(":")
    if not _PORT.fullmatch(port) or not 1 <= int(port) <= _HIGHEST_PORT:
        raise InvalidValue("", _AN_ADDRESS)
    bracketed = host.startswith("[") and host.endswith("]")
    try:
        parse_host(host[1:-1] if bracketed else host)
    except InvalidValue:
        raise InvalidValue("", _AN_ADDRESS) from None
    if (":" in host) is not bracketed:
        raise InvalidValue("", _AN_ADDRESS)
    return text


def parse_url(text: str) -> str:
    """Check an http or https URL: a host, perhaps a port and a path, and nobody's password.

    Raises:
        InvalidValue: it is none.
    """
    try:
        if re.search(r"\s", text):
            raise ValueError
        url = urlsplit(text)
        is_port_right = url.port is None or 1 <= url.port <= _HIGHEST_PORT
        if url.scheme not in ("http", "https") or "@" in url.netloc or url.fragment or not is_port_right:
            raise ValueError
        parse_host(url.hostname or "")
    except (ValueError, InvalidValue):
        raise InvalidValue("", _A_URL) from None
    return text


def parse_safe_url(text: str) -> str:
    """Check an https URL, as ACME demands of all of its addresses (RFC 8555 6.1).

    Raises:
        InvalidValue: it is none, or not written in ASCII, as it is sent.
    """
    try:
        parse_url(text)
    except InvalidValue:
        raise InvalidValue("", _A_SAFE_URL) from None
    if urlsplit(text).scheme != "https" or not text.isascii():
        raise InvalidValue("", _A_SAFE_URL)
    return text


def host_and_port(address: str) -> tuple[str, int]:
    """Take apart what :func:`parse_address` accepted; the host without brackets."""
    host, _, port = address.rpartition(":")
    return host.removeprefix("[").removesuffix("]"), int(port)


def parse_service(text: str) -> str:
    """Check the name of a service: its class and its host, without a realm.

    Raises:
        InvalidValue: it is none.
    """
    kind, slash, host = text.partition("/")
    if not slash or not _SERVICE_CLASS.fullmatch(kind) or ":" in host:
        raise InvalidValue("", _A_SERVICE)
    try:
        parse_host(host)
    except InvalidValue:
        raise InvalidValue("", _A_SERVICE) from None
    return text


Host: TypeAlias = Annotated[Any, As(Scalar(_A_HOST, parse_host))]
HostAndPort: TypeAlias = Annotated[Any, As(Scalar(_AN_ADDRESS, parse_address))]
ServiceName: TypeAlias = Annotated[Any, As(Scalar(_A_SERVICE, parse_service))]
Url: TypeAlias = Annotated[Any, As(Scalar(_A_URL, parse_url))]
SafeUrl: TypeAlias = Annotated[Any, As(Scalar(_A_SAFE_URL, parse_safe_url))]

HOST_AND_PORT: Final = r"^(\[[0-9A-Fa-f:.]+\]|[^\s:\[\]]+):[0-9]{1,5}$"
"""As far as a pattern of JSON Schema tells."""
