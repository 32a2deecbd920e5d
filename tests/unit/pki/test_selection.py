"""Which live certificate is the declared one."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from reconciler.pki.selection import Selection, imported_of, may_be_pending, new_pending, select
from state.record import Request
from state.resources import Certificate
from state.values import UNKNOWN, DomainPattern, Name, Thumbprint
from tests.authority import NOW
from tests.rules import rule

MARK = "[reconciler:0123456789ab]"
ASKED = Certificate(
    subject="C=US, O=Contoso Ltd, CN=mail1.contoso.com",
    domains=frozenset({DomainPattern("mail1.contoso.com")}),
    issuer="public",
)
WATCHED = Certificate(domains=frozenset({DomainPattern("mail1.contoso.com")}))


def thumbprint(number: int) -> Thumbprint:
    return Thumbprint(f"{number:040X}")


def live(number: int, **values: Any) -> Certificate:
    """A certificate that an authority issued for the declared names, valid for ``number`` more days."""
    facts: dict[str, Any] = {
        "thumbprint": thumbprint(number),
        "public_key": f"key{number}",
        "subject": "CN=mail1.contoso.com, O=Contoso Ltd, C=US",
        "domains": frozenset({DomainPattern("mail1.contoso.com")}),
        "friendly_name": "TLSCert",
        "not_before": NOW - timedelta(days=30),
        "not_after": NOW + timedelta(days=number),
        "self_signed": False,
        "has_private_key": True,
        "status": "Valid",
    }
    return Certificate(**facts | values)


def on_edge(number: int, **values: Any) -> Certificate:
    """As read where only the DER came through [5-1]."""
    return live(number, friendly_name=UNKNOWN, status=UNKNOWN, has_private_key=UNKNOWN, **values)


def pending(number: int, **values: Any) -> Certificate:
    facts: dict[str, Any] = {"status": "PendingRequest", "self_signed": True}
    return live(number, **facts | values)


def choose(
    *certificates: Certificate, asked: Certificate = ASKED, key: str | None = None, mark: str = MARK
) -> Selection:
    return select(asked, certificates, key, mark, NOW)


def marked(certificate: Certificate) -> Certificate:
    return certificate.with_(friendly_name=f"TLSCert {MARK}")


class TestTheDeclaredCertificate:
    def test_is_the_recorded_key_whatever_else_is_there(self) -> None:
        recorded, ours, longer = live(1), marked(live(2)), live(3)
        chosen = choose(longer, ours, recorded, key="key1")
        assert (chosen.certificate, chosen.by) == (recorded, "record")

    def test_is_the_recorded_key_even_when_it_has_expired(self) -> None:
        """That it must be renewed is another question."""
        assert choose(live(-1), live(9), key="key-1").certificate == live(-1)

    def test_is_else_the_one_with_our_mark(self) -> None:
        """A lost record is rebuilt from the marks."""
        chosen = choose(live(3), marked(live(1)), key="gone")
        assert (chosen.certificate, chosen.by) == (marked(live(1)), "mark")

    def test_with_our_mark_twice_is_the_valid_one_that_lives_longest(self) -> None:
        """After a renewal the old one is still there, with the same mark."""
        future = marked(live(9, not_before=NOW + timedelta(days=1)))
        chosen = choose(marked(live(-1)), marked(live(1)), marked(live(2)), future)
        assert chosen.certificate == marked(live(2))

    def test_with_our_mark_twice_is_the_one_that_began_last_whichever_ends_last(self) -> None:
        """One whose key others know was replaced by a newer one, which may end sooner."""
        compromised = marked(live(80))
        successor = marked(live(40, not_before=NOW - timedelta(days=1)))
        chosen = choose(compromised, successor)
        assert (chosen.certificate, chosen.others) == (successor, (compromised,))

    def test_that_is_revoked_is_not_taken_for_its_mark_where_another_is_good(self) -> None:
        revoked = marked(live(80, not_before=NOW - timedelta(days=1), status="Revoked"))
        chosen = choose(revoked, marked(live(40)))
        assert (chosen.certificate, chosen.others) == (marked(live(40)), ())

    def test_that_covers_the_names_is_the_one_that_began_last(self) -> None:
        newer = live(1, not_before=NOW - timedelta(days=1))
        assert choose(live(80), newer).certificate == newer

    def test_is_else_a_valid_one_that_covers_the_names(self) -> None:
        chosen = choose(live(1), live(3), live(2))
        assert (chosen.certificate, chosen.by) == (live(3), "coverage")

    def test_may_cover_the_names_by_a_wildcard(self) -> None:
        wildcard = live(1, domains=frozenset({DomainPattern("*.contoso.com")}))
        assert choose(wildcard).certificate == wildcard

    def test_must_cover_the_common_name_too(self) -> None:
        asked = ASKED.with_(subject="CN=other.contoso.com")
        assert choose(live(1), asked=asked).certificate is None

    @pytest.mark.parametrize(
        "values",
        [
            {"domains": frozenset({DomainPattern("other.contoso.com")})},
            {"domains": UNKNOWN},
            {"not_after": NOW - timedelta(seconds=1)},
            {"not_before": NOW + timedelta(seconds=1)},
            {"has_private_key": False},
            {"status": "Revoked"},
            {"status": "DateInvalid"},
            {"status": "Untrusted"},
            {"self_signed": True},
        ],
        ids=lambda values: "-".join(values),
    )
    def test_is_not_taken_for_its_subject(self, values: dict[str, Any]) -> None:
        """The same subject and issuer, but a name, a key or a validity is missing."""
        assert choose(live(1, **values)) == Selection()

    def test_may_have_a_revocation_that_could_not_be_checked(self) -> None:
        """Servers without a way to the Internet say so of every certificate."""
        assert choose(live(1, status="RevocationCheckFailure")).certificate

    def test_may_have_signed_itself_where_it_is_only_watched(self) -> None:
        assert choose(live(1, self_signed=True), asked=WATCHED).certificate

    def test_is_none_where_nothing_says_what_it_covers(self) -> None:
        assert choose(live(1), asked=Certificate(friendly_name="TLSCert")) == Selection()

    def test_is_the_one_with_the_declared_thumbprint_whatever_else_is_there(self) -> None:
        """Expired, and hidden by one that lives longer: nothing else could mean it."""
        old = live(3, not_after=NOW - timedelta(days=1), status="DateInvalid")
        pinned = WATCHED.with_(thumbprint=old.thumbprint)
        assert choose(live(80), old, asked=pinned) == Selection(old, "thumbprint")
        assert choose(live(80), old, asked=pinned, key="key80").certificate is old
        assert choose(live(80), asked=pinned, key="key80") == Selection()

    def test_has_no_mark_where_there_is_none(self) -> None:
        """An empty mark is in every friendly name."""
        assert choose(live(1, domains=frozenset()), mark="") == Selection()


class TestWhatCouldNotBeRead:
    def test_decides_nothing(self) -> None:
        """On Edge mark, status and key are unknown: nothing is adopted, but it is told."""
        assert choose(on_edge(1)) == Selection(unclear=(on_edge(1),))

    def test_does_not_hide_the_recorded_key(self) -> None:
        assert choose(on_edge(1), on_edge(2), key="key1").certificate == on_edge(1)

    def test_that_surely_has_no_key_is_not_unclear(self) -> None:
        assert choose(live(1, status=UNKNOWN, has_private_key=False)) == Selection()

    def test_that_is_surely_revoked_is_not_unclear(self) -> None:
        assert choose(live(1, status="Revoked", has_private_key=UNKNOWN)) == Selection()

    @rule("6.4-2")
    def test_in_a_status_with_only_a_number_is_as_good_as_unread(self) -> None:
        """[6.4-2]: the numbers are recollection."""
        assert choose(live(1, status="7")) == Selection(unclear=(live(1, status="7"),))


class TestAPendingRequest:
    def test_is_never_the_declared_certificate(self) -> None:
        """It has our mark, our names, our key, and no certificate."""
        assert choose(marked(pending(1)), asked=WATCHED, key="key1") == Selection()

    def test_is_not_taken_for_its_mark_where_its_status_has_only_a_number(self) -> None:
        assert choose(marked(pending(1, status="7"))).certificate is None

    def test_gives_way_to_its_answer_where_neither_status_could_be_read(self) -> None:
        entry, answer = on_edge(9, self_signed=True, public_key="ours"), on_edge(1, public_key="ours")
        assert choose(entry, answer, key="ours").certificate == answer

    def test_is_suspected_where_nothing_tells(self) -> None:
        assert may_be_pending(on_edge(1, self_signed=True))
        assert may_be_pending(live(1, status=UNKNOWN, self_signed=UNKNOWN))
        assert not may_be_pending(on_edge(1))
        assert not may_be_pending(live(1, self_signed=True))


class TestARequestWhoseAnswerWasLost:
    def test_is_what_is_new_and_has_our_mark(self) -> None:
        """Against the list that was written with the intent."""
        certificates = [marked(pending(1)), marked(pending(2)), pending(3), live(4)]
        assert new_pending(certificates, {thumbprint(1)}, MARK) == (marked(pending(2)),)

    def test_is_what_is_new_where_no_mark_could_be_read(self) -> None:
        entry = on_edge(2, self_signed=True)
        assert new_pending([on_edge(1), entry], {thumbprint(1)}, MARK) == (entry,)

    def test_was_not_made_where_only_somebody_elses_is_new(self) -> None:
        assert new_pending([pending(3)], set(), MARK) == ()


class TestAnImportedAnswer:
    request = Request(Name("EX1"), ASKED, "ours", "", thumbprint(9), NOW)

    def test_has_the_key_of_the_request_and_another_thumbprint(self) -> None:
        answer = live(1, public_key="ours")
        assert imported_of([live(2), pending(9, public_key="ours"), answer], self.request) == answer

    def test_is_not_there_while_the_request_is_pending(self) -> None:
        assert imported_of([live(2), pending(9, public_key="ours")], self.request) is None

    def test_is_not_the_pending_entry_whose_status_could_not_be_read(self) -> None:
        """On Edge it is known by its thumbprint, or as its own issuer."""
        assert imported_of([on_edge(9, public_key="ours")], self.request) is None
        assert imported_of([on_edge(8, public_key="ours", self_signed=True)], self.request) is None
        assert imported_of([on_edge(8, public_key="ours")], self.request) == on_edge(8, public_key="ours")
