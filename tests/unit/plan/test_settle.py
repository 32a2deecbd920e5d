"""What became of a request whose answer was lost."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from reconciler.plan.settle import Settled, settle
from state.address import Address
from state.journal import Intent
from state.record import Request, StateRecord
from state.resources import Certificate
from state.snapshot import LiveServer, LiveState
from state.values import UNKNOWN, DomainPattern, Name, Thumbprint
from tests.situations import (
    EDGE1,
    NOW,
    UNTOLD,
    certificate,
    live_certificate,
    live_server,
    recorded,
    request_marked,
)

ON_EDGE = Address.parse("certificate.EDGE1.public")
PUBLIC = Address.parse("certificate.EX1.public")
OLD, NEW = Thumbprint("A" * 40), Thumbprint("B" * 40)
EMPTY = StateRecord("contoso", "lineage")
UNREAD = {"status": UNKNOWN, "friendly_name": UNKNOWN, "services": UNKNOWN, "has_private_key": UNKNOWN}
"""What an Edge server does not tell."""


def lost(address: Address = ON_EDGE, **values: Any) -> Intent:
    intent = {
        "id": "1",
        "address": address,
        "server": address.parts[0],
        "cmdlet": "New-ExchangeCertificate",
        "parameters": {
            "GenerateRequest": True,
            "SubjectName": "CN=mail.contoso.com",
            "DomainName": ["mail.contoso.com"],
            "KeySize": 2048,
            "FriendlyName": request_marked(address, text="TLS"),
        },
        "known": (str(OLD),),
        "at": NOW,
    }
    return Intent(**{**intent, **values})


def entry(thumbprint: Thumbprint = NEW, **values: Any) -> Certificate:
    """A pending entry as an Edge server shows it: its own issuer, and little else to tell it by."""
    shown = {
        "thumbprint": thumbprint,
        "public_key": f"key {thumbprint.hex[0]}",
        "self_signed": True,
        **UNREAD,
    }
    return live_certificate(**{**shown, **values})


def on_mailbox(thumbprint: Thumbprint = NEW, **values: Any) -> Certificate:
    """The same on a Mailbox server, its mark and its status read."""
    told = {"status": "PendingRequest", "friendly_name": request_marked(PUBLIC, text="TLS")}
    return entry(thumbprint, **{**told, **values})


def settled(
    *certificates: Certificate,
    record: StateRecord = EMPTY,
    intent: Intent | None = None,
    server: LiveServer | None = None,
) -> Settled:
    intent = intent or lost()
    name = Name(intent.server)
    live = server or live_server(name, certificates=[live_certificate(thumbprint=OLD), *certificates])
    return settle(record, [intent], LiveState({name: live}))


class TestARequestWhoseAnswerWasLost:
    def test_is_what_is_new_on_the_server(self) -> None:
        found = settled(entry())
        request = found.record.requests[ON_EDGE]
        assert (request.pending, request.public_key, request.csr) == (NEW, "key B", "")
        assert not found.doubts

    def test_asks_for_what_was_sent(self) -> None:
        asked = settled(entry()).record.requests[ON_EDGE].asked
        assert asked.subject == "CN=mail.contoso.com"
        assert asked.domains == frozenset({DomainPattern("mail.contoso.com")})
        assert asked.friendly_name == "TLS"

    def test_was_never_made_when_nothing_is_new(self) -> None:
        assert settled() == Settled(EMPTY, ())

    def test_stays_in_doubt_when_several_could_be_it(self) -> None:
        found = settled(entry(), entry(Thumbprint("C" * 40)))
        assert not found.record.requests
        assert found.doubts == (lost(),)

    def test_stays_in_doubt_while_its_server_is_not_read(self) -> None:
        """Another run may look at other servers only."""
        assert settle(EMPTY, [lost()], LiveState({})).doubts == (lost(),)
        assert settled(server=live_server(EDGE1, certificates=UNTOLD)).doubts == (lost(),)

    def test_stays_in_doubt_when_the_journal_is_damaged(self) -> None:
        damaged = lost(parameters={"DomainName": "no list"})
        assert settled(entry(), intent=damaged).doubts == (damaged,)

    def test_is_none_that_the_record_knows_already(self) -> None:
        other = Address.parse("certificate.EDGE1.other")
        record = StateRecord("contoso", "l", 1, {other: recorded(certificate(public_key="key B"))})
        assert not settled(entry(), record=record).record.requests

    def test_keeps_what_was_recorded_of_the_certificate(self) -> None:
        before = recorded(certificate(public_key="key A"))
        before = type(before)(before.resource, before.created, NOW - timedelta(days=90))
        record = StateRecord("contoso", "l", 1, {ON_EDGE: before})
        assert settled(entry(), record=record).record.resources[ON_EDGE] == before

    def test_takes_the_place_of_an_older_request(self) -> None:
        """The older one was given up: something else is declared by now."""
        older = Request(EDGE1, certificate(), "key O", "PEM", None, NOW - timedelta(days=2))
        record = StateRecord("contoso", "l", 1, {}, {ON_EDGE: older})
        assert settled(entry(), record=record).record.requests[ON_EDGE].public_key == "key B"

    def test_is_history_once_a_later_request_is_recorded(self) -> None:
        later = Request(EDGE1, certificate(), "key L", "PEM", None, NOW + timedelta(minutes=1))
        record = StateRecord("contoso", "l", 1, {}, {ON_EDGE: later})
        assert settled(entry(), record=record) == Settled(record, ())


class TestSomebodyElsesCertificate:
    """Made by an administrator between the kill and the next run."""

    def test_is_not_ours_without_our_mark_where_marks_are_read(self) -> None:
        found = settled(on_mailbox(friendly_name="by hand"), intent=lost(PUBLIC))
        assert not found.record.requests

    def test_is_told_from_ours_by_the_mark(self) -> None:
        mine, other = on_mailbox(), on_mailbox(Thumbprint("C" * 40), friendly_name="by hand")
        assert settled(mine, other, intent=lost(PUBLIC)).record.requests[PUBLIC].pending == NEW

    def test_is_not_ours_when_it_is_no_pending_entry(self) -> None:
        assert not settled(entry(self_signed=False)).record.requests

    def test_is_not_ours_when_it_is_for_something_else(self) -> None:
        for other in (
            entry(subject="CN=other.contoso.com"),
            entry(key_size=4096),
            entry(domains=frozenset({DomainPattern("other.contoso.com")})),
        ):
            assert not settled(other).record.requests


class TestOtherCmdlets:
    def test_are_settled_by_comparing_desired_with_live(self) -> None:
        assert settled(entry(), intent=lost(cmdlet="Import-ExchangeCertificate")) == Settled(EMPTY, ())
