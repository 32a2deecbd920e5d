"""From Exchange's objects to resources: any form of a value, and nothing unknown taken for absent."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.exchange import clixml
from reconciler.exchange.reading import read_certificate, read_resource
from state.resources import AcceptedDomain, Certificate, ReceiveConnector, Resource, SendConnector, Server
from state.resources.attribute import Kind
from state.snapshot import Unread
from state.values import UNKNOWN, UNSET, AddressSpace, ByteSize, DomainPattern, Name, SmartHost
from tests.rules import rule

SAMPLES = Path(__file__).parent / "samples"
KINDS: dict[str, type[Resource]] = {
    "SmtpSendConnectorConfig": SendConnector,
    "ReceiveConnector": ReceiveConnector,
    "ExchangeServer": Server,
    "AcceptedDomain": AcceptedDomain,
}
FOLDERS = [SAMPLES, *(Path(folder) for folder in [os.environ.get("EXCHANGE_CORPUS")] if folder)]


def made(*members: str, extended: str = "") -> clixml.Object:
    xml = f"<Obj><ToString>Mail</ToString><Props>{''.join(members)}</Props><MS>{extended}</MS></Obj>"
    (value,) = clixml.read(xml).values
    assert isinstance(value, clixml.Object)
    return value


def send(*members: str) -> SendConnector:
    return read_resource(SendConnector, made(*members))[0]


def reason(*members: str, attribute: str) -> str:
    """Why that attribute of a send connector could not be read."""
    resource, unread = read_resource(SendConnector, made(*members))
    assert getattr(resource, attribute) is UNKNOWN
    (found,) = [each.reason for each in unread if each.attribute == attribute]
    return found


def objects(path: Path) -> list[clixml.Object]:
    return [value for value in clixml.read(path.read_bytes()).values if isinstance(value, clixml.Object)]


class TestAValueOfAnotherType:
    """What is there and makes no sense is unknown, never a value."""

    @pytest.mark.parametrize(
        ("member", "attribute"),
        [
            ('<I32 N="TlsDomain">42</I32>', "tls_domain"),  # a domain may be called so
            ('<I32 N="SourceTransportServers">42</I32>', "source_transport_servers"),
            ('<B N="Comment">true</B>', "comment"),
            ('<I32 N="RequireTLS">1</I32>', "require_tls"),
            ('<BA N="Name">AAAA</BA>', "name"),
            ('<Obj N="Name"><I32>7</I32></Obj>', "name"),
            ('<Obj N="AddressSpaces"><Props /></Obj>', "address_spaces"),
            ('<Obj N="Fqdn"><Props /></Obj>', "fqdn"),
            ('<S N="SourceTransportServers">Microsoft.Exchange.Data.MultiValuedProperty`1[[A]]</S>', None),
            ('<S N="TlsDomain">System.Object</S>', "tls_domain"),
            ('<S N="Name">System.Collections.ArrayList</S>', "name"),
        ],
    )
    def test_is_unknown(self, member: str, attribute: str | None) -> None:
        assert reason(member, attribute=attribute or "source_transport_servers")

    @pytest.mark.parametrize(
        ("member", "attribute", "value"),
        [
            ('<S N="Comment">System.Object</S>', "comment", "System.Object"),
            ('<S N="Name">System mail</S>', "name", Name("System mail")),
            ('<S N="RequireTLS">True</S>', "require_tls", True),
            ('<S N="Port">25</S>', "port", 25),
            ('<I32 N="MaxMessageSize">1024</I32>', "max_message_size", ByteSize(1024)),
        ],
    )
    def test_may_be_one_all_the_same(self, member: str, attribute: str, value: object) -> None:
        assert getattr(send(member), attribute) == value


class TestBytesOfACertificate:
    def test_are_those_of_its_blob_where_raw_data_is_missing(self) -> None:
        """An update that shows no RawData takes nothing away: the blob holds the same bytes [6.3-4]."""
        (first, *_) = objects(SAMPLES / "certificates.xml")
        whole = read_certificate(first)[0]
        xml = (SAMPLES / "certificates.xml").read_text(encoding="utf-8").replace("RawData", "Elsewhere")
        without = read_certificate(next(v for v in clixml.read(xml).values if isinstance(v, clixml.Object)))[
            0
        ]
        assert without == whole


class TestAValue:
    @rule("6.1-5")
    @pytest.mark.parametrize(
        "member",
        [
            '<Obj N="MaxMessageSize"><ToString>35 MB (36,700,160 bytes)</ToString></Obj>',
            '<S N="MaxMessageSize">35 MB (36,700,160 bytes)</S>',
            '<Obj N="MaxMessageSize"><S>35 MB</S></Obj>',
        ],
    )
    def test_may_be_a_string_or_an_object(self, member: str) -> None:
        """Which one it is depends on the session [6.1-5]."""
        assert str(send(member).max_message_size) == "35 MB"

    @pytest.mark.parametrize(
        "member",
        [
            '<Obj N="SmartHosts"><LST><Obj><ToString>a.example</ToString></Obj><S>b.example</S></LST></Obj>',
            '<S N="SmartHosts">a.example,b.example</S>',
        ],
    )
    def test_may_be_several(self, member: str) -> None:
        assert send(member).smart_hosts == frozenset({SmartHost("a.example"), SmartHost("b.example")})

    @rule("3-2")
    def test_keeps_case_out_of_comparison(self) -> None:
        """One real connector says ``smtp:*;1`` [3-2]."""
        member = '<Obj N="AddressSpaces"><LST><Obj><ToString>smtp:*;1</ToString></Obj></LST></Obj>'
        assert send(member).address_spaces == frozenset({AddressSpace("*")})

    def test_that_is_an_enum_is_its_name(self) -> None:
        member = '<Obj N="TlsAuthLevel"><ToString>CertificateValidation</ToString><I32>2</I32></Obj>'
        assert send(member).tls_auth_level == "CertificateValidation"

    @pytest.mark.parametrize("member", ['<Nil N="Fqdn" />', '<S N="Fqdn"></S>'])
    def test_that_is_null_is_none(self, member: str) -> None:
        assert send(member).fqdn is None

    def test_that_is_a_null_list_or_text_is_empty(self) -> None:
        connector = send('<Nil N="SmartHosts" />', '<Nil N="Comment" />')
        assert connector.smart_hosts == frozenset()
        assert connector.comment == ""

    @rule("1-10")
    def test_that_exchange_never_returns_is_unknown_without_a_reason(self) -> None:
        """[1-10]: it would be told at every run."""
        connector, unread = read_resource(SendConnector, made())
        assert connector.authentication_credential is UNKNOWN
        assert "authentication_credential" not in {each.attribute for each in unread}

    def test_that_only_a_declaration_has_is_unset(self) -> None:
        assert send().role is UNSET


class TestAnUnreadableValue:
    def test_is_unknown_when_missing(self) -> None:
        assert reason(attribute="require_tls") == "Exchange did not return RequireTLS"

    @pytest.mark.parametrize(
        "member",
        [
            '<Nil N="Port" />',
            '<S N="Port">many</S>',
            '<Obj N="Port" />',
            '<Obj N="Port"><TN RefId="1"><T>Strange</T></TN></Obj>',
        ],
    )
    def test_is_unknown_when_it_makes_no_sense(self, member: str) -> None:
        assert reason(member, attribute="port")

    def test_is_unknown_when_it_is_the_number_of_a_name(self) -> None:
        """A number compared with a name would be drift for ever."""
        assert "2" in reason('<I32 N="ProtocolLoggingLevel">2</I32>', attribute="protocol_logging_level")

    def test_spoils_no_other(self) -> None:
        connector, unread = read_resource(SendConnector, made('<S N="Port">x</S>', '<B N="Enabled">true</B>'))
        assert connector.enabled is True
        assert Unread("Mail", "port", unread[0].reason) in unread or any(
            u.attribute == "port" for u in unread
        )

    def test_is_told_with_the_identity_of_its_object(self) -> None:
        _, unread = read_resource(
            SendConnector, made('<S N="Identity">EX1\\Mail</S>', '<S N="Name">Mail</S>')
        )
        assert {each.object for each in unread} == {"EX1\\Mail"}


class TestACertificate:
    def read(self) -> list[tuple[Certificate, tuple[Unread, ...]]]:
        return [read_certificate(found) for found in objects(SAMPLES / "certificates.xml")]

    @rule("6.1-6")
    def test_has_its_facts_from_its_bytes(self) -> None:
        """The text of a certificate is in the server's time zone [6.1-6]."""
        for (certificate, _), host in zip(self.read(), ("mail", "edge", "bare"), strict=True):
            assert certificate.not_after == datetime(2034, 1, 2, 3, 4, 5, tzinfo=UTC)
            assert certificate.domains == frozenset(
                {
                    DomainPattern(f"{host}.example.com"),
                    DomainPattern(f"alt.{host}.example.com"),
                }
            )
            assert certificate.subject == f"CN={host}.example.com, O=Contoso Ltd"
            assert certificate.self_signed is True

    def test_has_the_rest_from_its_serialization_data(self) -> None:
        (signed, _), (plain, unread), _ = self.read()
        assert signed.services == frozenset({"SMTP"})
        assert plain.services == frozenset({"IMAP", "IIS", "SMTP"})
        assert (plain.friendly_name, plain.status, plain.root_ca_type) == (
            "TLSCert edge.example.com",
            "Valid",
            "None",
        )
        assert (signed.exportable, plain.exportable, plain.has_private_key) == (False, True, True)
        assert unread == ()

    @rule("6.1-1")
    def test_without_serialization_data_is_unknown_in_that(self) -> None:
        """Not empty: a plan must not enable or replace what it cannot see [6.1-1]."""
        bare, unread = self.read()[2]
        told = {"friendly_name", "exportable", "services", "has_private_key", "status", "root_ca_type"}
        assert {name for name in told if getattr(bare, name) is UNKNOWN} == told
        assert {each.attribute for each in unread} == told
        assert {each.object for each in unread} == {str(bare.thumbprint)}

    def test_takes_properties_where_a_server_sends_them(self) -> None:
        bytes_member = '<S N="Services">IMAP, SMTP</S><B N="HasPrivateKey">true</B><S N="FriendlyName">x</S>'
        certificate, _ = read_certificate(made(bytes_member))
        assert certificate.services == frozenset({"IMAP", "SMTP"})
        assert certificate.has_private_key is True
        assert certificate.friendly_name == "x"

    @pytest.mark.parametrize(
        "raw", ["", '<BA N="RawData">AAAA</BA>', '<BA N="RawData">%</BA>', '<S N="RawData">x</S>']
    )
    def test_without_readable_bytes_is_unknown_in_all(self, raw: str) -> None:
        certificate, unread = read_certificate(made(raw))
        assert certificate.thumbprint is UNKNOWN
        assert certificate.not_after is UNKNOWN
        assert len(unread) == 16

    @pytest.mark.parametrize("blob", ["AAAA", "%", "I3NpZyM="])
    def test_with_a_broken_blob_is_unknown_in_that(self, blob: str) -> None:
        certificate, _ = read_certificate(made(extended=f'<BA N="SerializationData">{blob}</BA>'))
        assert certificate.services is UNKNOWN


@pytest.mark.parametrize(
    "path", [path for folder in FOLDERS for path in sorted(folder.glob("*.xml"))], ids=lambda path: path.name
)
def test_what_a_real_object_has_is_understood(path: Path) -> None:
    """Of every connector, server and domain, no property that is there is UNKNOWN."""
    for found in objects(path):
        kind = KINDS.get(found.types[0].rpartition(".")[2] if found.types else "")
        if kind is not None:
            resource, unread = read_resource(kind, found)
            missing = {name for name, a in kind.attributes().items() if a.exchange not in set(found.names())}
            assert {each.attribute for each in unread} <= missing
            for attribute, value in resource.declared(Kind.WRITABLE, Kind.OBSERVED):
                assert value is not UNKNOWN or attribute.write_only or attribute.name in missing


def test_the_sample_is_understood() -> None:
    """The one object of our own that has no corpus: what is there is read, what is not is told."""
    found = objects(SAMPLES / "send_connector.xml")[0]
    connector, unread = read_resource(SendConnector, found)
    assert connector.smart_hosts == frozenset(
        {SmartHost("relay.example.net"), SmartHost("backup.example.net")}
    )
    assert connector.require_tls is True
    assert connector.error_policies == frozenset()
    assert {"name", "enabled"} <= {each.attribute for each in unread}


names = st.from_regex(r"[A-Za-z][A-Za-z0-9]{0,12}", fullmatch=True)


@given(names, st.integers(0, 65535), st.booleans(), st.timedeltas(timedelta(0), timedelta(days=1)))
def test_what_exchange_prints_is_what_is_read(name: str, port: int, flag: bool, span: timedelta) -> None:
    """Each attribute written as its own text comes back as the same value."""
    value = SendConnector(
        name=Name(name), port=port, require_tls=flag, connection_inactivity_timeout=span, fqdn=None
    )
    members = [
        f'<Nil N="{attribute.exchange}" />'
        if given_value is None
        else f'<S N="{attribute.exchange}">{attribute.type.text(given_value)}</S>'
        for attribute, given_value in value.declared()
    ]
    read = send(*members)
    for attribute, given_value in value.declared():
        assert getattr(read, attribute.name) == given_value
