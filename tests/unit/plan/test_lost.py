"""What makes a server one that has lost its certificates, where nothing is recorded of them."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.plan.lost import CERTIFICATES_LOST
from state.address import Address
from state.resources import Build, Certificate, Server
from state.values import UNKNOWN, Fqdn, Name
from tests.situations import (
    BOUND,
    EX1,
    UNTOLD,
    certificate,
    connector,
    live_certificate,
    live_connector,
    live_server,
    plan_of,
)

EX2 = Name("EX2")
SENDER = Address.parse("send_connector.X.tls_required")
CERTIFICATES = {name: Address.parse(f"certificate.{name}.public") for name in (EX1, EX2)}
BUILT_ANEW = {"certificates": [live_certificate(self_signed=True, tls_certificate_name=None, public_key="s")]}


def lost(ex1: dict[str, Any], ex2: dict[str, Any]) -> list[str | None]:
    """Of two source servers of one connector, those that are told."""
    homes = (EX1, EX2)
    declared: dict[Address, Any] = {CERTIFICATES[name]: certificate(home=(name,)) for name in homes}
    declared[SENDER] = connector(home=homes, certificates=tuple(CERTIFICATES.values()))
    live = live_connector(home=homes, tls_certificate_name=BOUND)
    servers = [
        live_server(name, send_connectors=[live], **lists)
        for name, lists in zip(homes, (ex1, ex2), strict=True)
    ]
    return [
        one.subject for one in plan_of(declared, *servers).diagnostics if one.summary == CERTIFICATES_LOST
    ]


def test_all_source_servers_without_what_they_are_bound_to_have_lost_it() -> None:
    assert lost(BUILT_ANEW, BUILT_ANEW) == ["EX1", "EX2"]


def test_a_source_server_beside_one_that_has_it_may_be_new() -> None:
    """The text is one for all of them, and was bound where the certificate is."""
    assert lost({"certificates": [live_certificate()]}, BUILT_ANEW) == []


@pytest.mark.parametrize(
    "certificates",
    [UNTOLD, [live_certificate(tls_certificate_name=UNKNOWN)]],
    ids=["not read", "a name not read"],
)
def test_what_another_source_server_has_may_be_unknown(certificates: Any) -> None:
    assert lost({"certificates": certificates}, BUILT_ANEW) == []


def test_a_build_that_knows_no_binding_has_lost_none() -> None:
    """Exchange 2010 selects by FQDN; what is in Active Directory, a newer server has put there."""
    old = [
        Server(name=name, fqdn=Fqdn(f"{name}.contoso.local".lower()), build=Build(14, 3, 123, 4))
        for name in (EX1, EX2)
    ]
    told = [{**BUILT_ANEW, "itself": one} for one in old]
    assert lost(told[0], told[1]) == []


def test_a_fleet_that_was_never_bound_has_lost_nothing() -> None:
    declared: dict[Address, Certificate] = {CERTIFICATES[EX1]: certificate()}
    for lists in (BUILT_ANEW, {"certificates": []}):
        diagnostics = plan_of(declared, live_server(**lists)).diagnostics
        assert CERTIFICATES_LOST not in [one.summary for one in diagnostics]
