"""Which certificate a connector presents, and why not the others."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from reconciler.pki.presenting import By, Presented, Store, WhyNot
from state.resources import Certificate, ReceiveConnector
from state.values import UNKNOWN, DomainPattern, Fqdn, Thumbprint, TlsCertificateName
from tests.rules import rule
from tests.situations import BOUND, NOW, live_certificate

SERVER = Fqdn("ex1.contoso.local")
OTHER = TlsCertificateName("CN=Other CA", "CN=mail.contoso.com")
DAY = timedelta(days=1)


def certificate(letter: str, **values: Any) -> Certificate:
    return live_certificate(thumbprint=Thumbprint(letter * 40), **values)


def for_names(*names: str) -> frozenset[DomainPattern]:
    return frozenset(map(DomainPattern, names))


def shown(*certificates: Certificate, **connector: Any) -> Presented:
    read: dict[str, Any] = {"tls_certificate_name": None, "fqdn": None}
    return Store(certificates, SERVER, NOW).presented_by(ReceiveConnector(**{**read, **connector}))


def letters(found: Presented) -> list[tuple[str, WhyNot]]:
    return [(str(other.certificate.thumbprint)[0], other.why) for other in found.others]


class TestByName:
    @rule("3-15")
    def test_is_the_newest_of_that_issuer_and_subject(self) -> None:
        old, new = certificate("A"), certificate("B", not_before=NOW - DAY, not_after=NOW + 90 * DAY)
        found = shown(old, new, certificate("C", tls_certificate_name=OTHER), tls_certificate_name=BOUND)
        assert (found.by, found.certificate, found.is_doubtful) == (By.NAME, new, False)
        assert letters(found) == [("A", WhyNot.LATER), ("C", WhyNot.OTHER_NAME)]

    def test_is_doubtful_where_the_newest_ends_before_another(self) -> None:
        """No page says which of the two counts."""
        long, new = certificate("A"), certificate("B", not_before=NOW - DAY, not_after=NOW + 5 * DAY)
        assert shown(long, new, tls_certificate_name=BOUND).is_doubtful

    @pytest.mark.parametrize(
        ("values", "why"),
        [
            ({"tls_certificate_name": OTHER}, WhyNot.OTHER_NAME),
            (
                {"tls_certificate_name": TlsCertificateName("CN=House CA", "cn=mail.contoso.com")},
                WhyNot.OTHER_NAME,
            ),
            ({"not_after": NOW - DAY}, WhyNot.EXPIRED),
            ({"not_before": NOW + DAY}, WhyNot.NOT_YET),
            ({"has_private_key": False}, WhyNot.NO_KEY),
            ({"services": frozenset({"IIS"})}, WhyNot.NOT_ENABLED),
            ({"status": "PendingRequest"}, WhyNot.PENDING),
            ({"services": UNKNOWN}, WhyNot.UNREAD),
            ({"has_private_key": UNKNOWN}, WhyNot.UNREAD),
            ({"tls_certificate_name": UNKNOWN}, WhyNot.UNREAD),
            ({"not_after": UNKNOWN}, WhyNot.UNREAD),
        ],
        ids=lambda value: getattr(value, "name", None),
    )
    def test_is_none_where_the_only_one_does_not_do(self, values: dict[str, Any], why: WhyNot) -> None:
        found = shown(certificate("A", **values), tls_certificate_name=BOUND)
        assert (found.certificate, letters(found)) == (None, [("A", why)])


class TestByFqdn:
    @rule("2.5-2", "3-16")
    def test_is_the_longest_lived_that_covers_it(self) -> None:
        long, new = certificate("A"), certificate("B", not_before=NOW - DAY, not_after=NOW + 5 * DAY)
        found = shown(long, new, fqdn=Fqdn("mail.contoso.com"))
        assert (found.by, found.certificate, found.is_doubtful) == (By.FQDN, long, True)

    @rule("3-16")
    def test_takes_the_servers_own_name_where_the_connector_has_none(self) -> None:
        own = certificate("A", domains=for_names("ex1.contoso.local"))
        found = shown(own, certificate("B"))
        assert (found.certificate, found.fqdn) == (own, SERVER)
        assert letters(found) == [("B", WhyNot.NOT_COVERED)]

    def test_counts_a_wildcard(self) -> None:
        wild = certificate("A", domains=for_names("*.contoso.com"))
        assert shown(wild, fqdn=Fqdn("mail.contoso.com")).certificate is wild
        assert shown(wild, fqdn=Fqdn("a.mail.contoso.com")).certificate is None

    @rule("3-15")
    def test_is_all_there_is_on_2010(self) -> None:
        """It has no TlsCertificateName."""
        bound = ReceiveConnector(tls_certificate_name=OTHER, fqdn=Fqdn("mail.contoso.com"))
        found = Store([certificate("A")], SERVER, NOW, takes_names=False).presented_by(bound)
        assert found.by is By.FQDN
        assert found.certificate is not None


@pytest.mark.parametrize("unread", ["tls_certificate_name", "fqdn"])
def test_what_decides_and_could_not_be_read_is_unknown(unread: str) -> None:
    found = shown(certificate("A"), **{unread: UNKNOWN})
    assert (found.by, found.certificate) == (By.UNKNOWN, None)
    assert found.unclear


def test_connectors_that_choose_by_the_same_are_judged_once() -> None:
    """Thousands name the same certificate: all of a server's are looked at for the first of them."""
    store = Store([certificate("A"), certificate("B")], SERVER, NOW)
    first, again = (
        ReceiveConnector(tls_certificate_name=None, fqdn=fqdn) for fqdn in (None, Fqdn("ex1.contoso.local"))
    )
    assert store.presented_by(first) is store.presented_by(again)
    other = ReceiveConnector(tls_certificate_name=None, fqdn=Fqdn("mail.contoso.com"))
    assert store.presented_by(other).certificate is not store.presented_by(first).certificate
