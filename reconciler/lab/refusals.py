"""What a session answers with before any cmdlet of Exchange runs: errors and faults. Pure."""

from __future__ import annotations

from typing import Final

from reconciler.lab.call import ErrorRecord
from reconciler.lab.soap import Code, WSManFault

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

DIRECTORY: Final = ErrorRecord(
    message=(
        "An Active Directory error 0x51 occurred when trying to check the suitability of server"
        " 'dc1.contoso.com'. Error: 'Active directory response: The LDAP server is unavailable.'"
    ),
    exception_type="Microsoft.Exchange.Data.Directory.SuitabilityDirectoryException",
    fully_qualified_id="[FailureCategory=Cmdlet-SuitabilityDirectoryException] LabFault",
    category=0,
)
"""A domain controller that does not answer: the words are those of public reports."""

BUSY: Final = ErrorRecord(
    message="The server is too busy to run this now: the lab was told to fail here.",
    exception_type="Microsoft.Exchange.Data.Directory.OverBudgetException",
    fully_qualified_id="[FailureCategory=Cmdlet-OverBudgetException] LabFault",
    category=0,
)
"""A cmdlet over the budget of its account; what exactly Exchange says is [inf: budget]."""

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


def shell_not_found(shell: str) -> WSManFault:
    """A shell that ended, or that is somebody else's."""
    return WSManFault(
        Code.UNEXPECTED_SELECTORS,
        f"The request for the Windows Remote Shell with ShellId {shell} failed because the shell was not"
        " found on the server. Possible causes are: the specified ShellId is incorrect or the shell no longer"
        " exists on the server. Provide the correct ShellId or create a new shell and retry the operation.",
    )


def timed_out() -> WSManFault:
    """There is no news yet: a client that waits asks again."""
    return WSManFault(
        Code.TIMED_OUT,
        "The WS-Management service cannot complete the operation within the time specified in"
        " OperationTimeout.",
    )


def shell_quota(limit: int) -> WSManFault:
    """MS-WSMV 3.1.4.5.2.1; the code and the words are what people report."""
    return WSManFault(
        Code.QUOTA_MAX_SHELLS,
        "The WS-Management service cannot process the request. This user is allowed a maximum number of"
        f" {limit} concurrent shells, which has been exceeded. Close existing shells or raise the quota for"
        " this user.",
    )


def operation_quota() -> WSManFault:
    """WinRM's MaxConcurrentOperationsPerUser; code and words as people report them."""
    return WSManFault(
        Code.QUOTA_MAX_OPERATIONS,
        "The WS-Management service cannot process the request. This user is allowed a maximum number of 15"
        " concurrent operations, which has been exceeded. Close existing operations for this user, or raise"
        " the quota for this user.",
    )


def load_quota() -> WSManFault:
    """Exchange's PowerShellMaxCmdlets, told as WinRM tells its own quota; words as people report them."""
    return WSManFault(
        Code.QUOTA_USER,
        "The WS-Management service cannot process the request. The user load quota of 200 requests per 5"
        " seconds has been exceeded. Send future requests at a slower rate or raise the quota for this user."
        " The next request from this user will not be approved for at least 1000 milliseconds.",
    )


def runspace_quota() -> WSManFault:
    """Exchange's PowerShellMaxConcurrency; words as people report them, the code is [inf: concurrency]."""
    return WSManFault(
        Code.PROVIDER_FAILURE,
        "[FailureCategory=AuthZ-AuthorizationException] Fail to create a runspace because you have exceeded"
        " the maximum number of connections allowed : 18 for the policy party : MaxConcurrency. Please close"
        " existing runspace and try again.",
    )
