"""Which certificates are told when they end."""

from __future__ import annotations

from datetime import timedelta

import pytest

from reconciler.audit.judge import judge
from reconciler.audit.organization import Audited
from reconciler.audit.rules import EXPIRED, EXPIRES, SUPERSEDED
from state.resources import Certificate, SendConnector, Server
from state.snapshot import Listing, LiveOrganization, LiveState
from state.values import UNKNOWN, DomainPattern, Name, Thumbprint, TlsCertificateName
from tests.situations import BOUND, EX1, NOW, live_certificate, live_connector, live_server

DAY = timedelta(days=1)
WEB = frozenset({"IIS"})
ELSEWHERE = TlsCertificateName("CN=Other CA", "CN=other.contoso.com")
BINDING = live_connector(
    name=Name("all"), require_tls=False, tls_certificate_name=BOUND, source_transport_servers=frozenset({EX1})
)


def told(*certificates: Certificate, binding: SendConnector | None = None) -> set[str]:
    """What is told of certificates, by the first letter of their thumbprints."""
    senders = () if binding is None else (binding,)
    server = live_server(EX1, certificates=certificates, send_connectors=senders)
    organization = LiveOrganization(
        read_from=EX1, send_connectors=server.send_connectors, edge_subscriptions=Listing()
    )
    found = judge(
        Audited(LiveState({EX1: server}, organization), frozenset(), Listing((Server(name=EX1),)), NOW)
    ).findings
    return {f"{one.rule.id} {one.object[0]}" for one in found if one.rule in (EXPIRED, EXPIRES, SUPERSEDED)}


def test_one_for_the_web_site_alone_is_told_only_when_a_connector_names_it() -> None:
    ending = live_certificate(services=WEB, not_after=NOW + 10 * DAY)
    assert told(ending) == set()
    assert told(ending, binding=BINDING) == {"certificate-expires A"}


@pytest.mark.parametrize("left", [timedelta(days=30), timedelta(seconds=1), timedelta(0)])
def test_the_last_thirty_days_are_soon(left: timedelta) -> None:
    assert told(live_certificate(not_after=NOW + left)) == {"certificate-expires A"}
    assert told(live_certificate(not_after=NOW + timedelta(days=30, seconds=1))) == set()
    assert told(live_certificate(not_after=NOW - timedelta(seconds=1))) == {"certificate-expired A"}


class TestASuccessor:
    OLD = live_certificate(not_after=NOW - DAY)

    def successor(self, **values: object) -> Certificate:
        made = live_certificate(thumbprint=Thumbprint("B" * 40), tls_certificate_name=ELSEWHERE)
        return made.with_(**values)

    def test_does_for_the_same_names(self) -> None:
        assert told(self.OLD, self.successor()) == {"certificate-superseded A"}

    def test_or_has_the_same_issuer_and_subject(self) -> None:
        other = frozenset({DomainPattern("other.contoso.com")})
        assert told(self.OLD, self.successor(domains=other)) == {"certificate-expired A"}
        same = self.successor(domains=other, tls_certificate_name=BOUND)
        assert told(self.OLD, same) == {"certificate-superseded A"}

    @pytest.mark.parametrize("names", [frozenset(), UNKNOWN], ids=["none", "unread"])
    def test_of_one_without_names_is_none_for_its_names(self, names: object) -> None:
        assert told(self.OLD.with_(domains=names), self.successor()) == {"certificate-expired A"}

    def test_must_itself_last(self) -> None:
        ending = self.successor(not_after=NOW + 20 * DAY)
        assert told(self.OLD, ending) == {"certificate-expired A", "certificate-expires B"}

    @pytest.mark.parametrize("values", [{"services": WEB}, {"has_private_key": False}], ids=["web", "no key"])
    def test_must_be_fit_for_smtp(self, values: dict[str, object]) -> None:
        assert told(self.OLD, self.successor(**values)) == {"certificate-expired A"}
