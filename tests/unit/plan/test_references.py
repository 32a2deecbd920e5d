"""Who refers to a certificate: whatever does, or may, and could not be read, holds it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from reconciler.plan.references import References, held_by
from reconciler.plan.situation import Situation
from state.resources import CertificateReference
from state.snapshot import Listing, LiveOrganization, LiveState
from state.values import UNKNOWN, Fqdn, Name, Thumbprint, TlsCertificateName
from tests.rules import rule
from tests.situations import (
    BOUND,
    EDGE1,
    EX1,
    UNTOLD,
    live_certificate,
    live_connector,
    live_receive_connector,
    live_server,
    situation,
)

OLD = live_certificate(thumbprint=Thumbprint("B" * 40))
OTHER = TlsCertificateName("CN=Other CA", "CN=mail.contoso.com")
SHARED = ("Get-AuthConfig", "Get-FederationTrust", "Get-HybridConfiguration")
OWN = ("Get-PopSettings", "Get-ImapSettings")
Told = Mapping[str, Listing[CertificateReference]]


def _told(*cmdlets: str) -> dict[str, Listing[CertificateReference]]:
    return {cmdlet: Listing() for cmdlet in cmdlets}


def held(
    certificate: Any = OLD, shared: Told | None = None, own: Told | None = None, **lists: Any
) -> References:
    """What holds a certificate of EX1, where nothing else is told than these lists and settings."""
    server = live_server(certificates=[certificate], **lists)
    server = replace(server, references={**_told(*OWN), **(own or {})})
    organization = LiveOrganization(references={**_told(*SHARED), **(shared or {})})
    made = situation({}, server)
    return held_by(certificate, EX1, replace(made, live=LiveState(made.live.servers, organization)))


@rule("2.5-3")
class TestACertificate:
    def test_that_nothing_refers_to_is_free(self) -> None:
        assert held().is_free

    def test_is_held_by_a_send_connector_that_names_it_wherever_that_one_is_used(self) -> None:
        """Newer builds do not remove it either [2.4-2]."""
        sources = frozenset({Name("EX2")})
        found = held(
            send_connectors=[live_connector(tls_certificate_name=BOUND, source_transport_servers=sources)]
        )
        assert found.holders == ('send connector "EX1 TLS required" by issuer and subject',)

    def test_is_free_of_one_that_names_another(self) -> None:
        assert held(send_connectors=[live_connector(tls_certificate_name=OTHER)]).is_free

    def test_is_held_by_a_receive_connector_that_would_choose_it(self) -> None:
        found = held(receive_connectors=[live_receive_connector(fqdn=Fqdn("mail.contoso.com"))])
        assert found.holders == (
            'receive connector "Default Frontend EX1", which chooses it for mail.contoso.com',
        )

    def test_is_free_of_a_send_connector_that_is_used_elsewhere_and_names_none(self) -> None:
        connector = live_connector(
            fqdn=Fqdn("mail.contoso.com"), source_transport_servers=frozenset({Name("EX2")})
        )
        assert held(send_connectors=[connector]).is_free

    @pytest.mark.parametrize("cmdlet", ["Get-AuthConfig", "Get-FederationTrust"])
    def test_is_held_by_a_setting_with_its_thumbprint(self, cmdlet: str) -> None:
        listing = Listing((CertificateReference(setting="Next", thumbprint=OLD.thumbprint),))
        assert held(shared={cmdlet: listing}).holders == (f"Next of {cmdlet}",)

    def test_is_held_by_the_hybrid_configuration(self) -> None:
        listing = Listing((CertificateReference(setting="TlsCertificateName", tls_certificate_name=BOUND),))
        found = held(shared={"Get-HybridConfiguration": listing})
        assert found.holders == ("TlsCertificateName of Get-HybridConfiguration",)

    @pytest.mark.parametrize(("services", "is_free"), [({"SMTP"}, True), ({"SMTP", "POP"}, False)])
    def test_is_held_by_pop_where_it_is_enabled_for_it_and_covers_its_name(
        self, services: set[str], is_free: bool
    ) -> None:
        listing = Listing((CertificateReference(setting="X509CertificateName", host="mail.contoso.com"),))
        certificate = OLD.with_(services=frozenset(services))
        assert held(certificate, own={"Get-PopSettings": listing}).is_free is is_free

    def test_is_held_by_a_service_whose_bindings_nobody_reads(self) -> None:
        assert held(OLD.with_(services=frozenset({"SMTP", "IIS"}))).holders == ("IIS",)


class TestWhatCouldNotBeRead:
    @pytest.mark.parametrize("cmdlet", [*SHARED, *OWN])
    def test_a_setting_holds_it(self, cmdlet: str) -> None:
        unreadable: Told = {cmdlet: Listing(unreadable=UNTOLD)}
        found = held(shared=unreadable) if cmdlet in SHARED else held(own=unreadable)
        assert found.unknown == (f"{cmdlet} could not be read: access denied",)

    def test_a_value_holds_it(self) -> None:
        listing = Listing((CertificateReference(setting="Current", thumbprint=UNKNOWN),))
        found = held(shared={"Get-AuthConfig": listing})
        assert found.unknown == ("Current of Get-AuthConfig could not be read",)

    @pytest.mark.parametrize("lists", [{"send_connectors": UNTOLD}, {"receive_connectors": UNTOLD}])
    def test_a_list_of_connectors_holds_it(self, lists: dict[str, Any]) -> None:
        assert not held(**lists).is_free

    def test_the_name_that_a_connector_is_bound_by_holds_it(self) -> None:
        assert not held(send_connectors=[live_connector(tls_certificate_name=UNKNOWN)]).is_free

    def test_its_services_hold_it(self) -> None:
        assert held(OLD.with_(services=UNKNOWN)).unknown == ("its services could not be read",)


@rule("1-4")
def test_an_edge_server_has_none_of_the_settings() -> None:
    made: Situation = situation({}, live_server(EDGE1, certificates=[OLD]))
    assert held_by(OLD, EDGE1, made).is_free
