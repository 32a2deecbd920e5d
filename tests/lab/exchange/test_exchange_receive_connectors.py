"""Receive connector cmdlets: section 4 of the rules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.rules import rule

FRONTEND = "MBX1\\Default Frontend MBX1"
NEW = {"Name": "relay", "Bindings": ["192.0.2.1:25"], "RemoteIPRanges": ["10.0.0.0/8"]}


def new(lab: Any, **parameters: Any) -> Any:
    return lab.run("New-ReceiveConnector", **{**NEW, **parameters})


def change(lab: Any, identity: str = "MBX1\\relay", **parameters: Any) -> Any:
    return lab.run("Set-ReceiveConnector", Identity=identity, **parameters)


def get(lab: Any, identity: str = "MBX1\\relay") -> Any:
    return lab.run("Get-ReceiveConnector", Identity=identity)


class TestSetup:
    @rule("4-11")
    def test_leaves_five_connectors_on_a_mailbox_server(self, lab: Any) -> None:
        """[4-11]"""
        found = {o.properties["Name"].text: o for o in lab.run("Get-ReceiveConnector").objects}
        assert set(found) == {
            "Default MBX1",
            "Client Proxy MBX1",
            "Default Frontend MBX1",
            "Outbound Proxy Frontend MBX1",
            "Client Frontend MBX1",
        }
        assert get(lab, "MBX1\\Default MBX1").items("Bindings") == ["0.0.0.0:2525", "[::]:2525"]
        assert get(lab, FRONTEND)["MaxHopCount"] == "60"
        assert get(lab, FRONTEND)["PermissionGroups"] == (
            "AnonymousUsers, ExchangeServers, ExchangeLegacyServers"
        )

    def test_leaves_two_on_exchange_2010(self, new_lab: Callable[..., Any]) -> None:
        lab = new_lab(build="2010")
        names = [o.properties["Name"].text for o in lab.run("Get-ReceiveConnector").objects]
        assert names == ["Default MBX1", "Client MBX1"]

    @rule("4-10")
    def test_leaves_one_on_an_edge_server(self, lab: Any) -> None:
        """[4-10]: shorter timeouts, a limited rate."""
        result = lab.run("Get-ReceiveConnector", on="EDGE1", endpoint="winrm")
        assert result["Identity"] == "EDGE1\\Default internal receive connector EDGE1"
        assert result["ConnectionTimeout"] == "00:05:00"
        assert result["ConnectionInactivityTimeout"] == "00:01:00"
        assert result["MessageRateLimit"] == "600"


class TestListing:
    @rule("1-7")
    def test_gives_every_server_of_the_organization(self, new_lab: Callable[..., Any]) -> None:
        lab = new_lab(servers=2)
        assert len(lab.run("Get-ReceiveConnector").objects) == 10
        assert len(lab.run("Get-ReceiveConnector", Server="mbx2.contoso.com").objects) == 5

    def test_does_not_reach_an_edge_server(self, lab: Any) -> None:
        result = lab.run("Get-ReceiveConnector", Server="EDGE1")
        assert "ManagementObjectNotFoundException" in result.error_id


class TestAnIdentity:
    @pytest.mark.parametrize("verb", ["Get", "Set", "Remove"])
    @rule("1-7")
    def test_without_a_server_is_of_the_connected_one(self, new_lab: Callable[..., Any], verb: str) -> None:
        """[1-7]: nobody means a connector of another server by its bare name."""
        lab = new_lab(servers=2)
        assert lab.run("New-ReceiveConnector", **NEW, Server="MBX2").errors == []
        missed = lab.run(f"{verb}-ReceiveConnector", Identity="relay")
        assert "ManagementObjectNotFoundException" in missed.error_id
        assert missed.prompts == []
        assert lab.run(f"{verb}-ReceiveConnector", Identity="relay", on="MBX2").errors == []

    @rule("1-7")
    def test_with_a_server_or_a_guid_is_found_from_everywhere(self, new_lab: Callable[..., Any]) -> None:
        lab = new_lab(servers=2)
        guid = lab.run("New-ReceiveConnector", **NEW, Server="MBX2")["Guid"]
        for identity in ("MBX2\\relay", "mbx2.contoso.com\\RELAY", guid):
            assert get(lab, identity)["Identity"] == "MBX2\\relay"
        assert len(get(lab, "mbx2").objects) == 6


class TestANewConnector:
    @rule("4-2", "4-11")
    def test_has_the_defaults_of_its_usage(self, lab: Any) -> None:
        """[4-2], [4-11]: not those of setup."""
        result = new(lab, Usage="Partner")
        assert result["PermissionGroups"] == "Partners"
        assert result["AuthMechanism"] == "Tls"
        assert result["MaxHopCount"] == "30"
        assert result["TransportRole"] == "HubTransport"
        assert result["Identity"] == "MBX1\\relay"

    @rule("4-2")
    def test_is_custom_without_a_usage(self, lab: Any) -> None:
        assert new(lab)["PermissionGroups"] == "None"

    @rule("4-1")
    def test_for_clients_needs_ranges_and_forbids_bindings(self, lab: Any) -> None:
        """[4-1]"""
        named = {"Name": "c", "RemoteIPRanges": ["10.1.0.0/16"]}
        made = lab.run("New-ReceiveConnector", Usage="Client", **named)
        assert made.items("Bindings") == ["0.0.0.0:587"]
        assert made["AuthMechanism"] == "Tls, Integrated, BasicAuth, BasicAuthRequireTLS"
        refused = lab.run("New-ReceiveConnector", Usage="Client", Bindings=["192.0.2.1:587"], **named)
        assert refused.error.target == "Bindings"

    @rule("4-1")
    def test_for_the_internet_forbids_ranges(self, lab: Any) -> None:
        """[4-1]"""
        made = lab.run("New-ReceiveConnector", Name="i", Internet=..., Bindings=["192.0.2.9:25"])
        assert made.items("RemoteIPRanges")[-1] == "0.0.0.0-255.255.255.255"
        assert new(lab, Usage="Internet").error.target == "RemoteIPRanges"

    @rule("4-3")
    def test_must_not_take_a_binding_that_is_taken(self, lab: Any) -> None:
        """[4-3]"""
        everyone = ["::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "0.0.0.0-255.255.255.255"]
        both = {"Bindings": ["0.0.0.0:25"], "RemoteIPRanges": everyone}
        assert new(lab, **both).error.target == FRONTEND

    @rule("4-3")
    def test_may_share_a_binding_for_a_smaller_range(self, lab: Any) -> None:
        """[4-3]: inside the other is allowed, half outside is not."""
        assert new(lab, Bindings=["0.0.0.0:25"]).errors == []
        overlapping = new(lab, Name="b", Bindings=["0.0.0.0:25"], RemoteIPRanges=["9.0.0.0-10.0.0.9"])
        assert overlapping.error.target == "MBX1\\relay"

    @rule("4-10")
    def test_name_has_at_most_64_characters(self, lab: Any) -> None:
        """[4-10]"""
        assert "DataValidationException" in new(lab, Name="x" * 65).error_id

    @rule("4-10")
    def test_on_an_edge_server_has_no_transport_role(self, lab: Any) -> None:
        """[4-10]"""
        named = {**NEW, "TransportRole": "FrontendTransport"}
        assert lab.run("New-ReceiveConnector", on="EDGE1", endpoint="winrm", **named).errors


class TestInterlocks:
    @rule("4-5", "4-7", "4-8")
    @pytest.mark.parametrize(
        ("parameters", "target"),
        [
            ({"AuthMechanism": "BasicAuthRequireTLS"}, "AuthMechanism"),  # [4-5]
            ({"AuthMechanism": ["Tls", "ExternalAuthoritative", "ExchangeServer"]}, "AuthMechanism"),
            ({"AuthMechanism": "Tls, ExternalAuthoritative"}, "AuthMechanism"),  # [4-5]
            ({"AuthMechanism": "None", "RequireTLS": True}, "RequireTLS"),  # [4-5]
            ({"AuthMechanism": "None, Tls"}, "AuthMechanism"),  # [4-5]
            ({"AuthMechanism": ["Tls", "none"]}, "AuthMechanism"),  # [4-5]
            ({"AuthMechanism": "None", "DomainSecureEnabled": True}, "DomainSecureEnabled"),  # [4-7]
            ({"Banner": "250 hello"}, "Banner"),  # [4-7]
            ({"ChunkingEnabled": False}, "BinaryMimeEnabled"),  # [4-7]
            ({"ConnectionInactivityTimeout": "00:10:00"}, "ConnectionInactivityTimeout"),  # [4-7]
            ({"SuppressXAnonymousTls": True}, "SuppressXAnonymousTls"),  # [4-8]
        ],
    )
    def test_refuse(self, lab: Any, parameters: dict[str, Any], target: str) -> None:
        assert new(lab).errors == []
        assert change(lab, **parameters).error.target == target

    @rule("4-4")
    def test_keep_the_servers_own_name_where_exchange_servers_log_on(self, lab: Any) -> None:
        """[4-4]"""
        refused = change(lab, FRONTEND, Fqdn="mail.contoso.com")
        assert refused.error.target == "Fqdn"
        for name in ("MBX1", "mbx1.contoso.com", None):
            assert change(lab, FRONTEND, Fqdn=name).errors == []

    @rule("4-4")
    def test_allow_a_foreign_name_elsewhere(self, lab: Any) -> None:
        new(lab)
        assert change(lab, Fqdn="mail.contoso.com").errors == []

    @rule("4-8")
    def test_let_x_anonymous_tls_be_suppressed_after_the_service_agrees(self, lab: Any) -> None:
        """[4-8]"""
        new(lab)
        agreed = lab.run("Set-TransportService", Identity="MBX1", UseDowngradedExchangeServerAuth=True)
        assert agreed.errors == []
        assert lab.run("Get-TransportService")["UseDowngradedExchangeServerAuth"] == "true"
        assert change(lab, SuppressXAnonymousTls=True).errors == []

    @rule("4-5")
    def test_take_external_authority_with_the_right_group(self, lab: Any) -> None:
        """[4-5]"""
        new(lab)
        both = {"AuthMechanism": "Tls, ExternalAuthoritative", "PermissionGroups": "ExchangeServers"}
        assert change(lab, **both).errors == []
        assert get(lab)["AuthMechanism"] == "Tls, ExternalAuthoritative"


class TestAChange:
    @rule("4-9")
    def test_binds_a_certificate(self, lab: Any) -> None:
        name = "<I>CN=CA<S>CN=mail.contoso.com"
        assert change(lab, FRONTEND, TlsCertificateName=name).xml == []
        assert get(lab, FRONTEND)["TlsCertificateName"] == name
        change(lab, FRONTEND, TlsCertificateName=None)
        assert get(lab, FRONTEND)["TlsCertificateName"] is None

    def test_is_found_without_the_servers_name(self, lab: Any) -> None:
        assert change(lab, "Default Frontend MBX1", Comment="x").errors == []

    @rule("1-7")
    def test_of_the_name_keeps_the_server(self, lab: Any) -> None:
        new(lab)
        change(lab, Name="other")
        assert get(lab, "MBX1\\other")["Identity"] == "MBX1\\other"

    @rule("3-22")
    def test_edits_ranges(self, lab: Any) -> None:
        new(lab)
        change(lab, RemoteIPRanges={"Add": ["172.16.0.0/12"]})
        assert get(lab).items("RemoteIPRanges") == ["10.0.0.0/8", "172.16.0.0/12"]

    def test_names_an_accepted_domain(self, lab: Any) -> None:
        new(lab)
        change(lab, DefaultDomain="contoso.com")
        assert get(lab)["DefaultDomain"] == "contoso.com"

    def test_is_refused_what_is_taken_or_unknown(self, lab: Any) -> None:
        new(lab)
        assert "ADObjectAlreadyExistsException" in change(lab, Name="Default MBX1").error_id
        assert "ADObjectAlreadyExistsException" in new(lab).error_id
        assert "DataValidationException" in change(lab, Name=" ").error_id
        assert "ManagementObjectNotFoundException" in change(lab, "MBX9\\relay", Comment="x").error_id
        assert "ManagementObjectNotFoundException" in change(lab, DefaultDomain="x.com").error_id
        assert change(lab, Comment="").warnings

    @rule("3-22")
    def test_is_not_made_by_an_edit(self, lab: Any) -> None:
        """[3-22]"""
        assert new(lab, RemoteIPRanges={"Add": ["10.0.0.0/8"]}).has_terminated

    def test_of_an_unknown_usage(self, lab: Any) -> None:
        assert new(lab, Usage="Everything").has_terminated

    @rule("1-9")
    def test_removal_asks_first(self, lab: Any) -> None:
        new(lab)
        assert lab.run("Remove-ReceiveConnector", Identity="MBX1\\relay", answer=3).prompts
        assert get(lab).objects
        lab.run("Remove-ReceiveConnector", Identity="MBX1\\relay", Confirm=False)
        assert get(lab).errors
