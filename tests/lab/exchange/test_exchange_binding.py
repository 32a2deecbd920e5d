"""Parameter binding: PowerShell's own errors, and what each build has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from reconciler.lab.call import Argument, Call, Terminated
from reconciler.lab.exchange.builds import UnknownBuild, build_of_display, build_of_token
from reconciler.lab.exchange.cmdlets.catalogue import catalogue
from reconciler.lab.exchange.lab_exchange import COMMANDS
from tests.rules import rule

TASKS = "Microsoft.Exchange.Management.SystemConfigurationTasks."


class TestARole:
    @rule("5-4")
    @pytest.mark.parametrize("spelling", ["DomainController", "DomainC"])
    def test_hides_a_parameter_as_unknown(self, lab: Any, spelling: str) -> None:
        """[5-4]"""
        named = (Argument("Identity", "MBX1"), Argument(spelling, "dc1.contoso.com"))
        call = Call("MBX1", "viewer", "exchange", True, "Get-ExchangeServer", named)
        assert list(lab.exchange.run(call))
        with pytest.raises(Terminated) as refused:
            list(lab.exchange.run(replace(call, hidden=frozenset({"DomainController"}))))
        assert refused.value.error.fully_qualified_id == "NamedParameterNotFound,Get-ExchangeServer"


class TestACommand:
    def test_that_does_not_exist(self, lab: Any) -> None:
        result = lab.run("Get-SendKonnector")
        assert result.has_terminated
        assert result.error_id == "CommandNotFoundException"
        assert result.error.category == 13

    def test_name_is_read_in_any_casing(self, lab: Any) -> None:
        assert lab.run("get-exchangeserver").objects

    def test_of_2013_is_unknown_to_2010(self, new_lab: Callable[..., Any]) -> None:
        old = new_lab(build="2010")
        assert old.run("Get-TransportService").error_id == "CommandNotFoundException"
        assert old.run("Get-SendConnector").errors == []

    def test_every_one_in_the_table_does_something(self) -> None:
        assert {cmdlet.name for cmdlet in catalogue().values()} == set(COMMANDS)


class TestAParameter:
    def test_that_does_not_exist(self, lab: Any) -> None:
        result = lab.run("Set-SendConnector", Identity="a", Fast=True)
        assert result.has_terminated
        assert result.error_id == "NamedParameterNotFound,Set-SendConnector"
        assert result.error.category == 5

    def test_may_be_shortened(self, lab: Any) -> None:
        assert lab.run("Get-ReceiveConnector", Serv="MBX1").objects

    def test_may_not_be_shortened_too_far(self, lab: Any) -> None:
        result = lab.run("New-SendConnector", Na="a", AddressSpaces="*", Require=True)
        assert result.error_id == "AmbiguousParameter,New-SendConnector"

    def test_has_aliases(self, lab: Any) -> None:
        assert lab.run("New-SendConnector", Name="a", AddressSpaces="*", wi=...).xml == []
        assert lab.run("Get-SendConnector").objects == []

    def test_given_twice(self, lab: Any) -> None:
        result = lab.run("Get-ReceiveConnector", Server="MBX1", server="MBX1")
        assert result.error_id == "ParameterAlreadyBound,Get-ReceiveConnector"

    def test_that_is_mandatory(self, lab: Any) -> None:
        result = lab.run("New-SendConnector", Name="a")
        assert result.error_id == "MissingMandatoryParameter,New-SendConnector"
        assert result.error.message.endswith(": AddressSpaces.")

    def test_that_is_mandatory_must_not_be_null(self, lab: Any) -> None:
        result = lab.run("Set-SendConnector", Identity=None, Enabled=True)
        assert result.error_id.startswith("ParameterArgumentValidationErrorNullNotAllowed,")

    def test_may_be_positional(self, lab: Any) -> None:
        lab.run("New-SendConnector", "to all", AddressSpaces="*")
        assert lab.run("Get-SendConnector", "to all")["Name"] == "to all"

    def test_positional_ones_are_counted(self, lab: Any) -> None:
        result = lab.run("Get-SendConnector", "a", "b")
        assert result.error_id.startswith("PositionalParameterNotFound,")

    @rule("1-2")
    def test_of_a_certificate_cmdlet_is_the_thumbprint_by_position(self, lab: Any) -> None:
        """[1-2]"""
        thumbprint = lab.exchange.snapshot()["servers"]["MBX1"]["default_smtp"]
        assert lab.run("Get-ExchangeCertificate", thumbprint).one

    @rule("1-7", "2.1-1")
    def test_sets_exclude_each_other(self, lab: Any) -> None:
        """[1-7]: Server and Identity; [2.1-1]: Services and GenerateRequest."""
        both = lab.run("Get-ReceiveConnector", Server="MBX1", Identity="MBX1")
        assert both.error_id == "AmbiguousParameterSet,Get-ReceiveConnector"
        request = lab.run("New-ExchangeCertificate", GenerateRequest=..., Services="SMTP")
        assert request.error_id == "AmbiguousParameterSet,New-ExchangeCertificate"

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("RequireTLS", "yes"),
            ("Port", "twenty-five"),
            ("Port", 2**40),
            ("AddressSpaces", "*contoso.com"),
            ("AddressSpaces", {"Plus": ["a.com"]}),
            ("TlsAuthLevel", "VeryMuch"),
            ("TlsCertificateName", "6C7DE09FB39A40144F57EFEBC3DF0148E3A9AB28"),
            ("Fqdn", "not a name"),
            ("MaxMessageSize", "a lot"),
            ("ConnectionInactivityTimeOut", "soon"),
            ("SmartHosts", ["a b"]),
            ("AuthenticationCredential", "user:password"),
        ],
    )
    def test_refuses_what_its_type_does_not_accept(self, lab: Any, name: str, value: Any) -> None:
        lab.run("New-SendConnector", Name="a", AddressSpaces="*")
        result = lab.run("Set-SendConnector", Identity="a", **{name: value})
        assert result.has_terminated
        assert result.error_id == "ParameterArgumentTransformationError,Set-SendConnector"
        assert result.error.category == 6
        assert f"parameter '{name}'" in result.error.message

    def test_takes_a_number_for_a_boolean(self, lab: Any) -> None:
        lab.run("New-SendConnector", Name="a", AddressSpaces="*", Enabled=0)
        assert lab.run("Get-SendConnector")["Enabled"] == "false"

    @rule("3-18")
    def test_beyond_its_range(self, lab: Any) -> None:
        """[3-18]"""
        result = lab.run("New-SendConnector", Name="a", AddressSpaces="*", Port=70000)
        assert not result.has_terminated
        assert "[FailureCategory=Cmdlet-DataValidationException]" in result.error_id

    def test_common_ones_are_accepted(self, lab: Any) -> None:
        assert lab.run("Get-ExchangeServer", ErrorAction="Stop", Verbose=...).objects

    def test_error_action_stop_makes_an_error_terminate(self, lab: Any) -> None:
        result = lab.run("Get-SendConnector", Identity="none", ErrorAction="Stop")
        assert result.has_terminated
        assert result.error.exception_type.endswith("ActionPreferenceStopException")

    def test_error_action_silently_continue_hides_it(self, lab: Any) -> None:
        assert lab.run("Get-SendConnector", Identity="none", ErrorAction="SilentlyContinue").errors == []


class TestABuild:
    @pytest.mark.parametrize(
        ("token", "display"),
        [
            ("2019-cu15", "Version 15.2 (Build 1748.10)"),
            ("2019", "Version 15.2 (Build 1748.10)"),
            ("2016-CU23", "Version 15.1 (Build 2507.6)"),
            ("SE", "Version 15.2 (Build 2562.17)"),
            ("se", "Version 15.2 (Build 2562.17)"),
            ("2013", "Version 15.0 (Build 1497.2)"),
            ("2010", "Version 14.3 (Build 123.4)"),
        ],
    )
    def test_is_named_by_a_token(self, token: str, display: str) -> None:
        assert build_of_token(token).display == display

    @pytest.mark.parametrize("token", ["2007", "2019-cu99", "", "2019-"])
    def test_that_nobody_knows(self, token: str) -> None:
        if token == "2019-":
            assert build_of_token(token).update == "cu15"
            return
        with pytest.raises(UnknownBuild):
            build_of_token(token)

    def test_is_recognized_by_what_a_server_prints(self) -> None:
        build = build_of_display("Version 15.2 (Build 986.5)")
        assert build is not None
        assert build.token == "2019-cu11"
        unlisted = build_of_display("Version 15.2 (Build 529.5)")
        assert unlisted is not None
        assert unlisted.product == "2019"
        assert build_of_display("Version 8.3 (Build 83.6)") is None

    @rule("3-15")
    def test_lacks_parameters_that_came_later(self, new_lab: Callable[..., Any]) -> None:
        """[3-15]: 2010 has no TlsCertificateName, and no such property."""
        old = new_lab(build="2010")
        result = old.run("New-SendConnector", Name="a", AddressSpaces="*", TlsCertificateName=None)
        assert result.error_id.startswith("NamedParameterNotFound,")
        connector = old.run("New-SendConnector", Name="a", AddressSpaces="*").one
        assert connector.properties is not None
        assert "TlsCertificateName" not in connector.properties

    @rule("2.1-3")
    def test_lost_the_file_parameters_in_2022(self, new_lab: Callable[..., Any]) -> None:
        """[2.1-3]"""
        named = {"GenerateRequest": ..., "RequestFile": "\\\\srv\\a.req"}
        newer = new_lab(build="2019-cu12").run("New-ExchangeCertificate", **named)
        assert newer.error_id.startswith("NamedParameterNotFound,")
        older = new_lab(build="2019-cu11").run("New-ExchangeCertificate", **named)
        assert not older.error_id.startswith("NamedParameterNotFound,")

    def test_2010_has_short_error_ids(self, new_lab: Callable[..., Any]) -> None:
        error_id = new_lab(build="2010").run("Get-SendConnector", Identity="none").error_id
        assert error_id.endswith(f",{TASKS}GetSendConnector")
        assert not error_id.startswith("[")
