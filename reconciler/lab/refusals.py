"""The errors that the session answers with, before any cmdlet of Exchange runs. Pure."""

from __future__ import annotations

from typing import Final

from reconciler.lab.call import ErrorRecord

SNAPINS: Final = frozenset(
    {"microsoft.exchange.management.powershell.e2010", "microsoft.exchange.management.powershell.snapin"}
)
"""The two names under which Exchange 2013 and later register their snap-in; 2010 has the first."""

_ENGINE: Final = "System.Management.Automation"
_ADD_SNAPIN: Final = "AddPSSnapInRead,Microsoft.PowerShell.Commands.AddPSSnapinCommand"

NO_LANGUAGE: Final = ErrorRecord(
    message=(
        "The syntax is not supported by this runspace. This can occur if the runspace is in no-language mode."
    ),
    exception_type=f"{_ENGINE}.ParseException",
    fully_qualified_id="ScriptsNotAllowed",
    category=17,
)
"""What any script text gets since KB5001779 [5-3]. A winrm endpoint would run it; the lab cannot."""

NO_HOST: Final = ErrorRecord(
    message=(
        "A command that prompts the user failed because the host program or the command type does not support"
        " user interaction."
    ),
    exception_type=f"{_ENGINE}.Host.HostException",
    fully_qualified_id="HostFunctionNotImplemented",
    category=11,
)
"""What a prompt ends in when the client has no host [5-7]."""

NO_CHAIN: Final = ErrorRecord(
    message="This lab runs single commands: it pipes no objects from one command into another.",
    exception_type="System.NotSupportedException",
    fully_qualified_id="LabUnsupported",
    category=11,
)

NO_BATCH: Final = ErrorRecord(
    message="This endpoint runs one statement a pipeline: the lab was told to refuse more.",
    exception_type=f"{_ENGINE}.PSNotSupportedException",
    fully_qualified_id="NotSupported",
    category=11,
)

NO_METADATA: Final = ErrorRecord(
    message="This lab does not describe its commands.",
    exception_type="System.NotSupportedException",
    fully_qualified_id="LabUnsupported",
    category=11,
)

TRANSIENT: Final = ErrorRecord(
    message="The Active Directory operation failed for now: the lab was told to fail here.",
    exception_type="Microsoft.Exchange.Data.Directory.ADTransientException",
    fully_qualified_id="[FailureCategory=Cmdlet-ADTransientException] LabFault",
    category=21,
)


DEFECT: Final = ErrorRecord(
    message="The lab itself broke; its log says how.",
    exception_type="System.InvalidOperationException",
    fully_qualified_id="LabDefect",
    category=7,
)


def is_not_found(error: ErrorRecord) -> bool:
    return error.exception_type == f"{_ENGINE}.CommandNotFoundException"


def not_found(name: str) -> ErrorRecord:
    """A command that this session does not have: unknown, hidden by role, or of a snap-in not loaded."""
    return ErrorRecord(
        message=(
            f"The term '{name}' is not recognized as the name of a cmdlet, function, script file, or operable"
            " program. Check the spelling of the name, or if a path was included, verify that the path is"
            " correct and try again."
        ),
        exception_type=f"{_ENGINE}.CommandNotFoundException",
        fully_qualified_id="CommandNotFoundException",
        category=13,
        target=name,
    )


def no_snapin(name: str) -> ErrorRecord:
    return ErrorRecord(
        message=f"The Windows PowerShell snap-in '{name}' is not installed on this computer.",
        exception_type=f"{_ENGINE}.PSArgumentException",
        fully_qualified_id=_ADD_SNAPIN,
        category=5,
        target=name,
    )


def snapin_loaded(name: str) -> ErrorRecord:
    return ErrorRecord(
        message=f"Cannot add Windows PowerShell snap-in {name} because it is already added.",
        exception_type=f"{_ENGINE}.PSArgumentException",
        fully_qualified_id=_ADD_SNAPIN,
        category=5,
        target=name,
    )
