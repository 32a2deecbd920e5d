"""What a person and what a machine reads of an audit, and of explanations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from reconciler.audit.declared import explain_certificate
from reconciler.audit.judge import judge
from reconciler.audit.mail import explain_domain
from reconciler.audit.organization import Audited
from reconciler.audit.presented import explain_connector
from reconciler.views.audit_json import render_audit_json
from reconciler.views.audit_text import render_audit
from reconciler.views.explain_text import render_explanation
from state.resources import (
    AcceptedDomain,
    Certificate,
    EdgeSubscription,
    ReceiveConnector,
    SendConnector,
    Server,
)
from state.snapshot import Listing, LiveOrganization, LiveState, Unread, Unreadable
from state.values import (
    UNKNOWN,
    AddressSpace,
    ByteSize,
    DomainPattern,
    Fqdn,
    Name,
    Thumbprint,
    TlsCertificateName,
)
from tests.situations import (
    BOUND,
    EDGE1,
    EX1,
    NOW,
    certificate,
    live_certificate,
    live_connector,
    live_receive_connector,
    live_server,
)

Golden = Callable[[str, str], None]
EX2 = Name("EX2")
DAY = timedelta(days=1)


def spaces(*texts: str) -> frozenset[AddressSpace]:
    return frozenset(map(AddressSpace.parse, texts))


def of(letter: str, **values: object) -> Certificate:
    return live_certificate(thumbprint=Thumbprint(letter * 40), public_key=f"key {letter}", **values)


NEW = of("B", not_before=NOW - DAY, not_after=NOW + 90 * DAY)
CERTIFICATES = (
    of("A", not_after=NOW + 20 * DAY),
    NEW,
    of("C", not_after=NOW - DAY),
    of(
        "D",
        subject="CN=owa.contoso.com",
        domains=frozenset({DomainPattern("owa.contoso.com")}),
        tls_certificate_name=TlsCertificateName("CN=House CA", "CN=owa.contoso.com"),
        services=frozenset({"IIS"}),
    ),
    of("E", services=UNKNOWN, has_private_key=UNKNOWN),
    of(
        "F",
        subject="CN=EX1",
        domains=frozenset({DomainPattern("ex1"), DomainPattern("ex1.contoso.local")}),
        tls_certificate_name=TlsCertificateName("CN=EX1", "CN=EX1"),
        self_signed=True,
    ),
)
SENDERS = (
    live_connector(
        name=Name("Trusted"),
        tls_auth_level="DomainValidation",
        tls_domain=DomainPattern("mail.fabrikam.com"),
        max_message_size=ByteSize.parse("10 MB"),
        source_transport_servers=frozenset({EX1, EX2}),
        is_scoped_connector=False,
        tls_certificate_name=BOUND,
    ),
    live_connector(
        name=Name("Everybody"),
        address_spaces=spaces("*;10"),
        require_tls=False,
        max_message_size=ByteSize.parse("35 MB"),
        source_transport_servers=frozenset({EX1}),
        is_scoped_connector=False,
        fqdn=Fqdn("mail.contoso.com"),
    ),
    live_connector(
        name=Name("Broken"),
        address_spaces=spaces("oldmail.example", "*.oldmail.example"),
        require_tls=False,
        ignore_starttls=True,
        max_message_size=ByteSize.parse("35 MB"),
        source_transport_servers=frozenset({EX1, Name("EX9")}),
        is_scoped_connector=False,
        fqdn=None,
    ),
    live_connector(
        name=Name("Old partner"),
        require_tls=False,
        enabled=False,
        max_message_size=ByteSize(None),
        source_transport_servers=frozenset({EX1}),
        is_scoped_connector=False,
        fqdn=None,
    ),
)


@pytest.fixture
def audited() -> Audited:
    """EX1 has something of everything, EX2 does not answer, EDGE1 tells little."""
    listener = live_receive_connector(enabled=True, fqdn=Fqdn("smtp.contoso.com"))
    read = replace(
        live_server(EX1, certificates=CERTIFICATES, receive_connectors=(listener,), send_connectors=SENDERS),
        accepted_domains=Listing((AcceptedDomain(domain="contoso.com"),)),
    )
    silent = live_server(EX2).lost(EX2, Unreadable("no answer within 15 s"))
    edge = replace(
        live_server(EDGE1),
        unread=(
            Unread("1" * 40, "services", "Exchange sent no serialization data with it"),
            Unread("1" * 40, "has_private_key", "Exchange sent no serialization data with it"),
        ),
    )
    organization = LiveOrganization(
        read_from=EX1,
        send_connectors=read.send_connectors,
        accepted_domains=read.accepted_domains,
        edge_subscriptions=Listing((EdgeSubscription(name=EDGE1, site="Paris"),)),
    )
    known = Listing(tuple(Server(name=Name(name)) for name in ("EX1", "EX2", "EX3")))
    live = LiveState({EX1: read, EX2: silent, EDGE1: edge}, organization)
    return Audited(live, frozenset({EDGE1}), known, NOW)


class TestAnAudit:
    def test_reads_like_this(self, golden: Golden, audited: Audited) -> None:
        golden("audit.txt", render_audit(judge(audited)))

    def test_reads_like_this_in_colour(self, golden: Golden, audited: Audited) -> None:
        golden("audit-colour.txt", render_audit(judge(audited), colour=True, width=80))

    def test_is_this_document(self, golden: Golden, audited: Audited) -> None:
        golden("audit.json", render_audit_json(judge(audited), tool_version="1.2.3"))


class TestAnExplanation:
    def test_of_a_domain_reads_like_this(self, golden: Golden, audited: Audited) -> None:
        addresses = {Name("Trusted"): "send_connector.internet.tls_required"}
        explanation = explain_domain(Fqdn("fabrikam.com"), addresses, audited)
        golden("explain-domain.txt", render_explanation(explanation))

    def test_of_a_send_connector_reads_like_this(self, golden: Golden, audited: Audited) -> None:
        explanation = explain_connector("send_connector.internet.tls_required", SENDERS[0], None, audited)
        golden("explain-send-connector.txt", render_explanation(explanation))

    def test_of_a_receive_connector_reads_like_this(self, golden: Golden, audited: Audited) -> None:
        listener = ReceiveConnector(
            name=Name("Default"), server=EX1, fqdn=Fqdn("mail.contoso.com"), tls_certificate_name=None
        )
        explanation = explain_connector("receive_connector.EX1.Default", listener, None, audited)
        golden("explain-receive-connector.txt", render_explanation(explanation))

    @pytest.mark.parametrize(
        ("name", "key"), [("record", "key A"), ("coverage", None)], ids=["recorded", "covering"]
    )
    def test_of_a_certificate_reads_like_this(self, golden: Golden, name: str, key: str | None) -> None:
        explanation = explain_certificate(
            "certificate.EX1.public", certificate(), CERTIFICATES, key, "[reconciler:0123456789ab]", NOW
        )
        golden(f"explain-certificate-{name}.txt", render_explanation(explanation))


def test_nothing_of_a_stranger_reaches_the_terminal(audited: Audited) -> None:
    """A connector's name may hold anything."""
    evil = SendConnector(
        name=Name("\x1b[2J"), ignore_starttls=True, enabled=True, address_spaces=spaces("a.example")
    )
    live = replace(audited.live.servers[EX1], send_connectors=Listing((evil,)))
    shown = render_audit(judge(replace(audited, live=replace(audited.live, servers={EX1: live}))))
    assert "\x1b" not in shown
    assert r"\x1b[2J" in shown
