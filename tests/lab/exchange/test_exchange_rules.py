"""Rules that need a test of their own: what no test of a cmdlet or an object holds already."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from typing import Any

import pytest

from reconciler.lab.exchange import enums
from tests.rules import rule


def numbers(xml: str) -> list[int]:
    """Status, RootCAType and Services: the three enums of a certificate's blob, in this order [6.3-1]."""
    blob = base64.b64decode(re.findall(r'<BA N="SerializationData">([^<]*)<', xml)[0])
    found = re.findall(rb"\x07value__\x00\x08\x02\x00\x00\x00(.{4})", blob, re.DOTALL)
    return [int.from_bytes(each, "little", signed=True) for each in found[:3]]


def self_signed(lab: Any, **parameters: Any) -> tuple[str, str]:
    """A new certificate: its thumbprint and what Get shows of it."""
    before = set(lab.exchange.snapshot()["servers"]["MBX1"]["certificates"])
    lab.run("New-ExchangeCertificate", Services="None", Force=..., **parameters)
    (thumbprint,) = set(lab.exchange.snapshot()["servers"]["MBX1"]["certificates"]) - before
    return thumbprint, lab.run("Get-ExchangeCertificate", thumbprint).xml[0]


class TestACertificate:
    @rule("2.1-7")
    def test_has_exchanges_name_and_a_key_that_stays(self, lab: Any) -> None:
        thumbprint, _ = self_signed(lab)
        facts = lab.exchange.snapshot()["servers"]["MBX1"]["certificates"][thumbprint]
        assert facts["friendly_name"] == "Microsoft Exchange"
        assert facts["exportable"] is False

    @rule("2.1-10")
    def test_is_not_renewed_by_an_instance(self, lab: Any) -> None:
        """Deprecated on the page; the lab says that it does not have it."""
        assert lab.run("New-ExchangeCertificate", Instance=b"\x30").error.target == "Instance"

    @rule("2.1-11")
    def test_keeps_its_friendly_name(self, lab: Any) -> None:
        thumbprint, _ = self_signed(lab)
        assert (
            lab.run("Set-ExchangeCertificate", Thumbprint=thumbprint).error_id == "CommandNotFoundException"
        )
        enabling = lab.run("Enable-ExchangeCertificate", thumbprint, Services="POP", FriendlyName="x")
        assert enabling.error_id.startswith("NamedParameterNotFound,")

    @rule("2.5-3")
    def test_is_named_by_other_settings(self, lab: Any) -> None:
        server = lab.exchange.snapshot()["servers"]["MBX1"]
        assert lab.run("Get-AuthConfig")["CurrentCertificateThumbprint"] in server["certificates"]
        for cmdlet in ("Get-PopSettings", "Get-ImapSettings"):
            assert lab.run(cmdlet)["X509CertificateName"] == "MBX1"
        for cmdlet in ("Get-FederationTrust", "Get-HybridConfiguration"):
            assert lab.run(cmdlet).objects == []

    @rule("6.3-6", "6.4-1")
    def test_shows_other_services_in_the_next_capture(self, new_lab: Callable[..., Any]) -> None:
        """One thumbprint, other numbers: IMAP 1 and POP 2, SMTP 16."""
        lab = new_lab(build="2019-cu11")
        thumbprint, first = self_signed(lab)
        lab.run("Enable-ExchangeCertificate", thumbprint, Services="POP", Force=...)
        (second,) = lab.run("Get-ExchangeCertificate", thumbprint).xml
        assert numbers(second)[2] == numbers(first)[2] | 2

    @rule("6.4-2", "6.4-3", "2.5-1")
    def test_of_setup_has_the_numbers_that_exports_show(self, new_lab: Callable[..., Any]) -> None:
        """Status 1; RootCAType 3 for setup's own, 0 for the auth certificate. Others are recollections."""
        lab = new_lab(build="2019-cu11")
        server = lab.exchange.snapshot()["servers"]["MBX1"]
        auth = lab.run("Get-AuthConfig")["CurrentCertificateThumbprint"]
        (own,) = lab.run("Get-ExchangeCertificate", server["default_smtp"]).xml
        (tokens,) = lab.run("Get-ExchangeCertificate", auth).xml
        assert numbers(own) == [1, 3, 27]
        assert numbers(tokens) == [1, 0, 16]


class TestASendConnector:
    @pytest.fixture
    def changed(self, lab: Any) -> Callable[..., Any]:
        lab.run("New-SendConnector", Name="a", AddressSpaces="*")

        def change(**parameters: Any) -> Any:
            assert lab.run("Set-SendConnector", Identity="a", **parameters).errors == []
            return lab.run("Get-SendConnector", "a")

        return change

    @rule("3-6")
    def test_is_scoped_by_a_property(self, changed: Callable[..., Any]) -> None:
        assert changed(IsScopedConnector=True)["IsScopedConnector"] == "true"

    @rule("3-19")
    def test_combines_error_policies(self, changed: Callable[..., Any]) -> None:
        result = changed(ErrorPolicies="upgradecustomfailures, DowngradeDnsFailures")
        assert result["ErrorPolicies"] == "DowngradeDnsFailures, UpgradeCustomFailures"
        assert changed(ErrorPolicies="UpgradeCustomFailures")["ErrorPolicies"] == "UpgradeCustomFailures"

    @rule("1-10", "3-20")
    def test_shows_no_usage_and_takes_none_later(self, lab: Any) -> None:
        made = lab.run("New-SendConnector", Name="a", AddressSpaces="*", Usage="Partner")
        assert "Usage" not in (made.one.properties or {})
        later = lab.run("Set-SendConnector", Identity="a", Usage="Internet")
        assert later.error_id.startswith("NamedParameterNotFound,")

    @rule("3-21")
    def test_has_the_hybrid_wizards_settings_by_build(self, new_lab: Callable[..., Any]) -> None:
        def new(build: str, **parameters: Any) -> Any:
            return new_lab(build=build).run("New-SendConnector", Name="a", AddressSpaces="*", **parameters)

        assert new("2019", CloudServicesMailEnabled=True)["CloudServicesMailEnabled"] == "true"
        assert new("2019", ConnectorType="XPremises")["ConnectorType"] == "XPremises"
        for build, name, value in (
            ("2013", "ConnectorType", "XPremises"),
            ("2010", "CloudServicesMailEnabled", True),
            ("2013", "IsCoexistenceConnector", True),
        ):
            assert new(build, **{name: value}).error_id.startswith("NamedParameterNotFound,")


class TestAReceiveConnector:
    @rule("4-6")
    def test_may_show_custom_among_its_groups(self, lab: Any) -> None:
        lab.run(
            "Set-ReceiveConnector",
            Identity="MBX1\\Default Frontend MBX1",
            PermissionGroups="AnonymousUsers, Custom",
        )
        shown = lab.run("Get-ReceiveConnector", "MBX1\\Default Frontend MBX1")
        assert shown["PermissionGroups"] == "AnonymousUsers, Custom"

    @rule("4-10")
    @pytest.mark.parametrize("name", ["BareLinefeedRejectionEnabled", "SmtpUtf8Enabled"])
    def test_has_settings_that_new_does_not_take(self, lab: Any, name: str) -> None:
        new = lab.run(
            "New-ReceiveConnector",
            Name="a",
            Bindings="0.0.0.0:26",
            RemoteIPRanges="192.0.2.1",
            **{name: True},
        )
        assert new.error_id.startswith("NamedParameterNotFound,")
        changed = lab.run("Set-ReceiveConnector", Identity="MBX1\\Default MBX1", **{name: True})
        assert changed.errors == []


class TestNumbers:
    @rule("6.4-5", "6.4-6")
    @pytest.mark.parametrize(
        ("enumeration", "text", "number"),
        [
            (enums.TLS_AUTH_LEVEL, "CertificateValidation", 2),
            (enums.SERVER_ROLE, "Mailbox", 2),
            (enums.SERVER_ROLE, "HubTransport", 32),
            (enums.SERVER_ROLE, "FrontendTransport", 16384),
            (enums.SIZE_MODE, "Enabled", 1),
            (enums.SIZE_MODE, "EnabledWithoutValue", 2),
            (enums.MESSAGE_RATE_SOURCE, "IPAddress", 1),
            (enums.MESSAGE_RATE_SOURCE, "User", 2),
            (enums.PROTOCOL_LOGGING, "None", 0),
            (enums.PROTOCOL_LOGGING, "Verbose", 1),
            (enums.ACCEPTED_DOMAIN_TYPE, "Authoritative", 0),
            (enums.ACCEPTED_DOMAIN_TYPE, "ExternalRelay", 1),
            (enums.ACCEPTED_DOMAIN_TYPE, "InternalRelay", 2),
            (enums.OBJECT_STATE, "Unchanged", 1),
            (enums.AUTH_MECHANISM, "Tls, Integrated, BasicAuth, BasicAuthRequireTLS", 15),
            (enums.AUTH_MECHANISM, "Tls, Integrated, BasicAuth, BasicAuthRequireTLS, ExchangeServer", 31),
            (enums.PERMISSION_GROUPS, "AnonymousUsers, ExchangeServers", 5),
            (enums.PERMISSION_GROUPS, "ExchangeUsers, ExchangeLegacyServers", 10),
        ],
    )
    def test_are_those_of_the_exports(self, enumeration: enums.Enumeration, text: str, number: int) -> None:
        assert enumeration.number(text) == number
        assert enumeration.text(number) == text
