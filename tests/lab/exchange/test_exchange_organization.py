"""The organization: made up, kept on disk, opened again; and how its objects are written."""

from __future__ import annotations

import base64
import os
import re
import stat
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from reconciler.lab.call import Argument, Output
from reconciler.lab.exchange.clixml import Obj, Scalar
from reconciler.lab.exchange.nrbf_reader import unframed
from tests.rules import rule

LISTS = (
    "Get-ExchangeCertificate",
    "Get-SendConnector",
    "Get-ReceiveConnector",
    "Get-ExchangeServer",
    "Get-AcceptedDomain",
    "Get-TransportService",
    "Get-FrontendTransportService",
    "Get-OrganizationConfig",
    "Get-TransportConfig",
    "Get-AuthConfig",
    "Get-PopSettings",
    "Get-ImapSettings",
    "Get-EdgeSubscription",
    "Get-FederationTrust",
    "Get-HybridConfiguration",
)


def everything(lab: Any, **options: Any) -> list[str]:
    return [xml for cmdlet in LISTS for xml in lab.run(cmdlet, **options).xml]


def blobs(xml: list[str]) -> list[bytes]:
    found = re.findall(r'<BA N="SerializationData">([^<]*)</BA>', "".join(xml))
    return [base64.b64decode(text) for text in found]


class TestAMadeUpOrganization:
    def test_has_the_servers_asked_for(self, new_lab: Callable[..., Any]) -> None:
        lab = new_lab(servers=2, edges=2, build="2016-cu23")
        facts = [(s.name, s.fqdn, s.is_edge, s.build) for s in lab.exchange.servers()]
        assert facts == [
            ("MBX1", "mbx1.contoso.com", False, "2016-cu23"),
            ("MBX2", "mbx2.contoso.com", False, "2016-cu23"),
            ("EDGE1", "edge1.contoso.com", True, "2016-cu23"),
            ("EDGE2", "edge2.contoso.com", True, "2016-cu23"),
        ]

    def test_has_no_send_connector(self, lab: Any) -> None:
        assert lab.run("Get-SendConnector").objects == []
        assert lab.run("Get-SendConnector", on="EDGE1", endpoint="winrm").objects == []

    @rule("1-4", "6.5-2")
    def test_lists_mailbox_servers_to_mailbox_servers(self, lab: Any) -> None:
        """[1-4]: the Edge server is not subscribed."""
        server = lab.run("Get-ExchangeServer")
        assert server["Name"] == "MBX1"
        assert server["AdminDisplayVersion"] == "Version 15.2 (Build 1748.10)"
        assert (server["ServerRole"], server["IsHubTransportServer"]) == ("Mailbox", "true")  # [6.5-2]
        edge = lab.run("Get-ExchangeServer", on="EDGE1", endpoint="winrm")
        assert (edge["Name"], edge["IsEdgeServer"]) == ("EDGE1", "true")

    def test_has_one_accepted_domain(self, lab: Any) -> None:
        domain = lab.run("Get-AcceptedDomain")
        assert (domain["DomainName"], domain["DomainType"]) == ("contoso.com", "Authoritative")

    def test_answers_every_read(self, lab: Any) -> None:
        for cmdlet in LISTS:
            assert lab.run(cmdlet).errors == []
            assert lab.run(cmdlet, on="EDGE1", endpoint="winrm").errors == []

    def test_is_told_from_another_by_a_guid_that_stays(self, lab: Any, new_lab: Callable[..., Any]) -> None:
        first = lab.run("Get-OrganizationConfig")["Guid"]
        assert first == lab.run("Get-OrganizationConfig")["Guid"]
        assert first != new_lab().run("Get-OrganizationConfig")["Guid"]

    def test_names_no_server_that_is_not_there(self, lab: Any) -> None:
        with pytest.raises(KeyError):
            lab.run("Get-SendConnector", on="MBX9")


class TestTheTransportService:
    @pytest.mark.parametrize(
        ("name", "value", "printed"),
        [
            ("MessageExpirationTimeout", "3.00:00:00", "3.00:00:00"),
            ("MaxOutboundConnections", "unlimited", "Unlimited"),
            ("MaxOutboundConnections", 500, "500"),
            ("ConnectivityLogPath", "D:\\Logs", "D:\\Logs"),
            ("IntraOrgConnectorProtocolLoggingLevel", "verbose", "Verbose"),
        ],
    )
    def test_takes_settings(self, lab: Any, name: str, value: Any, printed: str) -> None:
        assert lab.run("Set-TransportService", Identity="MBX1", **{name: value}).errors == []
        assert lab.run("Get-TransportService", Identity="mbx1.contoso.com")[name] == printed

    def test_takes_addresses(self, lab: Any) -> None:
        lab.run("Set-TransportService", "MBX1", ExternalDNSServers=["192.0.2.53"])
        assert lab.run("Get-TransportService").items("ExternalDNSServers") == ["192.0.2.53"]

    def test_refuses_what_is_out_of_range(self, lab: Any) -> None:
        result = lab.run("Set-TransportService", "MBX1", MessageExpirationTimeout="99.00:00:00")
        assert "DataValidationException" in result.error_id
        assert lab.run("Set-TransportService", "MBX1", MaxOutboundConnections="many").has_terminated

    def test_changes_nothing_with_a_warning(self, lab: Any) -> None:
        assert lab.run("Set-TransportService", "MBX1", AntispamAgentsEnabled=False).warnings

    def test_of_an_unknown_server(self, lab: Any) -> None:
        result = lab.run("Get-TransportService", Identity="MBX9")
        assert "ManagementObjectNotFoundException" in result.error_id


class TestWhatIsKept:
    def test_survives_being_opened_again(self, lab: Any) -> None:
        lab.run("New-SendConnector", Name="b", AddressSpaces="*")
        lab.run("New-SendConnector", Name="a", AddressSpaces="a.com")
        lab.run("New-ExchangeCertificate", GenerateRequest=..., SubjectName="CN=x.contoso.com")
        lab.run("Set-ReceiveConnector", Identity="MBX1\\Default MBX1", Comment="x")
        lab.run("Remove-SendConnector", Identity="a", Confirm=False)
        lab.run("Set-TransportService", Identity="MBX1", MaxConnectionRatePerMinute=7)
        before, snapshot = everything(lab), lab.exchange.snapshot()
        lab.exchange = lab.reopened()
        assert lab.exchange.snapshot() == snapshot
        assert everything(lab) == before

    def test_is_on_disk_before_the_answer(self, lab: Any) -> None:
        """A client that is told of success may die the moment after, and so may the lab."""
        arguments = [Argument("Name", "a"), Argument("AddressSpaces", "*")]
        steps = lab.call("New-SendConnector", *arguments, server="MBX1")
        assert isinstance(next(steps), Output)
        assert "a" in lab.reopened().snapshot()["send_connectors"]["ad"]
        steps.close()

    def test_ignores_other_arguments_when_it_is_there_already(self, lab: Any) -> None:
        assert len(lab.reopened(servers=9, build="no such build").servers()) == 2

    def test_half_made_is_made_again(self, new_lab: Callable[..., Any]) -> None:
        lab = new_lab()
        (lab.directory / "organization").rename(lab.directory / "organization.new")
        assert len(lab.reopened().servers()) == 1

    def test_has_keys_that_only_the_owner_reads(self, lab: Any) -> None:
        keys = list((lab.directory / "organization" / "keys").iterdir())
        assert len(keys) == 3
        assert all(stat.S_IMODE(os.stat(path).st_mode) == 0o600 for path in keys)

    def test_shows_no_key_in_any_output_or_other_file(self, lab: Any) -> None:
        output = "".join(everything(lab))
        others = [p.read_text() for p in lab.directory.rglob("*.json")]
        for path in (lab.directory / "organization" / "keys").iterdir():
            key = load_pem_private_key(path.read_bytes(), None)
            assert isinstance(key, rsa.RSAPrivateKey)
            numbers = key.private_numbers()
            for number in (numbers.p, numbers.q, numbers.d):
                octets = number.to_bytes((number.bit_length() + 7) // 8, "big")
                texts = [base64.b64encode(octets[i:]).decode()[:40] for i in range(3)]
                assert not any(text in content for text in texts for content in (output, *others))


class TestAFullSession:
    @rule("6.1-2")
    def test_gets_blobs_in_nested_objects(self, new_lab: Callable[..., Any]) -> None:
        """[6.1-2]; unsigned from builds before November 2023."""
        found = blobs(everything(new_lab(build="2019-cu11")))
        assert len(found) > 100
        assert not any(blob.startswith(b"#sig#") for blob in found)

    @rule("6.2-2")
    def test_gets_signed_blobs_from_newer_builds(self, lab: Any) -> None:
        """[6.2-2]: nested ones too, 32 bytes after the payload."""
        found = blobs(everything(lab))
        assert len(found) > 100
        assert all(blob.startswith(b"#sig#") and unframed(blob) for blob in found)

    @rule("6.1-4")
    def test_gets_type_names_as_the_server_has_them(self, lab: Any) -> None:
        """[6.1-4]: no ``Deserialized.``, and nothing that a client would add."""
        for xml in everything(lab):
            assert "Deserialized." not in xml
            assert "PSComputerName" not in xml

    @rule("6.5-1")
    def test_gets_each_object_self_contained(self, lab: Any) -> None:
        """[6.5-1]: RefIds count from 0 in each."""
        for xml in everything(lab):
            assert xml.startswith('<Obj RefId="0">')


class TestAPlainSession:
    @rule("6.1-5")
    def test_gets_strings_for_what_is_complex(self, lab: Any) -> None:
        """[6.1-5]"""
        lab.run("New-SendConnector", Name="a", AddressSpaces="*")
        plain = lab.run("Get-SendConnector", full=False).one
        assert plain.properties is not None
        assert plain.properties["MaxMessageSize"] == Scalar("S", "35 MB (36,700,160 bytes)")
        assert plain.properties["ProtocolLoggingLevel"] == Scalar("S", "None")
        assert plain.properties["RequireTLS"] == Scalar("B", "false")
        assert isinstance(plain.properties["AddressSpaces"], Obj)

    @rule("6.1-3")
    def test_gets_no_blob(self, lab: Any) -> None:
        assert blobs(everything(lab, full=False)) == []

    @rule("6.1-1")
    def test_gets_certificates_that_tell_nothing_but_themselves(self, lab: Any) -> None:
        """[6.1-1]"""
        for value in lab.run("Get-ExchangeCertificate", full=False).objects:
            assert isinstance(value, Obj)
            assert list(value.properties or {}) == ["RawData"]
            assert value.notes is None


class TestAnEdgeSession:
    @rule("5-1", "6.1-1")
    def test_gets_raw_data_only_but_other_objects_whole(self, lab: Any) -> None:
        certificate = lab.run("Get-ExchangeCertificate", on="EDGE1", endpoint="winrm").one
        assert list(certificate.properties or {}) == ["RawData"]
        assert certificate.notes is None
        (connector,) = lab.run("Get-ReceiveConnector", on="EDGE1", endpoint="winrm").xml
        assert connector.count("<Obj") > 20


class TestListingManyServers:
    def test_writes_an_object_once(self, new_lab: Callable[..., Any]) -> None:
        """The same text object comes back: nothing is written again until something changes."""
        lab = new_lab(servers=2)
        first, second = (lab.run("Get-ReceiveConnector").xml for _ in range(2))
        assert all(a is b for a, b in zip(first, second, strict=True))
        lab.run("Set-ReceiveConnector", Identity="MBX1\\Default MBX1", Comment="x")
        third = lab.run("Get-ReceiveConnector").xml
        assert sum(a is not b for a, b in zip(first, third, strict=True)) == 1
