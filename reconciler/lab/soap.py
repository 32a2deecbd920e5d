"""SOAP envelopes of WS-Management: requests parsed, responses and faults written. Pure.

Sources: DSP0226 (WS-Management), MS-WSMV 2.2 and 3.1.4.1. Element order and optional parts follow captures
of real WinRM (the recorded responses in pypsrp's test suite).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import Final
from uuid import UUID
from xml.etree.ElementTree import Element, ParseError
from xml.sax.saxutils import escape, quoteattr

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

SOAP: Final = "http://www.w3.org/2003/05/soap-envelope"
ADDRESSING: Final = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
WSMAN: Final = "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"
TRANSFER: Final = "http://schemas.xmlsoap.org/ws/2004/09/transfer"
SHELL: Final = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell"
POWERSHELL: Final = "http://schemas.microsoft.com/powershell"
FAULT: Final = "http://schemas.microsoft.com/wbem/wsman/1/wsmanfault"

ANONYMOUS: Final = "http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous"

MAX_ENVELOPE: Final = 512_000
"""Bytes; WinRM's default MaxEnvelopeSizekb is 500."""

_UNSPEAKABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""What XML 1.0 cannot hold."""

_DURATION = re.compile(r"P(?:(\d{1,5})D)?T?(?:(\d{1,6})H)?(?:(\d{1,7})M)?(?:(\d{1,9}(?:\.\d{1,9})?)S)?")


class Code(Enum):
    """WSManFault codes (wsmandisp.h of the Windows SDK; 995 is ERROR_OPERATION_ABORTED)."""

    ABORTED = 995
    PROVIDER_FAILURE = 0x80338003
    ACTION_NOT_SUPPORTED = 0x80338013
    TIMED_OUT = 0x80338029
    INVALID_PARAMETER = 0x8033803A
    INVALID_RESOURCE_URI = 0x8033803B
    INVALID_XML = 0x80338043
    ENVELOPE_LIMIT = 0x80338049
    UNEXPECTED_SELECTORS = 0x8033805B
    QUOTA_MAX_SHELLS = 0x803381A5
    QUOTA_MAX_OPERATIONS = 0x803381A6
    QUOTA_USER = 0x803381A7


_SUBCODE: Final[Mapping[Code, tuple[str, str]]] = {
    Code.ABORTED: ("s:Receiver", "w:InternalError"),
    Code.PROVIDER_FAILURE: ("s:Receiver", "w:InternalError"),
    Code.ACTION_NOT_SUPPORTED: ("s:Sender", "a:ActionNotSupported"),
    Code.TIMED_OUT: ("s:Receiver", "w:TimedOut"),
    Code.INVALID_PARAMETER: ("s:Sender", "w:InvalidParameter"),
    Code.INVALID_RESOURCE_URI: ("s:Sender", "w:InvalidResourceURI"),
    Code.INVALID_XML: ("s:Sender", "w:SchemaValidationError"),
    Code.ENVELOPE_LIMIT: ("s:Sender", "w:EncodingLimit"),
    Code.UNEXPECTED_SELECTORS: ("s:Sender", "w:InvalidSelectors"),
    Code.QUOTA_MAX_SHELLS: ("s:Receiver", "w:QuotaLimit"),
    Code.QUOTA_MAX_OPERATIONS: ("s:Receiver", "w:QuotaLimit"),
    Code.QUOTA_USER: ("s:Receiver", "w:QuotaLimit"),
}


class WSManFault(Exception):
    """A request that is answered with a SOAP fault.

    Attributes:
        code: The WSManFault code.
        reason: Its text; for people only.
        message_id: MessageID of the request, empty when it could not be read.
    """

    def __init__(self, code: Code, reason: str, message_id: str = "") -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason
        self.message_id = message_id


@dataclass(frozen=True, slots=True)
class Request:
    """One parsed request envelope.

    Attributes:
        action: WS-Addressing action URI.
        message_id: As sent, with its ``uuid:`` prefix.
        to: The address the client used.
        resource_uri: Which plugin: the session configuration, for PowerShell.
        selectors: Selector name to text; ``ShellId`` names a shell.
        operation_timeout: How long the client waits; 60 s when not given (MS-WSMV 3.1.4.1.15).
        max_envelope: Largest answer the client takes, in bytes.
        body: First element of the body, None when empty.
    """

    action: str
    message_id: str
    to: str
    resource_uri: str
    selectors: Mapping[str, str]
    operation_timeout: timedelta
    max_envelope: int
    body: Element | None


def parse_duration(text: str) -> timedelta:
    """Read an xs:duration of days and smaller.

    Raises:
        ValueError: it is not one, or holds years, months or a sign.
    """
    match = _DURATION.fullmatch(text.strip())
    if match is None or not any(match.groups()):
        raise ValueError(text)
    days, hours, minutes, seconds = (float(part or 0) for part in match.groups())
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)


def parse_request(data: bytes) -> Request:
    """Read one request envelope.

    Raises:
        WSManFault: too large, not XML, with a DTD or entities, or with headers that cannot be read.
    """
    if len(data) > MAX_ENVELOPE:
        raise WSManFault(
            Code.ENVELOPE_LIMIT, f"The envelope has {len(data)} bytes, the limit is {MAX_ENVELOPE}."
        )
    try:
        root = fromstring(data, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        # LookupError: an encoding that does not exist.
        raise WSManFault(Code.INVALID_XML, "The request is not valid XML.") from error
    header = root.find(f"{{{SOAP}}}Header")
    if header is None:
        raise WSManFault(Code.INVALID_XML, "The envelope has no header.")
    message_id = _text(header, f"{{{ADDRESSING}}}MessageID")
    body = root.find(f"{{{SOAP}}}Body")
    try:
        timeout = parse_duration(_text(header, f"{{{WSMAN}}}OperationTimeout") or "PT60S")
        max_envelope = int(_text(header, f"{{{WSMAN}}}MaxEnvelopeSize") or MAX_ENVELOPE)
    except ValueError as error:
        raise WSManFault(
            Code.INVALID_PARAMETER, f"A header holds a bad value: {error}.", message_id
        ) from error
    return Request(
        action=_text(header, f"{{{ADDRESSING}}}Action"),
        message_id=message_id,
        to=_text(header, f"{{{ADDRESSING}}}To"),
        resource_uri=_text(header, f"{{{WSMAN}}}ResourceURI"),
        selectors={
            selector.get("Name", ""): selector.text or ""
            for selector in header.iterfind(f"{{{WSMAN}}}SelectorSet/{{{WSMAN}}}Selector")
        },
        operation_timeout=timeout,
        max_envelope=min(max(max_envelope, 8192), MAX_ENVELOPE),
        body=body[0] if body is not None and len(body) else None,
    )


def response(action: str, relates_to: str, message_id: UUID, body: str) -> bytes:
    """Write a response envelope around ``body``, the XML of the body's children."""
    return _envelope(action + "Response", relates_to, message_id, body)


def fault(error: WSManFault, relates_to: str, message_id: UUID, machine: str) -> bytes:
    """Write a fault envelope as WinRM does: SOAP codes, and WSManFault in the detail."""
    code, subcode = _SUBCODE[error.code]
    reason = escape(_UNSPEAKABLE.sub("?", error.reason))
    body = (
        f"<s:Fault><s:Code><s:Value>{code}</s:Value><s:Subcode><s:Value>{subcode}</s:Value></s:Subcode></s:Code>"
        f'<s:Reason><s:Text xml:lang="en-US">{reason}</s:Text></s:Reason>'
        f'<s:Detail><f:WSManFault xmlns:f="{FAULT}" Code="{error.code.value}" Machine={quoteattr(machine)}>'
        f"<f:Message>{reason}</f:Message></f:WSManFault></s:Detail></s:Fault>"
    )
    action = "http://schemas.dmtf.org/wbem/wsman/1/wsman/fault"
    return _envelope(action, relates_to, message_id, body)


def _envelope(action: str, relates_to: str, message_id: UUID, body: str) -> bytes:
    relates = f"<a:RelatesTo>{escape(relates_to)}</a:RelatesTo>" if relates_to else ""
    return (
        f'<s:Envelope xml:lang="en-US" xmlns:s="{SOAP}" xmlns:a="{ADDRESSING}" xmlns:x="{TRANSFER}"'
        f' xmlns:w="{WSMAN}" xmlns:rsp="{SHELL}"'
        ' xmlns:p="http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd">'
        f"<s:Header><a:Action>{escape(action)}</a:Action><a:MessageID>uuid:{str(message_id).upper()}</a:MessageID>"
        f"<a:To>{ANONYMOUS}</a:To>{relates}</s:Header><s:Body>{body}</s:Body></s:Envelope>"
    ).encode()


def _text(parent: Element, path: str) -> str:
    return (parent.findtext(path) or "").strip()
