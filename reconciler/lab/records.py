"""CLIXML of what PowerShell itself says: error records, warnings, pipeline states. Pure.

psrpcore can write these too, but it loses the type chain of exceptions it does not know and writes control
characters raw. The shapes follow captures of Windows PowerShell 5.1 (see MS-PSRP 2.2.3.15 and 2.2.3.16).
"""

from __future__ import annotations

import re
from typing import Final
from xml.sax.saxutils import escape

from reconciler.lab.call import ErrorRecord

COMPLETED: Final = 4
STOPPED: Final = 3
FAILED: Final = 5

_CATEGORIES: Final = [
    "NotSpecified",
    "OpenError",
    "CloseError",
    "DeviceError",
    "DeadlockDetected",
    "InvalidArgument",
    "InvalidData",
    "InvalidOperation",
    "InvalidResult",
    "InvalidType",
    "MetadataError",
    "NotImplemented",
    "NotInstalled",
    "ObjectNotFound",
    "OperationStopped",
    "OperationTimeout",
    "SyntaxError",
    "ParserError",
    "PermissionDenied",
    "ResourceBusy",
    "ResourceExists",
    "ResourceUnavailable",
    "ReadError",
    "WriteError",
    "FromStdErr",
    "SecurityError",
    "ProtocolError",
    "ConnectionError",
    "AuthenticationError",
    "LimitsExceeded",
    "QuotaExceeded",
    "NotEnabled",
]
"""System.Management.Automation.ErrorCategory, by number."""

_ENGINE: Final = "System.Management.Automation."
_RUNTIME_EXCEPTION: Final = f"{_ENGINE}RuntimeException"
_SYSTEM_EXCEPTION: Final = "System.SystemException"
_BASES: Final = {
    f"{_ENGINE}ParameterBinding{kind}Exception": [
        f"{_ENGINE}ParameterBindingException",
        _RUNTIME_EXCEPTION,
        _SYSTEM_EXCEPTION,
    ]
    for kind in ("ArgumentTransformation", "Validation")
} | {
    f"{_ENGINE}PSArgumentException": ["System.ArgumentException", _SYSTEM_EXCEPTION],
    f"{_ENGINE}PSNotSupportedException": ["System.NotSupportedException", _SYSTEM_EXCEPTION],
}
"""Bases of PowerShell's exceptions that are more than a RuntimeException."""
_UNSPEAKABLE = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)|[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def encode(text: str) -> str:
    """Write text for CLIXML: ``_xHHHH_`` for what XML cannot hold and for what looks like such an escape."""
    return escape(_UNSPEAKABLE.sub(lambda match: f"_x{ord(match[0]):04X}_", text))


def error_record(error: ErrorRecord, cmdlet: str) -> str:
    """An ErrorRecord object.

    Args:
        error: The facts.
        cmdlet: Who wrote it; the activity where the error itself names none.
    """
    return _error_record(error, cmdlet, "", 0)


def pipeline_state(state: int, error: ErrorRecord | None = None, cmdlet: str = "") -> str:
    """A PIPELINE_STATE message (MS-PSRP 2.2.2.21)."""
    reason = _error_record(error, cmdlet, ' N="ExceptionAsErrorRecord"', 1) if error else ""
    return f'<Obj RefId="0"><MS><I32 N="PipelineState">{state}</I32>{reason}</MS></Obj>'


def session_capability(protocol: str) -> str:
    """A SESSION_CAPABILITY message (MS-PSRP 2.2.2.1), its members in the order of Windows."""
    return (
        f'<Obj RefId="0"><MS><Version N="protocolversion">{protocol}</Version>'
        '<Version N="PSVersion">2.0</Version><Version N="SerializationVersion">1.1.0.1</Version></MS></Obj>'
    )


def warning(message: str) -> str:
    """A WARNING_RECORD message."""
    text = encode(message)
    return (
        f'<Obj RefId="0"><TN RefId="0"><T>{_ENGINE}WarningRecord</T><T>{_ENGINE}InformationalRecord</T>'
        f"<T>System.Object</T></TN><ToString>{text}</ToString><MS>"
        f'<S N="InformationalRecord_Message">{text}</S>'
        '<B N="InformationalRecord_SerializeInvocationInfo">false</B></MS></Obj>'
    )


def _error_record(error: ErrorRecord, cmdlet: str, name: str, first: int) -> str:
    """The element; ``first`` is the RefId of the record, its objects count on from there."""
    activity = error.activity or cmdlet
    reason = error.exception_type.rpartition(".")[2]
    category = _CATEGORIES[error.category] if 0 <= error.category < len(_CATEGORIES) else str(error.category)
    target_type = "String" if error.target else ""
    target = f'<S N="TargetObject">{encode(error.target)}</S>' if error.target else '<Nil N="TargetObject" />'
    return (
        f'<Obj{name} RefId="{first}"><TN RefId="0"><T>{_ENGINE}ErrorRecord</T><T>System.Object</T></TN>'
        f"<ToString>{encode(error.message)}</ToString><MS>{_exception(error, first + 1)}{target}"
        f'<S N="FullyQualifiedErrorId">{encode(error.fully_qualified_id)}</S>{_invocation(cmdlet, first + 3)}'
        f'<I32 N="ErrorCategory_Category">{error.category}</I32>'
        f'<S N="ErrorCategory_Activity">{encode(activity)}</S>'
        f'<S N="ErrorCategory_Reason">{encode(reason)}</S>'
        f'<S N="ErrorCategory_TargetName">{encode(error.target)}</S>'
        f'<S N="ErrorCategory_TargetType">{target_type}</S>'
        f'<S N="ErrorCategory_Message">{category}: ({encode(error.target)}:{target_type})'
        f' [{encode(activity)}], {encode(reason)}</S><B N="SerializeExtendedInfo">false</B></MS></Obj>'
    )


def _exception(error: ErrorRecord, first: int) -> str:
    name = error.exception_type
    chain = [name]
    if bases := _BASES.get(name):
        chain += bases
    elif name.startswith(_ENGINE):
        chain += [_RUNTIME_EXCEPTION, _SYSTEM_EXCEPTION]
    elif name.startswith("System."):
        chain += [_SYSTEM_EXCEPTION]
    elif name.startswith("Microsoft.Exchange."):
        chain += ["Microsoft.Exchange.Data.Common.LocalizedException"]
    chain += ["System.Exception", "System.Object"]
    types = "".join(f"<T>{encode(part)}</T>" for part in dict.fromkeys(chain))
    return (
        f'<Obj N="Exception" RefId="{first}"><TN RefId="1">{types}</TN>'
        f"<ToString>{encode(name)}: {encode(error.message)}</ToString><Props>"
        f'<S N="Message">{encode(error.message)}</S><Obj N="Data" RefId="{first + 1}"><TN RefId="2">'
        "<T>System.Collections.ListDictionaryInternal</T><T>System.Object</T></TN><DCT /></Obj>"
        '<Nil N="InnerException" /><Nil N="TargetSite" /><Nil N="StackTrace" /><Nil N="HelpLink" />'
        '<Nil N="Source" /><I32 N="HResult">-2146233087</I32></Props></Obj>'
    )


def _invocation(cmdlet: str, number: int) -> str:
    return (
        f'<Obj N="InvocationInfo" RefId="{number}"><TN RefId="3"><T>{_ENGINE}InvocationInfo</T>'
        "<T>System.Object</T></TN>"
        f'<ToString>{_ENGINE}InvocationInfo</ToString><Props><S N="MyCommand">{encode(cmdlet)}</S>'
        '<I32 N="ScriptLineNumber">0</I32><I32 N="OffsetInLine">0</I32>'
        f'<S N="InvocationName">{encode(cmdlet)}</S>'
        '<I32 N="PipelineLength">0</I32><I32 N="PipelinePosition">0</I32><B N="ExpectingInput">false</B>'
        '<S N="CommandOrigin">Runspace</S></Props></Obj>'
    )
