"""Whatever could not be read, an audit and an explanation come to their end, and say so."""

from __future__ import annotations

from typing import TypeVar

from hypothesis import given
from hypothesis import strategies as st

from reconciler.audit.declared import explain_certificate
from reconciler.audit.finding import Weight
from reconciler.audit.judge import judge
from reconciler.audit.mail import explain_domain
from reconciler.audit.organization import Audited
from reconciler.audit.presented import explain_connector
from reconciler.views.audit_text import render_audit
from reconciler.views.explain_text import render_explanation
from state.resources import Certificate, Kind, ReceiveConnector, Resource, SendConnector, Server
from state.snapshot import Listing, LiveOrganization, LiveState, Unreadable
from state.values import UNKNOWN, AddressSpace, ByteSize, Fqdn, Name
from tests.situations import (
    EX1,
    NOW,
    UNTOLD,
    certificate,
    live_certificate,
    live_connector,
    live_receive_connector,
    live_server,
)

R = TypeVar("R", bound=Resource)

LISTS = ("certificates", "send_connectors", "receive_connectors")


def names_of(kind: type[Resource]) -> list[str]:
    read = (Kind.WRITABLE, Kind.OBSERVED)
    return [name for name, attribute in kind.attributes().items() if attribute.kind in read]


def with_holes(whole: R) -> st.SearchStrategy[R]:
    """The same object, some of its attributes not read."""
    unread = st.sets(st.sampled_from(names_of(type(whole))), max_size=4)
    return unread.map(lambda names: whole.with_(**dict.fromkeys(names, UNKNOWN)))


SENDER = live_connector(
    source_transport_servers=frozenset({EX1}),
    max_message_size=ByteSize(1024),
    is_scoped_connector=False,
    fqdn=None,
)
EVERYBODY = SENDER.with_(
    name=Name("all"),
    address_spaces=frozenset({AddressSpace("*")}),
    require_tls=False,
    max_message_size=ByteSize(2048),
)
objects = st.tuples(
    st.lists(with_holes(live_certificate()), max_size=3).map(tuple),
    st.lists(st.one_of(with_holes(SENDER), with_holes(EVERYBODY)), max_size=3).map(tuple),
    st.lists(with_holes(live_receive_connector(enabled=True)), max_size=2).map(tuple),
)


@st.composite
def organizations(draw: st.DrawFn) -> Audited:
    lists: dict[str, tuple[Resource, ...] | Unreadable] = dict(zip(LISTS, draw(objects), strict=True))
    for name in draw(st.sets(st.sampled_from(LISTS), max_size=2)):
        lists[name] = UNTOLD
    itself = draw(with_holes(Server(name=EX1, fqdn=Fqdn("ex1.contoso.local"))))
    server = live_server(EX1, itself=itself, **lists)
    organization = LiveOrganization(
        read_from=EX1,
        send_connectors=server.send_connectors,
        edge_subscriptions=draw(st.sampled_from([Listing(), Listing(unreadable=UNTOLD)])),
    )
    known = draw(st.sampled_from([Listing((Server(name=EX1),)), Listing(unreadable=UNTOLD), Listing()]))
    return Audited(LiveState({EX1: server}, organization), frozenset(), known, NOW)


@given(organizations())
def test_an_audit_comes_to_its_end(audited: Audited) -> None:
    found = judge(audited)
    assert render_audit(found)
    server = audited.live.servers[EX1]
    lists = [server.certificates, server.send_connectors, server.receive_connectors, audited.known]
    unread = [listing for listing in lists if listing.unreadable]
    assert found.is_complete == (not unread and not audited.live.organization.edge_subscriptions.unreadable)
    if not found.is_complete:
        assert any(one.weight is Weight.UNKNOWN for one in found.findings)


@given(organizations())
def test_explanations_come_to_their_end(audited: Audited) -> None:
    server = audited.live.servers[EX1]
    asked: list[SendConnector | ReceiveConnector] = [
        *server.send_connectors.objects,
        *server.receive_connectors.objects,
    ]
    for connector in asked:
        assert render_explanation(explain_connector("it", connector, None, audited))
    assert render_explanation(explain_domain(Fqdn("fabrikam.com"), {}, audited))
    live: tuple[Certificate, ...] = server.certificates.objects
    assert render_explanation(explain_certificate("it", certificate(), live, None, "[mark]", NOW))
