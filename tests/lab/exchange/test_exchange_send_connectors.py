"""Send connector cmdlets: section 3 of the rules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from reconciler.lab.call import Credential, Secret
from reconciler.lab.exchange.clixml import Obj
from tests.rules import rule


def new(lab: Any, name: str = "a", **parameters: Any) -> Any:
    result = lab.run("New-SendConnector", **{"Name": name, "AddressSpaces": ["*"], **parameters})
    assert result.errors == [], result.errors
    return result


def change(lab: Any, **parameters: Any) -> Any:
    return lab.run("Set-SendConnector", **{"Identity": "a", **parameters})


def get(lab: Any, name: str = "a") -> Any:
    return lab.run("Get-SendConnector", Identity=name)


class TestANewConnector:
    @rule("3-17", "3-18", "3-16")
    def test_has_exchanges_defaults(self, lab: Any) -> None:
        result = new(lab)
        assert result.items("AddressSpaces") == ["SMTP:*;1"]
        assert result["MaxMessageSize"] == "35 MB (36,700,160 bytes)"
        assert result["ConnectionInactivityTimeOut"] == "00:10:00"
        assert result["DNSRoutingEnabled"] == "true"
        assert result["Comment"] == ""
        assert result["TlsAuthLevel"] is None
        assert result["Fqdn"] is None
        assert result["Port"] == "25"

    @rule("3-23")
    def test_has_the_server_that_made_it_as_its_source(self, lab: Any) -> None:
        """[3-23, inf]"""
        assert new(lab).items("SourceTransportServers") == ["MBX1"]

    @rule("3-23")
    def test_takes_servers_by_any_name_and_gives_short_names(self, new_lab: Callable[..., Any]) -> None:
        """[3-23]"""
        lab = new_lab(servers=2)
        result = new(lab, SourceTransportServers=["mbx2.contoso.com", "mbx1"])
        assert result.items("SourceTransportServers") == ["MBX2", "MBX1"]

    def test_refuses_a_source_that_is_no_server(self, lab: Any) -> None:
        result = lab.run("New-SendConnector", Name="a", AddressSpaces="*", SourceTransportServers=["X9"])
        assert "ManagementObjectNotFoundException" in result.error_id

    @rule("1-3")
    def test_is_seen_from_every_mailbox_server(self, new_lab: Callable[..., Any]) -> None:
        """[1-3]"""
        lab = new_lab(servers=2)
        new(lab)
        assert lab.run("Get-SendConnector", on="MBX2")["Name"] == "a"

    def test_must_have_a_name_of_its_own(self, lab: Any) -> None:
        new(lab)
        result = lab.run("New-SendConnector", Name="A", AddressSpaces=["x.com"])
        assert "ADObjectAlreadyExistsException" in result.error_id

    @rule("3-22")
    def test_is_not_made_by_an_edit(self, lab: Any) -> None:
        """[3-22]: New has the list form only."""
        result = lab.run("New-SendConnector", Name="a", AddressSpaces={"Add": ["x.com"]})
        assert result.error_id.startswith("ParameterArgumentTransformationError,")

    @rule("3-20")
    def test_has_one_usage(self, lab: Any) -> None:
        """[3-20]"""
        two = lab.run("New-SendConnector", Name="a", AddressSpaces="*", Usage="Partner", Internet=...)
        assert "ArgumentException" in two.error_id
        assert lab.run("New-SendConnector", Name="a", AddressSpaces="*", Internet=...).errors == []

    @rule("3-9")
    def test_prints_smart_hosts_twice(self, lab: Any) -> None:
        """[3-9]"""
        result = new(lab, SmartHosts=["mx.x.com", "192.0.2.1"], DNSRoutingEnabled=False)
        assert result.items("SmartHosts") == ["mx.x.com", "[192.0.2.1]"]
        assert result["SmartHostsString"] == "mx.x.com,[192.0.2.1]"

    @rule("1-10")
    def test_does_not_show_its_credential(self, lab: Any) -> None:
        """[1-10]"""
        result = new(
            lab,
            SmartHosts=["mx.x.com"],
            DNSRoutingEnabled=False,
            SmartHostAuthMechanism="BasicAuth",
            AuthenticationCredential=Credential("user", Secret("hunter2")),
        )
        assert result["AuthenticationCredential"] is None
        assert "hunter2" not in result.xml[0]
        files = [path.read_text() for path in lab.directory.rglob("*.json")]
        assert not any("hunter2" in text for text in files)

    @rule("6.5-1")
    def test_refers_to_one_object_as_identity_and_id(self, lab: Any) -> None:
        (connector,) = new(lab).objects
        assert isinstance(connector, Obj)
        assert connector.properties is not None
        assert connector.properties["Id"] is connector.properties["Identity"]


class TestInterlocks:
    @rule("3-11", "3-12", "3-13", "3-8", "3-10", "1-4")
    @pytest.mark.parametrize(
        ("parameters", "target"),
        [
            ({"RequireTLS": True, "IgnoreSTARTTLS": True}, "RequireTLS"),  # [3-11]
            ({"TlsAuthLevel": "CertificateValidation"}, "TlsAuthLevel"),  # [3-12]
            ({"TlsAuthLevel": "EncryptionOnly", "IgnoreSTARTTLS": True}, "TlsAuthLevel"),  # [3-12]
            ({"RequireTLS": True, "TlsAuthLevel": "EncryptionOnly", "TlsDomain": "x.com"}, "TlsDomain"),
            ({"TlsDomain": "x.com"}, "TlsDomain"),  # [3-13]
            (
                {
                    "RequireTLS": True,
                    "TlsAuthLevel": "DomainValidation",
                    "SmartHosts": ["mx.x.com"],
                    "DNSRoutingEnabled": False,
                },
                "TlsDomain",
            ),  # [3-13]
            ({"SmartHosts": ["mx.x.com"]}, "SmartHosts"),  # [3-8]
            ({"DNSRoutingEnabled": False}, "SmartHosts"),  # [3-8]
            ({"AddressSpaces": ["X400:c=us;1"]}, "AddressSpaces"),  # [3-8]
            (
                {
                    "SmartHosts": ["m.x.com"],
                    "DNSRoutingEnabled": False,
                    "SmartHostAuthMechanism": "BasicAuth",
                },
                "AuthenticationCredential",
            ),  # [3-10]
            ({"SourceIPAddress": "192.0.2.1"}, "SourceIPAddress"),  # [1-4]
        ],
    )
    def test_refuse_a_new_connector(self, lab: Any, parameters: dict[str, Any], target: str) -> None:
        result = lab.run("New-SendConnector", **{"Name": "a", "AddressSpaces": ["*"], **parameters})
        assert result.error.target == target
        assert result.error.category == 5
        assert lab.run("Get-SendConnector").objects == []

    def test_keep_at_least_one_address_space(self, lab: Any) -> None:
        new(lab)
        assert change(lab, AddressSpaces=[]).error.target == "AddressSpaces"

    @rule("3-13")
    def test_allow_domain_validation_without_a_domain_over_dns(self, lab: Any) -> None:
        """[3-13]: the recipient's domain is matched then."""
        assert new(lab, RequireTLS=True, TlsAuthLevel="DomainValidation")["TlsDomain"] is None

    @rule("3-12")
    def test_judge_the_connector_as_it_would_be(self, lab: Any) -> None:
        """[3-12]: lowering RequireTLS must clear TlsAuthLevel in the same call."""
        new(lab, RequireTLS=True, TlsAuthLevel="CertificateValidation")
        assert change(lab, RequireTLS=False).error.target == "TlsAuthLevel"
        assert get(lab)["RequireTLS"] == "true"
        assert change(lab, RequireTLS=False, TlsAuthLevel=None).errors == []
        assert get(lab)["TlsAuthLevel"] is None

    @rule("3-8")
    def test_want_both_on_one_line_to_switch_the_route(self, lab: Any) -> None:
        """[3-8]"""
        new(lab, SmartHosts=["mx.x.com"], DNSRoutingEnabled=False)
        assert change(lab, DNSRoutingEnabled=True).error.target == "SmartHosts"
        assert change(lab, DNSRoutingEnabled=True, SmartHosts=None).errors == []
        assert change(lab, DNSRoutingEnabled=False, SmartHosts=["mx.y.com"]).errors == []

    @rule("3-14")
    def test_do_not_refuse_domain_security(self, lab: Any) -> None:
        """[3-14]: the page says that it would not function, not that it is refused."""
        new(lab, DomainSecureEnabled=True)


class TestAChange:
    def test_gives_nothing_back(self, lab: Any) -> None:
        new(lab)
        assert change(lab, Comment="x").xml == []

    def test_touches_only_what_it_names(self, lab: Any) -> None:
        new(lab, Comment="x", Port=2525)
        before = dict(get(lab).one.properties)
        lab.later(hours=1)
        change(lab, MaxMessageSize="10MB")
        after = get(lab).one.properties
        differing = {n for n in after if _plain(after[n]) != _plain(before[n])}
        assert differing == {"MaxMessageSize", "WhenChanged", "WhenChangedUTC"}

    def test_of_nothing_is_a_warning(self, lab: Any) -> None:
        new(lab)
        assert len(change(lab).warnings) == 1
        assert change(lab, WarningAction="SilentlyContinue").warnings == []

    @rule("3-22")
    def test_replaces_a_list_or_edits_it(self, lab: Any) -> None:
        """[3-22]"""
        new(lab, AddressSpaces=["a.com", "b.com"])
        change(lab, AddressSpaces={"Add": ["c.com"], "Remove": ["smtp:A.com;1"]})
        assert get(lab).items("AddressSpaces") == ["SMTP:b.com;1", "SMTP:c.com;1"]
        change(lab, AddressSpaces=["d.com;5"])
        assert get(lab).items("AddressSpaces") == ["SMTP:d.com;5"]

    @rule("3-24")
    def test_of_the_name_keeps_the_guid(self, lab: Any) -> None:
        """[3-24]"""
        guid = new(lab)["Guid"]
        change(lab, Name="Mail, to all")
        renamed = get(lab, "Mail, to all")
        assert renamed["Guid"] == guid
        assert renamed["Identity"] == "Mail, to all"
        assert (renamed["DistinguishedName"] or "").startswith("CN=Mail\\, to all,CN=Connections,")
        assert get(lab, guid or "").one.text == "Mail, to all"

    @rule("3-15")
    def test_takes_a_certificate_name_away_with_null(self, lab: Any) -> None:
        """[3-15]"""
        new(lab, TlsCertificateName="<I>CN=a<S>CN=b")
        change(lab, TlsCertificateName=None)
        assert get(lab)["TlsCertificateName"] is None

    @rule("3-23")
    @pytest.mark.parametrize("sources", [[], None, {"Remove": ["MBX1"]}])
    def test_leaves_a_source(self, lab: Any, sources: Any) -> None:
        new(lab)
        assert change(lab, SourceTransportServers=sources).error.target == "SourceTransportServers"
        assert get(lab).items("SourceTransportServers") == ["MBX1"]

    @rule("1-8")
    def test_of_what_is_not_there(self, lab: Any) -> None:
        assert "ManagementObjectNotFoundException" in change(lab, Comment="x").error_id


class TestRemoving:
    @rule("1-9")
    def test_asks_first(self, lab: Any) -> None:
        """[1-9]"""
        new(lab)
        result = lab.run("Remove-SendConnector", Identity="a", answer=2)
        assert len(result.prompts) == 1
        assert [label.replace("&", "") for label, _ in result.prompts[0].choices] == [
            "Yes",
            "Yes to All",
            "No",
            "No to All",
        ]
        assert get(lab).objects
        lab.run("Remove-SendConnector", Identity="a", answer=0)
        assert lab.run("Get-SendConnector").objects == []

    @rule("1-9")
    def test_does_not_ask_when_told_not_to(self, lab: Any) -> None:
        new(lab)
        assert lab.run("Remove-SendConnector", Identity="a", Confirm=False).prompts == []
        assert lab.run("Get-SendConnector").objects == []

    @rule("5-7")
    def test_fails_where_nobody_can_answer(self, lab: Any) -> None:
        """[5-7]"""
        new(lab)
        result = lab.run("Remove-SendConnector", Identity="a", answer=None)
        assert result.has_terminated
        assert get(lab).objects

    @rule("5-7")
    @pytest.mark.parametrize("answer", [-1, 4])
    def test_fails_where_the_answer_is_no_choice(self, lab: Any, answer: int) -> None:
        """A client that counts wrongly must not look as if it had said No."""
        new(lab)
        result = lab.run("Remove-SendConnector", Identity="a", answer=answer)
        assert result.has_terminated
        assert result.error_id.startswith("System.ArgumentOutOfRangeException,")
        assert get(lab).objects

    def test_is_announced_only_with_what_if(self, lab: Any) -> None:
        new(lab)
        assert lab.run("Remove-SendConnector", Identity="a", WhatIf=...).prompts == []
        assert get(lab).objects


class TestListing:
    @rule("1-8")
    def test_with_a_null_identity_gives_everything(self, lab: Any) -> None:
        """[1-8]"""
        new(lab, "a")
        new(lab, "b", AddressSpaces=["b.com"])
        assert len(lab.run("Get-SendConnector", Identity=None).objects) == 2

    @rule("1-8")
    def test_of_what_is_not_there_is_an_error(self, lab: Any) -> None:
        result = lab.run("Get-SendConnector", Identity="none")
        assert not result.has_terminated
        assert "[Server=MBX1,RequestId=" in result.error_id


class TestAnEdgeServer:
    @rule("1-4")
    def test_has_connectors_of_its_own(self, lab: Any) -> None:
        """[1-4]"""
        result = lab.run("New-SendConnector", Name="out", AddressSpaces="*", on="EDGE1", endpoint="winrm")
        assert result.errors == []
        assert lab.run("Get-SendConnector").objects == []
        assert lab.run("Get-SendConnector", on="EDGE1", endpoint="winrm")["Name"] == "out"

    @rule("1-4")
    @pytest.mark.parametrize(
        "parameters",
        [
            {"SourceTransportServers": ["EDGE1"]},
            {"DomainController": "dc1.contoso.com"},
            {"AddressSpaces": ["X400:c=us;1"], "SmartHosts": ["a.com"], "DNSRoutingEnabled": False},
        ],
    )
    def test_refuses(self, lab: Any, parameters: dict[str, Any]) -> None:
        """[1-4]"""
        named = {"Name": "out", "AddressSpaces": ["*"], **parameters}
        assert lab.run("New-SendConnector", on="EDGE1", endpoint="winrm", **named).error.category == 5

    @rule("1-4")
    def test_takes_a_source_address(self, lab: Any) -> None:
        """[1-4]"""
        named = {"Name": "out", "AddressSpaces": ["*"], "SourceIPAddress": "192.0.2.7"}
        result = lab.run("New-SendConnector", on="EDGE1", endpoint="winrm", **named)
        assert result["SourceIPAddress"] == "192.0.2.7"


def _plain(value: Any) -> Any:
    from reconciler.lab.exchange.clixml import write

    return write(value)
