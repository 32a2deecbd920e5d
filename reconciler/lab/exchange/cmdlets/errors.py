"""Errors as PowerShell and Exchange give them: type, fully qualified id and category first."""

from __future__ import annotations

import zlib
from datetime import datetime
from uuid import uuid4

from reconciler.lab.call import ErrorRecord, Terminated
from reconciler.lab.exchange.builds import Build
from reconciler.lab.exchange.cmdlets.catalogue import Cmdlet
from reconciler.lab.exchange.directory import SERVER_ZONE

# System.Management.Automation.ErrorCategory
NOT_SPECIFIED, INVALID_ARGUMENT, INVALID_DATA, INVALID_OPERATION = 0, 5, 6, 7
NOT_IMPLEMENTED = 11

AUTOMATION = "System.Management.Automation."

NAMESPACES = {
    "ManagementObjectNotFoundException": "Microsoft.Exchange.Configuration.Tasks.",
    "ADObjectAlreadyExistsException": "Microsoft.Exchange.Data.Directory.",
    "SuitabilityDirectoryException": "Microsoft.Exchange.Data.Directory.",
    "DataValidationException": "Microsoft.Exchange.Data.",
    "InvalidOperationException": "System.",
    "ArgumentException": "System.",
    "CryptographicException": "System.Security.Cryptography.",
}


class Refused(Exception):
    """Exchange declines: a non-terminating error that ends the cmdlet.

    Attributes:
        kind: Exception type without its namespace.
        message: What a person reads.
        category: Number of the error category.
        target: What it is about.
    """

    def __init__(
        self,
        message: str,
        *,
        kind: str = "InvalidOperationException",
        category: int = INVALID_ARGUMENT,
        target: str = "",
    ) -> None:
        super().__init__(message)
        self.message = message
        self.kind = kind
        self.category = category
        self.target = target


def not_found(identity: str, origin: str) -> Refused:
    """What Get-, Set- and Remove- say of an object that is not there."""
    return Refused(
        f"The operation couldn't be performed because object '{identity}' couldn't be found on '{origin}'.",
        kind="ManagementObjectNotFoundException",
        category=NOT_SPECIFIED,
        target=identity,
    )


def refusal(refused: Refused, cmdlet: Cmdlet, server: str, build: Build, now: datetime) -> ErrorRecord:
    """The error record of a refusal [2.4-4]; 2010 has the short form of the id."""
    # The eight digits stand for the error in Exchange's source; the same refusal has the same ones.
    number = f"{zlib.crc32(f'{cmdlet.name}:{refused.kind}'.encode()):08X}"
    identity = f"{number},{cmdlet.class_name}"
    if build.is_modern:
        local = now.astimezone(SERVER_ZONE)
        stamp = f"{local.month}/{local.day}/{local.year} {local.hour % 12 or 12}:{local:%M:%S %p}"
        origin = f"[Server={server},RequestId={uuid4()},TimeStamp={stamp}]"
        identity = f"{origin} [FailureCategory=Cmdlet-{refused.kind}] {identity}"
    return ErrorRecord(
        message=refused.message,
        exception_type=NAMESPACES[refused.kind] + refused.kind,
        fully_qualified_id=identity,
        category=refused.category,
        target=refused.target,
        activity=cmdlet.name,
    )


def stopped(record: ErrorRecord) -> Terminated:
    """A non-terminating error under -ErrorAction Stop."""
    return Terminated(
        ErrorRecord(
            message=(
                "The running command stopped because the preference variable "
                f'"ErrorActionPreference" or common parameter is set to Stop: {record.message}'
            ),
            exception_type=AUTOMATION + "ActionPreferenceStopException",
            fully_qualified_id=record.fully_qualified_id,
            category=record.category,
            target=record.target,
            activity=record.activity,
        )
    )


def not_bound(cmdlet: Cmdlet, identity: str, message: str) -> Terminated:
    """A parameter binding error; it terminates, and names no target: ``InvalidArgument: (:)``.

    Ids and categories are those of System.Management.Automation's parameter binder.
    """
    return _binding_error(cmdlet, "ParameterBindingException", identity, message, INVALID_ARGUMENT)


def not_valid(cmdlet: Cmdlet, identity: str, message: str) -> Terminated:
    """A mandatory parameter got null or nothing: ``InvalidData: (:)``."""
    return _binding_error(cmdlet, "ParameterBindingValidationException", identity, message, INVALID_DATA)


def not_transformed(cmdlet: Cmdlet, parameter: str, reason: str) -> Terminated:
    """A value that the parameter's type does not accept.

    A function's parameters are converted by an attribute, a class's by the binder itself; each has
    an error of its own.
    """
    if cmdlet.is_function:
        return _binding_error(
            cmdlet,
            "ParameterBindingArgumentTransformationException",
            "ParameterArgumentTransformationError",
            f"Cannot process argument transformation on parameter '{parameter}'. {reason}",
            INVALID_DATA,
        )
    return not_bound(
        cmdlet, "CannotConvertArgumentNoMessage", f"Cannot bind parameter '{parameter}'. {reason}"
    )


def _binding_error(cmdlet: Cmdlet, kind: str, identity: str, message: str, category: int) -> Terminated:
    return Terminated(
        ErrorRecord(
            message=message,
            exception_type=AUTOMATION + kind,
            fully_qualified_id=f"{identity},{cmdlet.bound_name}",
            category=category,
            activity=cmdlet.name,
        )
    )


def no_host(cmdlet: Cmdlet) -> Terminated:
    """A prompt that nobody can answer [5-7]."""
    return Terminated(
        ErrorRecord(
            message=(
                "A command that prompts the user failed because the host program or the command type "
                "does not support user interaction."
            ),
            exception_type=AUTOMATION + "Host.HostException",
            fully_qualified_id=f"HostFunctionNotImplemented,{cmdlet.class_name}",
            category=NOT_IMPLEMENTED,
            activity=cmdlet.name,
        )
    )


def no_choice(cmdlet: Cmdlet) -> Terminated:
    """An answer that is the number of no choice: PowerShell looks it up in the list, which refuses.

    That the exception comes out as it is, under its own name, is how unhandled ones do [inf: wrong-choice].
    """
    return Terminated(
        ErrorRecord(
            message=(
                "Index was out of range. Must be non-negative and less than the size of the collection.\r\n"
                "Parameter name: index"
            ),
            exception_type="System.ArgumentOutOfRangeException",
            fully_qualified_id=f"System.ArgumentOutOfRangeException,{cmdlet.class_name}",
            category=NOT_SPECIFIED,
            activity=cmdlet.name,
        )
    )
