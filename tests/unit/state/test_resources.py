"""Resources: attribute tables, and what is declared of them."""

from __future__ import annotations

import pytest

from state.resources import KINDS, AcceptedDomain, Certificate, Kind, Resource, SendConnector, Server
from state.values import UNKNOWN, UNSET, Fqdn, Name


class TestAResource:
    @pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
    def test_says_nothing_until_told(self, kind: type[Resource]) -> None:
        """No default of Exchange's is in any kind: what is not declared is not compared."""
        assert list(kind().declared()) == []
        assert all(getattr(kind(), name) is UNSET for name in kind.attributes())

    @pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
    def test_names_each_property_of_exchange_once(self, kind: type[Resource]) -> None:
        """Two attributes of one property would be set against each other."""
        names = [attribute.exchange for attribute in kind.attributes().values() if attribute.exchange]
        assert len(names) == len(set(names))

    @pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
    def test_has_no_setting_that_exchange_knows(self, kind: type[Resource]) -> None:
        """A setting steers the planner and is never sent."""
        settings = [a for a in kind.attributes().values() if a.kind is Kind.SETTING]
        assert [a.name for a in settings if a.exchange] == []

    def test_is_found_by_the_first_part_of_its_address(self) -> None:
        """The record names kinds by it."""
        assert {name: kind.kind for name, kind in KINDS.items()} == {name: name for name in KINDS}

    def test_tells_what_is_declared_in_the_order_of_its_table(self) -> None:
        """Plans list attributes the same way every time."""
        connector = SendConnector(comment="x", enabled=True, name=Name("n"))
        assert [attribute.name for attribute, _ in connector.declared()] == ["name", "enabled", "comment"]

    def test_counts_null_and_unknown_as_declared(self) -> None:
        """``$null`` clears an attribute; unknown is not absent."""
        connector = SendConnector(fqdn=None, comment=UNKNOWN)
        assert {attribute.name: value for attribute, value in connector.declared()} == {
            "fqdn": None,
            "comment": UNKNOWN,
        }

    def test_tells_attributes_of_some_kinds_only(self) -> None:
        """The record's own notes are not sent to Exchange."""
        connector = SendConnector(enabled=True, guid="g", role="other")
        assert [a.name for a, _ in connector.declared(Kind.OBSERVED, Kind.SETTING)] == ["guid", "role"]

    def test_is_equal_by_its_values_alone(self) -> None:
        """Names without case; nothing else in it makes two of one."""
        assert SendConnector(name=Name("A"), fqdn=Fqdn("a.b")) == SendConnector(
            name=Name("a"), fqdn=Fqdn("a.b")
        )
        assert SendConnector(fqdn=None) != SendConnector()
        kinds: list[Resource] = [Server(), AcceptedDomain()]
        assert kinds[0] != kinds[1]

    def test_is_copied_with_some_values_replaced(self) -> None:
        """And stays what it was."""
        before = Certificate(subject="CN=a", friendly_name="TLS")
        assert before.with_(subject="CN=b") == Certificate(subject="CN=b", friendly_name="TLS")
        assert before.subject == "CN=a"
