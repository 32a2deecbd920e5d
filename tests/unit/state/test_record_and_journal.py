"""What a record learns from a journal, and what a journal leaves in doubt."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType

from state.address import Address
from state.journal import Entry, Intent, Outcome, in_doubt
from state.record import Learned, Recorded, Request, StateRecord
from state.resources import Certificate, SendConnector
from state.values import Name

AT = datetime(2027, 1, 31, tzinfo=UTC)
PUBLIC = Address.of("certificate", "EX1", "public")
PARTNERS = Address.of("send_connector", "EX1", "tls_required")
CONNECTOR = Recorded(SendConnector(name=Name("a")), True, AT)
CERTIFICATE = Recorded(Certificate(subject="CN=a"), True, AT)
REQUEST = Request(Name("EX1"), Certificate(subject="CN=a"), "aa", "csr", None, AT)


def record(
    resources: Mapping[Address, Recorded] | None = None, requests: Mapping[Address, Request] | None = None
) -> StateRecord:
    return StateRecord("contoso", "lineage", 4, resources or {}, requests or {})


class TestARecord:
    def test_learns_a_resource(self) -> None:
        """What a step made is ours from then on."""
        assert record().learn(Learned(PARTNERS, CONNECTOR)).resources == {PARTNERS: CONNECTOR}

    def test_drops_a_resource(self) -> None:
        """A step that leaves nothing says None."""
        assert record(resources={PARTNERS: CONNECTOR}).learn(Learned(PARTNERS, None)).resources == {}

    def test_does_not_mind_dropping_what_it_never_had(self) -> None:
        """A journal that is read twice says the same twice."""
        assert record().learn(Learned(PARTNERS, None)) == record()

    def test_learns_a_request_beside_what_is_in_use(self) -> None:
        """A renewal is under way while the old certificate still serves."""
        learned = record().learn(Learned(PUBLIC, CERTIFICATE, REQUEST))
        assert (learned.resources, learned.requests) == ({PUBLIC: CERTIFICATE}, {PUBLIC: REQUEST})

    def test_drops_a_request_that_a_step_no_longer_names(self) -> None:
        """Each step tells all there is of its address."""
        before = record(requests={PUBLIC: REQUEST})
        assert before.learn(Learned(PUBLIC, CERTIFICATE)).requests == {}

    def test_leaves_other_addresses_alone(self) -> None:
        """One step is about one address."""
        before = record(resources={PARTNERS: CONNECTOR}, requests={PUBLIC: REQUEST})
        after = before.learn(Learned(Address.of("send_connector", "other"), CONNECTOR))
        assert after.resources[PARTNERS] == CONNECTOR
        assert after.requests == {PUBLIC: REQUEST}

    def test_takes_the_last_of_several_steps(self) -> None:
        """They are learned in order."""
        changed = Recorded(SendConnector(name=Name("b")), False, AT)
        assert record().learn(Learned(PARTNERS, CONNECTOR), Learned(PARTNERS, changed)).resources == {
            PARTNERS: changed
        }

    def test_stays_what_it_was_when_it_learns(self) -> None:
        """The one before is still the backup."""
        before = record(resources=MappingProxyType({PARTNERS: CONNECTOR}))
        after = before.learn(Learned(PARTNERS, None))
        assert before.resources == {PARTNERS: CONNECTOR}
        assert (after.organization, after.lineage, after.serial) == ("contoso", "lineage", 4)


def intent(id: str) -> Intent:
    return Intent(id, PARTNERS, "EX1", "New-SendConnector", {"Name": "a"}, (), AT)


class TestAnIntent:
    def test_without_an_outcome_is_in_doubt(self) -> None:
        """It may have been sent, and it may have worked."""
        assert in_doubt([intent("1")]) == (intent("1"),)

    def test_with_an_outcome_is_not(self) -> None:
        """Failed or not, it is known."""
        assert in_doubt([intent("1"), Outcome("1", "", AT), intent("2"), Outcome("2", "no such", AT)]) == ()

    def test_is_told_oldest_first(self) -> None:
        """They are settled in the order in which they were sent."""
        outcome, learned = Outcome("2", "", AT), Learned(PARTNERS, CONNECTOR)
        entries: list[Entry] = [intent("1"), intent("2"), intent("3"), outcome, learned]
        assert in_doubt(entries) == (intent("1"), intent("3"))

    def test_is_not_settled_by_the_outcome_of_another(self) -> None:
        """An outcome names its intent."""
        assert in_doubt([intent("1"), Outcome("2", "", AT)]) == (intent("1"),)
