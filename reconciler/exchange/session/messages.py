"""Our own reader behind pypsrp's messages.

pypsrp deserializes each message with the pool's serializer, and offers no way to choose another. Its private
``_serializer`` and ``_fragmenter`` are replaced (hence ``pypsrp==0.9.1``;
tests/wire/test_pypsrp_private.py fails with the reason when these names move). Output objects stay raw XML
until the pipeline has ended; of the other messages only what is used is read.

Source: [MS-PSRP] 2.2.2 (messages), 2.2.3.15 (ErrorRecord), 2.2.3.17 (host methods).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pypsrp.complex_objects import HostMethodIdentifier
from pypsrp.messages import (
    ApplicationPrivateData,
    CreatePipeline,
    DebugRecord,
    ErrorRecordMessage,
    InformationRecord,
    PipelineHostCall,
    PipelineState,
    ProgressRecord,
    RunspacePoolHostCall,
    RunspacePoolStateMessage,
    UserEvent,
    VerboseRecord,
    WarningRecord,
)
from pypsrp.powershell import RunspacePool
from pypsrp.serializer import Serializer

from reconciler.exchange import clixml
from reconciler.exchange.clixml import Object, Primitive
from reconciler.exchange.errors import ErrorRecord
from reconciler.exchange.session.fragments import BoundedFragmenter
from reconciler.exchange.session.pipelines import text_of_pipeline

# The field names of these three are what pypsrp looks for in a message.


@dataclass(frozen=True, slots=True)
class Told:
    """An error or a warning as ours; None of what nobody looks at."""

    MESSAGE_TYPE: int
    value: ErrorRecord | str | None


@dataclass(frozen=True, slots=True)
class State:
    """A pipeline's or pool's state."""

    MESSAGE_TYPE: int
    state: int
    error_record: Told | None


@dataclass(frozen=True, slots=True)
class HostCall:
    """A question of the server.

    Attributes:
        ci: Number of the call, for the answer.
        mi: The method.
        mp: Its arguments.
    """

    MESSAGE_TYPE: int
    ci: int
    mi: HostMethodIdentifier
    mp: list[Primitive | Object]


def inject_reader(pool: RunspacePool) -> None:
    """Make ``pool`` read what it receives with our reader."""
    serializer = _OwnReader()
    pool._serializer = serializer
    pool._fragmenter = BoundedFragmenter(pool.connection.max_payload_size, serializer)


class _OwnReader(Serializer):
    """pypsrp's serializer for what is sent, our reader for what is received."""

    def serialize(self, value: Any, metadata: Any = None, parent: Any = None, clear: bool = True) -> Any:
        """Serialize one thing to an element, as pypsrp does; a pipeline, where it can be, to bytes."""
        text = text_of_pipeline(value) if isinstance(value, CreatePipeline) else None
        return super().serialize(value, metadata, parent, clear) if text is None else text

    def deserialize(self, element: Any, metadata: Any = None, clear: bool = True) -> Any:
        """Read one message, which is a string; anything else is pypsrp inside a message of its own."""
        if not isinstance(element, str):
            return super().deserialize(element, metadata, clear)
        if metadata is None:
            return element  # pipeline output
        message = metadata.object
        own = _READERS.get(message)
        if own is None:
            return super().deserialize(element, metadata, clear)
        return own(element, message.MESSAGE_TYPE)


def text_of(value: Primitive | Object | None) -> str:
    """The text of a member, whatever form it has; "" for none."""
    if isinstance(value, Object):
        return value.to_string or (value.wrapped.text if value.wrapped else "")
    return "" if value is None else value.text


def integer_of(value: Primitive | Object | None, default: int) -> int:
    """The number of a member that is an integer or an enum."""
    primitive = value.wrapped if isinstance(value, Object) else value
    number = None if primitive is None else primitive.value
    return number if isinstance(number, int) else default


def error_record(value: Primitive | Object | None) -> ErrorRecord:
    """Read an ErrorRecord; what is missing is empty."""
    if not isinstance(value, Object):
        return ErrorRecord("", 0, "", "", "", text_of(value))
    exception = value.get("Exception")
    message = text_of(exception.get("Message")) if isinstance(exception, Object) else ""
    target = text_of(value.get("ErrorCategory_TargetName")) or text_of(value.get("TargetObject"))
    return ErrorRecord(
        fully_qualified_id=text_of(value.get("FullyQualifiedErrorId")),
        category=integer_of(value.get("ErrorCategory_Category"), 0),
        activity=text_of(value.get("ErrorCategory_Activity"))
        or text_of(value.get("CommandInfo_Name"))
        or text_of(value.get("InvocationInfo_InvocationName")),
        target=target,
        reason=text_of(value.get("ErrorCategory_Reason")),
        message=text_of(value.get("ErrorDetails_Message"))
        or message
        or text_of(exception)
        or text_of(value.get("ErrorCategory_Message"))
        or (value.to_string or ""),
    )


def _one(xml: str) -> Primitive | Object:
    values = clixml.read(xml).values
    if len(values) != 1:
        raise clixml.Malformed(f"a message of {len(values)} values")
    return values[0]


def _error(xml: str, kind: int) -> Told:
    return Told(kind, error_record(_one(xml)))


def _warning(xml: str, kind: int) -> Told:
    message = _one(xml)
    found = message.get("InformationalRecord_Message") if isinstance(message, Object) else message
    return Told(kind, text_of(found))


def _nothing(_: str, kind: int) -> Told:
    """What nobody looks at is not read, so it cannot break anything either."""
    return Told(kind, None)


def _state(number: str) -> Callable[[str, int], State]:
    def read(xml: str, kind: int) -> State:
        message = _one(xml)
        if not isinstance(message, Object):
            raise clixml.Malformed("a state that is no object")
        found = message.get("ExceptionAsErrorRecord")
        told = Told(kind, error_record(found)) if isinstance(found, Object) else None
        return State(kind, integer_of(message.get(number), -1), told)

    return read


_HOST_METHOD: Final[Callable[..., HostMethodIdentifier]] = HostMethodIdentifier  # it has no annotations


def _host_call(xml: str, kind: int) -> HostCall:
    message = _one(xml)
    if not isinstance(message, Object):
        raise clixml.Malformed("a host call that is no object")
    arguments = message.get("mp")
    return HostCall(
        kind,
        ci=integer_of(message.get("ci"), -1),
        mi=_HOST_METHOD(value=integer_of(message.get("mi"), 0)),
        mp=(arguments.items or []) if isinstance(arguments, Object) else [],
    )


_READERS: Final[Mapping[type, Callable[[str, int], Told | State | HostCall]]] = {
    ErrorRecordMessage: _error,
    PipelineState: _state("PipelineState"),
    RunspacePoolStateMessage: _state("RunspaceState"),
    PipelineHostCall: _host_call,
    RunspacePoolHostCall: _host_call,
    WarningRecord: _warning,
    ApplicationPrivateData: _nothing,
    DebugRecord: _nothing,
    InformationRecord: _nothing,
    ProgressRecord: _nothing,
    UserEvent: _nothing,
    VerboseRecord: _nothing,
}
