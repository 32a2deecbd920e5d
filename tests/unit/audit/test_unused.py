"""A certificate is without use only where everything that may present it is known."""

from __future__ import annotations

import pytest

from reconciler.audit.judge import judge
from reconciler.audit.organization import Audited
from state.resources import Certificate, ReceiveConnector, Server
from state.snapshot import Listing, LiveOrganization, LiveState, Unreadable
from state.values import UNKNOWN, Fqdn
from tests.situations import EX1, NOW, UNTOLD, live_certificate, live_receive_connector, live_server

SPARE = live_certificate()
LISTENER = live_receive_connector(enabled=True, tls_certificate_name=None, fqdn=Fqdn("other.example"))


def told(
    certificate: Certificate = SPARE,
    listener: ReceiveConnector | None = LISTENER,
    unreadable: Unreadable | None = None,
) -> bool:
    listening = unreadable or (() if listener is None else (listener,))
    server = live_server(EX1, certificates=(certificate,), receive_connectors=listening)
    organization = LiveOrganization(read_from=EX1, send_connectors=Listing(), edge_subscriptions=Listing())
    live = LiveState({EX1: server}, organization)
    found = judge(Audited(live, frozenset(), Listing((Server(name=EX1),)), NOW)).findings
    return "certificate-unused" in {one.rule.id for one in found}


def test_one_that_no_connector_has_a_name_for_is_told() -> None:
    assert told()
    assert told(listener=None)


@pytest.mark.parametrize("unread", ["fqdn", "tls_certificate_name"])
def test_a_connector_that_may_present_it_keeps_it_from_being_told(unread: str) -> None:
    """Unless it is disabled: then nobody sees what it presents."""
    may = LISTENER.with_(**{unread: UNKNOWN})
    assert not told(listener=may)
    assert told(listener=may.with_(enabled=False))
    assert told(listener=may.with_(auth_mechanism=frozenset()))
    assert not told(listener=may.with_(auth_mechanism=UNKNOWN))


def test_a_list_that_could_not_be_read_keeps_it_from_being_told() -> None:
    assert not told(unreadable=UNTOLD)


@pytest.mark.parametrize("unread", ["services", "has_private_key", "self_signed"])
def test_one_that_was_not_read_well_enough_is_not_told(unread: str) -> None:
    assert not told(SPARE.with_(**{unread: UNKNOWN}))


def test_one_that_the_server_made_itself_may_be_the_default_and_is_not_told() -> None:
    assert not told(SPARE.with_(self_signed=True))
