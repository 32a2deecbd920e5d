"""What became of a request whose answer was lost."""

from __future__ import annotations

from typing import Any

from reconciler.plan.settle import settle
from state.address import Address
from state.journal import Intent
from state.record import StateRecord
from state.snapshot import LiveState
from state.values import DomainPattern, Thumbprint
from tests.situations import EDGE1, NOW, certificate, live_certificate, live_server, marked, recorded

PUBLIC = Address.parse("certificate.EDGE1.public")
OLD, NEW = Thumbprint("A" * 40), Thumbprint("B" * 40)


def lost(**values: Any) -> Intent:
    intent = {
        "id": "1",
        "address": PUBLIC,
        "server": "EDGE1",
        "cmdlet": "New-ExchangeCertificate",
        "parameters": {
            "GenerateRequest": True,
            "SubjectName": "CN=mail.contoso.com",
            "DomainName": ["mail.contoso.com"],
            "KeySize": 2048,
            "FriendlyName": marked(PUBLIC, "TLS"),
        },
        "known": (str(OLD),),
        "at": NOW,
    }
    return Intent(**{**intent, **values})


def settled(record: StateRecord, *thumbprints: Thumbprint, intent: Intent | None = None) -> StateRecord:
    certificates = [
        live_certificate(thumbprint=thumbprint, public_key=f"key {thumbprint.hex[0]}")
        for thumbprint in thumbprints
    ]
    live = LiveState({EDGE1: live_server(EDGE1, certificates=certificates)})
    return settle(record, [intent or lost()], live)


EMPTY = StateRecord("contoso", "lineage")


class TestARequestWhoseAnswerWasLost:
    def test_is_what_is_new_on_the_server(self) -> None:
        request = settled(EMPTY, OLD, NEW).requests[PUBLIC]
        assert (request.pending, request.public_key, request.csr) == (NEW, "key B", "")

    def test_asks_for_what_was_sent(self) -> None:
        asked = settled(EMPTY, OLD, NEW).requests[PUBLIC].asked
        assert asked.subject == "CN=mail.contoso.com"
        assert asked.domains == frozenset({DomainPattern("mail.contoso.com")})
        assert asked.friendly_name == "TLS"

    def test_was_never_made_when_nothing_is_new(self) -> None:
        assert settled(EMPTY, OLD) is EMPTY

    def test_is_not_guessed_when_several_are_new(self) -> None:
        assert not settled(EMPTY, OLD, NEW, Thumbprint("C" * 40)).requests

    def test_is_none_that_the_record_knows_already(self) -> None:
        other = Address.parse("certificate.EDGE1.other")
        record = StateRecord("contoso", "l", 1, {other: recorded(certificate(public_key="key B"))})
        assert not settled(record, OLD, NEW).requests

    def test_keeps_what_was_recorded_of_the_certificate(self) -> None:
        before = recorded(certificate(public_key="key A"))
        record = StateRecord("contoso", "l", 1, {PUBLIC: before})
        assert settled(record, OLD, NEW).resources[PUBLIC] == before


class TestOtherCmdlets:
    def test_are_settled_by_comparing_desired_with_live(self) -> None:
        assert settled(EMPTY, OLD, NEW, intent=lost(cmdlet="Import-ExchangeCertificate")) is EMPTY
