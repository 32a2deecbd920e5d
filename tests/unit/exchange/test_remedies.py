"""What a person is told to try when a server does not answer as it should."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from reconciler.exchange import errors
from reconciler.exchange.errors import (
    AuthenticationFailed,
    CmdletFailed,
    CmdletMissing,
    ErrorRecord,
    ExchangeError,
    ParameterMissing,
    UnexpectedPrompt,
)
from reconciler.exchange.port import Command
from reconciler.exchange.remedies import remedy
from reconciler.exchange.session.batch import failure
from tests.rules import rule

RECORD = ErrorRecord("CommandNotFoundException", 13, "", "Get-SendConnector", "", "not recognized")
MADE: dict[type[ExchangeError], ExchangeError] = {
    errors.AuthenticationFailed: errors.AuthenticationFailed("EX1", "admin", ("Negotiate",)),
    errors.Refused: errors.Refused("EX1", "too many shells", 5),
    errors.QuotaExceeded: errors.QuotaExceeded("EX1", "too many shells", 2150859173),
    errors.TimedOut: errors.TimedOut("EX1", 30, "reading"),
    CmdletMissing: CmdletMissing("EX1", "Get-SendConnector", RECORD),
}
SAID_BY_EXCHANGE = (CmdletFailed, UnexpectedPrompt)
"""What there is to do about these depends on what the cmdlet said, and is told with it."""


def kinds(of: type[ExchangeError] = ExchangeError) -> Iterator[type[ExchangeError]]:
    for kind in of.__subclasses__():
        if not kind.__name__.startswith("_"):
            yield kind
        yield from kinds(kind)


@pytest.mark.parametrize("kind", sorted(kinds(), key=lambda kind: kind.__name__))
def test_every_error_has_a_remedy_or_says_it_itself(kind: type[ExchangeError]) -> None:
    """None ends in "mend the connection": at night that helps nobody."""
    if issubclass(kind, SAID_BY_EXCHANGE):
        return
    made = MADE.get(kind) or kind("EX1", "because")
    assert remedy(made)


@pytest.mark.parametrize(
    ("cmdlet", "group"),
    [
        ("Get-SendConnector", "View-Only Organization Management"),
        ("Set-SendConnector", "Organization Management"),
    ],
)
def test_a_cmdlet_that_is_hidden_names_the_role_group_that_has_it(cmdlet: str, group: str) -> None:
    told = remedy(CmdletMissing("EX1", cmdlet, RECORD))
    assert cmdlet in told
    assert f"role group {group} " in told


@rule("5-4")
@pytest.mark.parametrize(
    ("message", "meant"),
    [
        (
            "A parameter cannot be found that matches parameter name 'TlsCertificateName'.",
            ["TlsCertificateName"],
        ),
        ('Es wurde kein Parameter mit dem Namen "TlsCertificateName" gefunden.', ["TlsCertificateName"]),
        (
            "パラメーター名 'TlsCertificateName' に一致するパラメーターが見つかりません。",
            ["TlsCertificateName"],
        ),
        ("\x83p\x83\x89", ["Identity", "TlsCertificateName"]),
    ],
)
def test_a_parameter_that_is_hidden_is_named_with_who_has_it(message: str, meant: list[str]) -> None:
    """Told by the id of the error; its text, in any language, only says which of those that were sent."""
    record = ErrorRecord("NamedParameterNotFound,Set-SendConnector", 5, "Set-SendConnector", "", "", message)
    sent = Command("Set-SendConnector", {"Identity": "Out", "TlsCertificateName": None})
    failed = failure("EX1", sent, (record,))
    assert isinstance(failed, ParameterMissing)
    assert list(failed.parameters) == meant
    told = remedy(failed)
    assert all(f"-{name}" in told for name in meant)
    assert "Get-ManagementRole -Cmdlet Set-SendConnector -CmdletParameters" in told
    assert "role group Organization Management" in told
    assert "TlsCertificateName of Set-SendConnector does not exist or is not allowed" in str(failed)


def test_what_exchange_calls_temporary_is_to_be_tried_again() -> None:
    """Its error id says so in every language."""
    record = ErrorRecord("[FailureCategory=Cmdlet-ADTransientException] 1F2E,Get", 8, "", "", "", "Fehler")
    assert "try again" in remedy(CmdletFailed("EX1", "Get-SendConnector", (record,)))
    assert not remedy(CmdletFailed("EX1", "Get-SendConnector", (RECORD,)))


class TestOfASignOn:
    @pytest.mark.parametrize(
        ("said", "word"),
        [
            ("Major (851968): Unspecified GSS failure, Minor (2529638943): Clock skew too great", "clocks"),
            ("Minor (2529638919): Server not found in Kerberos database", "service principal"),
            ("Krb5Error: Client 'admin@LAB.TEST' not found in Kerberos database", "user@REALM"),
            ("Krb5Error: Preauthentication failed", "password"),
            ("Krb5Error: Cannot contact any KDC for realm 'LAB.TEST'", "port 88"),
            ('Krb5Error: Cannot find KDC for realm "LAB.TEST"', "krb5.conf"),
            ("No Kerberos credentials available (default cache: FILE:/tmp/krb5cc_0)", "kinit"),
            ("something that nobody has seen", "user and password"),
        ],
    )
    def test_by_kerberos_follows_from_what_the_library_says(self, said: str, word: str) -> None:
        """It speaks English, whatever the server does."""
        assert word in remedy(AuthenticationFailed("EX1", "admin", ("Negotiate",), said))
