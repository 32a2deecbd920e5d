"""What can go wrong between us and a server: facts first, text last.

Nothing else leaves the session: no exception of requests, pypsrp, XML or TLS. Two questions decide what a
caller may do with one: may the cmdlet have run all the same (`outcome_unknown`), and can it pass by itself
(`is_transient`). What asks for another password, another address or another role never does: tried again, it
locks an account.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar, Final

_FAILURE: Final = re.compile(r"\[FailureCategory=Cmdlet-(\w+)\]")
_PASSING: Final = frozenset(
    {
        "ADServerSettingsChangedException",
        "DCOverloadedException",
        "NoSuitableServerFoundException",
        "OverBudgetException",
        "ServerInMMException",
        "SuitabilityDirectoryException",
        "SuitabilityException",
    }
)
"""Exceptions of Exchange that mean "not now" and are not called transient; those that are, say so."""


@dataclass(frozen=True, slots=True)
class ErrorRecord:
    """A PowerShell ErrorRecord ([MS-PSRP] 2.2.3.15), as far as it tells errors apart.

    Attributes:
        fully_qualified_id: The id to tell errors by; texts are in the server's language.
        category: Number of the ErrorCategory: 13 ObjectNotFound, 5 InvalidArgument, 18 PermissionDenied ...
        activity: The cmdlet that failed; "" where none was found.
        target: What it failed on; the name of the cmdlet where that is missing.
        reason: Class of the exception.
        message: For people.
    """

    fully_qualified_id: str
    category: int
    activity: str
    target: str
    reason: str
    message: str

    def is_about(self, cmdlet: str) -> bool:
        """Whether this error came out of a statement that ran ``cmdlet``.

        Exchange ends the id of its own errors with the class of the cmdlet [2.4-4].
        """
        wanted = cmdlet.casefold()
        if wanted in (self.activity.casefold(), self.target.casefold()):
            return True
        _, comma, source = self.fully_qualified_id.rpartition(",")
        return bool(comma) and source.rpartition(".")[2].casefold() == wanted.replace("-", "")

    @property
    def is_missing_command(self) -> bool:
        """Whether the cmdlet does not exist for this account [5-4]."""
        return self.fully_qualified_id.partition(",")[0] == "CommandNotFoundException"

    @property
    def is_missing_parameter(self) -> bool:
        """Whether the cmdlet does not have a parameter for this account [5-4]."""
        return self.fully_qualified_id.partition(",")[0] == "NamedParameterNotFound"

    def names(self, parameter: str) -> bool:
        """Whether the message holds this name: texts are translated, names are not."""
        return re.search(rf"\b{re.escape(parameter)}\b", self.message, re.IGNORECASE) is not None

    @property
    def is_transient(self) -> bool:
        """Whether Exchange means that the same may work later: a domain controller, a budget, a service."""
        named = _FAILURE.search(self.fully_qualified_id)
        exceptions = {self.reason, named[1] if named else ""}
        return bool(exceptions & _PASSING) or any("Transient" in name for name in exceptions)


class ExchangeError(Exception):
    """Anything that keeps us from an answer.

    Attributes:
        server: The declared name of the server.
        outcome_unknown: True when an invocation under way may have run all the same.
        is_transient: True when it may pass by itself.
    """

    outcome_unknown: bool = False
    is_transient: bool = False

    def __init__(self, server: str) -> None:
        self.server = server
        super().__init__(server)


class _Told(ExchangeError):
    """An error that is a server and a reason."""

    text: ClassVar[str]

    def __init__(self, server: str, reason: str) -> None:
        super().__init__(server)
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.server}: {self.text}: {self.reason}"


class BadConnection(_Told):
    """Connection settings that cannot work; nothing was sent."""

    text = "connection settings"


class Unreachable(_Told):
    """No server there, or it closed the connection without answering.

    Args:
        was_connected: False when no connection came about. That is not waited for: TCP has tried for a
            while, or nobody listens where a person said.
    """

    text = "not reachable"

    def __init__(self, server: str, reason: str, *, was_connected: bool = True) -> None:
        super().__init__(server, reason)
        self.is_transient = self.outcome_unknown = was_connected


class NotReplicated(_Told):
    """A domain controller does not show yet what another one shows; it will, by itself."""

    text = "not replicated yet"
    is_transient = True


class ServerBusy(_Told):
    """The web server in front of PowerShell takes no requests now."""

    text = "too busy"
    is_transient = True


class UntrustedCertificate(_Told):
    """The server's TLS certificate does not lead to a trusted authority, or names another host."""

    text = "TLS certificate not trusted"


class WrongEndpoint(_Told):
    """A web server is there, but not this PowerShell endpoint: wrong path, port or configuration."""

    text = "no such PowerShell endpoint"


class Redirected(WrongEndpoint):
    """The server sends us elsewhere.

    Attributes:
        location: Where to, as it says; not checked.
    """

    def __init__(self, server: str, location: str, why: str = "") -> None:
        objection = f", which is not followed: {why}" if why else ""
        super().__init__(server, f"redirects to {location[:200]!r}{objection}")
        self.location = location


class AccessDenied(_Told):
    """The account is known and may not do this."""

    text = "access denied"


class Refused(_Told):
    """A WS-Management fault of another kind: a shell that is gone, a batch that is not taken, ...

    Attributes:
        code: Number of the fault; 0 when it has none.
    """

    text = "refused"
    outcome_unknown = True

    def __init__(self, server: str, reason: str, code: int, *, is_transient: bool = False) -> None:
        super().__init__(server, reason)
        self.code = code
        self.is_transient = is_transient


class QuotaExceeded(Refused):
    """The account has more shells, operations or requests than it may: WinRM's quota, or Exchange's."""

    text = "over its quota"

    def __init__(self, server: str, reason: str, code: int) -> None:
        super().__init__(server, reason, code, is_transient=True)


class Garbage(_Told):
    """An answer that is not what a PowerShell endpoint says: no XML, HTML, cut short, too large.

    Args:
        is_transient: True where it began well, and its end did not come.
    """

    text = "answered nonsense"
    outcome_unknown = True

    def __init__(self, server: str, reason: str, *, is_transient: bool = False) -> None:
        super().__init__(server, reason)
        self.is_transient = is_transient


class AuthenticationFailed(ExchangeError):
    """Wrong user or password, or a way of signing in that the server does not offer.

    Attributes:
        user: Who tried.
        offered: Schemes that the server would take, such as ``Negotiate``.
        reason: What the security library says; "" where only the server refused.
    """

    def __init__(self, server: str, user: str, offered: tuple[str, ...], reason: str = "") -> None:
        super().__init__(server)
        self.user, self.offered, self.reason = user, offered, reason

    def __str__(self) -> str:
        because = f" ({self.reason})" if self.reason else ""
        offered = ", ".join(self.offered) or "-"
        return f"{self.server}: authentication failed for {self.user}{because}; offered: {offered}"


class TimedOut(ExchangeError):
    """No answer in time.

    Attributes:
        seconds: How long was waited.
        doing: What for.
    """

    outcome_unknown = True
    is_transient = True

    def __init__(self, server: str, seconds: float, doing: str) -> None:
        super().__init__(server)
        self.seconds, self.doing = seconds, doing

    def __str__(self) -> str:
        return f"{self.server}: no answer in {self.seconds:g} s while {self.doing}"


class CmdletMissing(ExchangeError):
    """The cmdlet does not exist there, or the account's role hides it [5-4]: both answer the same."""

    def __init__(self, server: str, cmdlet: str, record: ErrorRecord) -> None:
        super().__init__(server)
        self.cmdlet, self.record = cmdlet, record

    def __str__(self) -> str:
        return f"{self.server}: {self.cmdlet} does not exist or is not allowed: {self.record.message}"


class CmdletFailed(ExchangeError):
    """The cmdlet ran and failed.

    Attributes:
        records: Every error it told, the first first; never empty.
    """

    def __init__(self, server: str, cmdlet: str, records: tuple[ErrorRecord, ...]) -> None:
        super().__init__(server)
        self.cmdlet, self.records = cmdlet, records
        # How far it came before its domain controller was gone, it does not tell.
        self.is_transient = self.outcome_unknown = self.record.is_transient

    @property
    def record(self) -> ErrorRecord:
        """The first error."""
        return self.records[0]

    def __str__(self) -> str:
        return (
            f"{self.server}: {self.cmdlet} failed: {self.record.message} ({self.record.fully_qualified_id})"
        )


class ParameterMissing(CmdletFailed):
    """A parameter does not exist there, or the account's role hides it [5-4]; nothing was run.

    Attributes:
        parameters: Those that may be meant: the one that the error names, else all that were sent.
    """

    def __init__(
        self, server: str, cmdlet: str, records: tuple[ErrorRecord, ...], parameters: tuple[str, ...]
    ) -> None:
        super().__init__(server, cmdlet, records)
        self.parameters = parameters

    def __str__(self) -> str:
        named = " or ".join(f"-{name}" for name in self.parameters) or "a parameter"
        return (
            f"{self.server}: {named} of {self.cmdlet} does not exist or is not allowed: {self.record.message}"
        )


class UnexpectedPrompt(ExchangeError):
    """Exchange asked what nobody had foreseen. The pipeline was stopped; nothing was answered.

    Attributes:
        method: The host method it called, such as ``PromptForChoice``.
        text: The question as a person would have seen it.
        choices: What could have been answered.
    """

    def __init__(self, server: str, cmdlet: str, method: str, text: str, choices: tuple[str, ...]) -> None:
        super().__init__(server)
        self.cmdlet, self.method, self.text, self.choices = cmdlet, method, text, choices

    def __str__(self) -> str:
        return f"{self.server}: {self.cmdlet} asked an unexpected question: {self.text}"
