"""Golden files: what people and machines read, compared exactly, rewritten only with GOLDEN_UPDATE=1."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reconciler.cmdlets import receive_connector as receive_cmdlets
from reconciler.cmdlets.invocation import Answer, Invocation
from reconciler.diagnostics import Diagnostic, Severity, SourceRange
from reconciler.plan.certificate_problems import default_replaced
from reconciler.plan.change import Action, Change, Difference, Drift, Plan, Upcoming
from state.address import Address
from state.record import Learned, Recorded
from state.resources import Build, Certificate, ReceiveConnector, Resource, SendConnector
from state.values import (
    UNKNOWN,
    UNSET,
    AddressSpace,
    Binding,
    ByteSize,
    CredentialReference,
    Deferred,
    DomainPattern,
    IpRange,
    Name,
    SmartHost,
)

Golden = Callable[[str, str], None]


@pytest.fixture
def golden() -> Golden:
    """Compare a text with a file beside the tests; line ends count."""

    def compare(name: str, text: str) -> None:
        path = Path(__file__).with_name(name)
        if os.environ.get("GOLDEN_UPDATE") == "1":
            path.write_bytes(text.encode())
        assert text == path.read_bytes().decode()

    return compare


def _learned(address: Address, resource: Resource) -> Learned:
    return Learned(address, Recorded(resource, True, datetime(2026, 11, 24, tzinfo=UTC)))


CERTIFICATE = Address.of("certificate", "EDGE1", "public")
REQUIRED = Address.of("send_connector", "internet", "tls_required")
OPPORTUNISTIC = Address.of("send_connector", "internet", "opportunistic")
NEVER = Address.of("send_connector", "EDGE1", "tls_never")
RELAY = Address.of("send_connector", "Relay to scanner hub")
RECEIVE = Address.of("receive_connector", "EDGE1", "Default internal receive connector EDGE1")
OLD = Address.of("send_connector", "EDGE1", "tls_required", "DomainValidation mail.protection.outlook.com")
SCANNERS = Address.of("receive_connector", "EX1", "Scanners")
INTERNET = Address.of("certificate", "EX1", "internet")
THUMBPRINT = Deferred(CERTIFICATE, "thumbprint")
BINDING = Deferred(CERTIFICATE, "tls_certificate_name")
LOGIN = CredentialReference("command:vault read -token=hunter2")


def spaces(*domains: str) -> frozenset[AddressSpace]:
    return frozenset(map(AddressSpace.parse, domains))


def full_plan() -> Plan:
    """Every action, every marker that stands for a value, drift and problems, in one plan."""
    return Plan(
        organization="contoso",
        changes=(
            _certificate(),
            _update(),
            _create(),
            _relay(),
            Change(
                address=RECEIVE,
                action=Action.UPDATE,
                attributes={"tls_certificate_name": Difference(None, BINDING)},
                invocations=(
                    Invocation(
                        "EDGE1",
                        "Set-ReceiveConnector",
                        {
                            "Identity": r"EDGE1\Default internal receive connector EDGE1",
                            "TlsCertificateName": BINDING,
                        },
                    ),
                ),
                on_failure=(
                    Invocation(
                        "EDGE1",
                        "Set-ReceiveConnector",
                        {
                            "Identity": r"EDGE1\Default internal receive connector EDGE1",
                            "TlsCertificateName": "<I>CN=Contoso CA<S>CN=mail1.contoso.com",
                        },
                    ),
                ),
            ),
            _listener(),
            _default(),
            _delete(),
            Change(address=OPPORTUNISTIC, action=Action.ADOPT),
            Change(
                address=Address.of("receive_connector", "EX1", "Client Frontend EX1"), action=Action.FORGET
            ),
            Change(address=Address.of("certificate", "EX2", "internet"), action=Action.NONE),
        ),
        drift=(
            Drift(
                address=REQUIRED,
                attributes={"max_message_size": Difference(ByteSize.parse("35 MB"), ByteSize.parse("25 MB"))},
            ),
        ),
        builds={"EX1": Build(15, 2, 2562, 17), "EDGE1": Build(15, 1, 2375, 7)},
        upcoming=(
            Upcoming(
                address=Address.of("certificate", "EX2", "internet"),
                renewal=datetime(2026, 12, 9, 8, tzinfo=UTC),
                expires=datetime(2026, 12, 24, 8, tzinfo=UTC),
                issuer="house",
            ),
            Upcoming(
                address=Address.of("certificate", "EDGE1", "spare"),
                renewal=datetime(2026, 12, 12, 8, tzinfo=UTC),
                expires=datetime(2027, 2, 24, 8, tzinfo=UTC),
                issuer="public",
                reason="its authority wants it renewed from 2026-12-12 on: https://acme.example/why\x1b[2J",
            ),
        ),
        diagnostics=(
            default_replaced(INTERNET, "EX1", ["EDGE1"], ""),
            Diagnostic(
                summary="Attribute not readable",
                detail="services: Exchange did not tell the present value. It is set once, and not repeated.",
                hint="nothing to do, if the declared value is right",
                subject=str(CERTIFICATE),
                severity=Severity.WARNING,
            ),
            Diagnostic(
                summary="Partner is an accepted domain",
                detail="contoso.com is an accepted domain of this organization.",
                hint="remove it from the partner list",
                where=SourceRange("tls.yaml", 9, 7, "    - contoso.com", 11),
                severity=Severity.WARNING,
            ),
        ),
    )


def _certificate() -> Change:
    subject = "C=US, O=Contoso Ltd, CN=mail1.contoso.com"
    domains = frozenset({DomainPattern("mail1.contoso.com"), DomainPattern("smtp.contoso.com")})
    return Change(
        address=CERTIFICATE,
        action=Action.CREATE,
        reason="EDGE1 holds no valid certificate for mail1.contoso.com",
        attributes={
            "subject": Difference(UNSET, subject),
            "domains": Difference(UNSET, domains),
            "friendly_name": Difference(UNSET, "TLSCert"),
            "key_size": Difference(UNSET, 2048),
            "exportable": Difference(UNSET, False),
            "services": Difference(UNKNOWN, frozenset({"SMTP"})),
        },
        invocations=(
            Invocation(
                "EDGE1",
                "New-ExchangeCertificate",
                {
                    "GenerateRequest": True,
                    "SubjectName": subject,
                    "DomainName": ("mail1.contoso.com", "smtp.contoso.com"),
                    "FriendlyName": "TLSCert [reconciler:4f1d6ed381ee]",
                    "KeySize": 2048,
                    "PrivateKeyExportable": False,
                },
            ),
            Invocation(
                "EDGE1", "Import-ExchangeCertificate", {"FileData": Deferred(CERTIFICATE, "certificate")}
            ),
            Invocation(
                "EDGE1",
                "Enable-ExchangeCertificate",
                {"Thumbprint": THUMBPRINT, "Services": "SMTP"},
                (Answer("default_smtp", "no"),),
            ),
        ),
        learned=_learned(CERTIFICATE, Certificate(subject=subject, domains=domains)),
    )


def _update() -> Change:
    before = spaces("fabrikam.com", "old.example", *(f"partner{n:02}.example" for n in range(9)))
    after = (before - spaces("old.example")) | spaces("woodgrovebank.com")
    return Change(
        address=REQUIRED,
        action=Action.UPDATE,
        attributes={
            "address_spaces": Difference(before, after),
            "tls_auth_level": Difference(None, "DomainValidation"),
            "tls_domain": Difference(None, DomainPattern("mail.protection.outlook.com")),
            "max_message_size": Difference(ByteSize.parse("25 MB"), ByteSize.parse("35 MB")),
        },
        invocations=(
            Invocation(
                "EX1",
                "Set-SendConnector",
                {
                    "Identity": "internet TLS required",
                    "AddressSpaces": tuple(sorted(map(str, after))),
                    "TlsAuthLevel": "DomainValidation",
                    "TlsDomain": "mail.protection.outlook.com",
                    "MaxMessageSize": "35 MB",
                },
            ),
        ),
        learned=_learned(
            REQUIRED,
            SendConnector(
                address_spaces=after,
                require_tls=True,
                ignore_starttls=False,
                source_transport_servers=frozenset({Name("EX1"), Name("EX2")}),
                home=(Name("EX1"), Name("EX2")),
            ),
        ),
    )


def _create() -> Change:
    connector = SendConnector(
        name=Name("EDGE1 TLS never"),
        address_spaces=spaces("oldmail.example"),
        require_tls=False,
        ignore_starttls=True,
        tls_auth_level=None,
        comment="their STARTTLS isn't one",
        home=(Name("EDGE1"),),
        local=True,
    )
    names = ("name", "address_spaces", "require_tls", "ignore_starttls", "tls_auth_level", "comment")
    return Change(
        address=NEVER,
        action=Action.CREATE,
        attributes={name: Difference(UNSET, getattr(connector, name)) for name in names},
        invocations=(
            Invocation(
                "EDGE1",
                "New-SendConnector",
                {
                    "Name": "EDGE1 TLS never",
                    "AddressSpaces": ("SMTP:oldmail.example;1",),
                    "RequireTLS": False,
                    "IgnoreSTARTTLS": True,
                    "Comment": "their STARTTLS isn't one [reconciler:0123456789ab]",
                },
            ),
        ),
        learned=_learned(NEVER, connector),
    )


def _relay() -> Change:
    hosts = frozenset({SmartHost("relay.contoso.com")})
    return Change(
        address=RELAY,
        action=Action.REPLACE,
        reason="an attribute changes that only New-SendConnector can set",
        attributes={
            "smart_hosts": Difference(frozenset(), hosts),
            "authentication_credential": Difference(UNKNOWN, LOGIN),
        },
        invocations=(
            Invocation("EX1", "Remove-SendConnector", {"Identity": "Relay to scanner hub", "Confirm": False}),
            Invocation(
                "EX1",
                "New-SendConnector",
                {
                    "Name": "Relay to scanner hub",
                    "SmartHosts": ("relay.contoso.com",),
                    "AuthenticationCredential": LOGIN,
                    "TlsDomain": None,
                },
            ),
        ),
    )


def _listener() -> Change:
    connector = ReceiveConnector(
        name=Name("Scanners"),
        bindings=frozenset({Binding("192.0.2.5", 25)}),
        remote_ip_ranges=frozenset({IpRange.parse("10.0.0.0/8")}),
        permission_groups=frozenset({"AnonymousUsers"}),
        transport_role="FrontendTransport",
        bare_linefeed_rejection_enabled=True,
    )
    names = [attribute.name for attribute, _ in connector.declared()]
    return Change(
        address=SCANNERS,
        action=Action.CREATE,
        attributes={name: Difference(UNSET, getattr(connector, name)) for name in names},
        invocations=receive_cmdlets.create(
            connector, server="EX1", edge=False, mark="[reconciler:0123456789ab]"
        ),
        learned=_learned(SCANNERS, connector),
    )


def _default() -> Change:
    thumbprint = "9F3BC1A2D4E5F60718293A4B5C6D7E8F90A1B2C3"
    return Change(
        address=INTERNET,
        action=Action.UPDATE,
        attributes={"default_smtp": Difference(UNKNOWN, "replace")},
        no_step_back="it becomes the server's default SMTP certificate, which Exchange does not remove",
        presented_by=(Address.of("receive_connector", "EX1", "Default Frontend EX1"), OPPORTUNISTIC),
        invocations=(
            Invocation(
                "EX1",
                "Enable-ExchangeCertificate",
                {"Thumbprint": thumbprint, "Services": "SMTP", "Force": True, "Server": "EX1"},
            ),
        ),
    )


def _delete() -> Change:
    return Change(
        address=OLD,
        action=Action.DELETE,
        reason="no longer declared",
        attributes={
            "name": Difference(Name("EDGE1 TLS required DomainValidation"), UNSET),
            "address_spaces": Difference(spaces("gone.example"), UNSET),
            "require_tls": Difference(True, UNSET),
            "ignore_starttls": Difference(False, UNSET),
        },
        invocations=(
            Invocation(
                "EDGE1",
                "Remove-SendConnector",
                {"Identity": "EDGE1 TLS required DomainValidation", "Confirm": False},
            ),
        ),
    )


@pytest.fixture(name="full_plan")
def full_plan_fixture() -> Plan:
    return full_plan()
