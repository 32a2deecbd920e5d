"""Which send connector carries a domain's mail."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from reconciler.mailflow.protection import Protection, protection_of
from reconciler.mailflow.route import Route, Why, route
from reconciler.mailflow.spaces import Match, match
from state.resources import SendConnector
from state.values import UNKNOWN, AddressSpace, ByteSize, Fqdn, Name
from tests.rules import rule

FABRIKAM = Fqdn("fabrikam.com")
EX1, EX2 = frozenset({Name("EX1")}), frozenset({Name("EX2")})


def connector(name: str, *spaces: str, **values: Any) -> SendConnector:
    read: dict[str, Any] = {
        "name": Name(name),
        "enabled": True,
        "address_spaces": frozenset(map(AddressSpace.parse, spaces)),
        "source_transport_servers": EX1,
        "is_scoped_connector": False,
        "max_message_size": ByteSize.parse("35 MB"),
    }
    return SendConnector(**{**read, **values})


def legs(found: Route) -> list[tuple[str, str]]:
    return [(str(leg.chosen.connector.name), str(leg.over or "")) for leg in found.legs]


def passed(found: Route) -> list[tuple[str, Why, bool]]:
    return [(str(one.connector.name), one.why, one.may_win) for one in found.passed]


class TestTheChoice:
    @rule("3-7")
    def test_is_the_most_specific_whatever_it_costs(self) -> None:
        everything, near, exact = (
            connector("everything", "*;1"),
            connector("near", "*.com;1"),
            connector("exact", "fabrikam.com;100"),
        )
        found = route(FABRIKAM, [everything, near, exact])
        assert legs(found) == [("exact", "")]
        assert passed(found) == [
            ("near", Why.LESS_SPECIFIC, False),
            ("everything", Why.LESS_SPECIFIC, False),
        ]

    @rule("3-7")
    def test_is_the_cheaper_of_two_that_are_equally_specific(self) -> None:
        found = route(FABRIKAM, [connector("a", "fabrikam.com;2"), connector("b", "fabrikam.com;1")])
        assert (legs(found), passed(found)) == ([("b", "")], [("a", Why.COSTS_MORE, False)])

    @rule("3-7")
    def test_is_the_lower_name_of_two_that_cost_the_same(self) -> None:
        """Case does not count."""
        found = route(FABRIKAM, [connector("b", "fabrikam.com"), connector("A", "fabrikam.com")])
        assert (legs(found), passed(found)) == ([("A", "")], [("b", Why.LATER_NAME, False)])

    @rule("3-7")
    def test_is_not_sure_between_connectors_of_different_servers(self) -> None:
        """Links between sites cost, and a server may prefer its own: neither can be read."""
        for spaces in (("fabrikam.com;1", "fabrikam.com;2"), ("fabrikam.com", "fabrikam.com")):
            found = route(
                FABRIKAM, [connector("a", spaces[0]), connector("b", spaces[1], source_transport_servers=EX2)]
            )
            assert legs(found) == [("a", "")]
            assert [one.may_win for one in found.passed] == [True]

    def test_is_none_where_nothing_takes_the_domain(self) -> None:
        found = route(FABRIKAM, [connector("elsewhere", "contoso.com"), connector("fax", "FAX:*;1")])
        assert (found.legs, found.passed) == ((), ())

    @rule("3-7")
    def test_leaves_out_what_is_disabled(self) -> None:
        found = route(FABRIKAM, [connector("off", "fabrikam.com", enabled=False), connector("on", "*")])
        assert (legs(found), passed(found)) == ([("on", "")], [("off", Why.DISABLED, False)])

    @rule("3-6", "3-7")
    def test_tells_of_a_scoped_one_that_it_may_be_chosen_in_its_site(self) -> None:
        found = route(FABRIKAM, [connector("near", "fabrikam.com", is_scoped_connector=True)])
        assert (legs(found), passed(found)) == ([], [("near", Why.SCOPED, True)])

    @rule("3-3", "3-7")
    def test_depends_on_the_size_of_the_message(self) -> None:
        """The size filter comes before specificity."""
        small = connector("small", "fabrikam.com", max_message_size=ByteSize.parse("10 MB"))
        smaller = connector("smaller", "*.com", max_message_size=ByteSize.parse("5 MB"))
        large = connector("large", "*", max_message_size=ByteSize.parse("25 MB"))
        found = route(FABRIKAM, [large, small, smaller])
        assert legs(found) == [("small", ""), ("large", "10 MB")]
        assert passed(found) == [("smaller", Why.LESS_SPECIFIC, False)]
        assert str(found.up_to) == "25 MB"

    def test_has_no_upper_end_where_a_size_is_unlimited_or_unread(self) -> None:
        for size in (ByteSize(None), UNKNOWN):
            found = route(FABRIKAM, [connector("any", "*", max_message_size=size)])
            assert (legs(found), found.up_to) == ([("any", "")], None)

    @rule("3-5")
    def test_takes_the_placeholder_of_edge_subscriptions_for_accepted_domains(self) -> None:
        inbound = connector("EdgeSync - Inbound to Site", "--")
        assert legs(route(Fqdn("contoso.com"), [inbound], {"contoso.com"})) == [
            ("EdgeSync - Inbound to Site", "")
        ]
        assert legs(route(Fqdn("a.contoso.com"), [inbound], {"*.contoso.com"})) != []
        assert route(FABRIKAM, [inbound], {"contoso.com"}).legs == ()

    @rule("3-4")
    def test_does_not_rest_on_a_wildcard_that_may_take_the_domain_itself(self) -> None:
        found = route(FABRIKAM, [connector("below", "*.fabrikam.com"), connector("all", "*")])
        assert (legs(found), passed(found)) == ([("all", "")], [("below", Why.PERHAPS, True)])
        assert match(AddressSpace("*.fabrikam.com"), Fqdn("mail.fabrikam.com")) is Match.YES

    def test_tells_what_could_not_be_read(self) -> None:
        blank = connector("blank", address_spaces=UNKNOWN)
        maybe = connector("maybe", "*", enabled=UNKNOWN)
        found = route(FABRIKAM, [blank, maybe])
        assert (legs(found), passed(found)) == ([("maybe", "")], [("blank", Why.UNREAD, True)])
        assert found.unsure == ((maybe, "enabled"),)


names = st.sampled_from(["fabrikam.com", "*.com", "*.fabrikam.com", "*", "contoso.com"])
connectors = st.lists(
    st.builds(
        lambda name, spaces, enabled, size: connector(
            name, *(f"{one};{cost}" for one, cost in spaces), enabled=enabled, max_message_size=ByteSize(size)
        ),
        st.text("abcAB", min_size=1, max_size=3),
        st.lists(st.tuples(names, st.integers(1, 3)), min_size=1, max_size=3),
        st.booleans(),
        st.sampled_from([None, 1024, 2048, 4096]),
    ),
    max_size=6,
    unique_by=lambda one: one.name,
)


@given(connectors, st.sampled_from([1024, 2048, 4096, 8192]))
def test_each_size_has_the_connector_that_a_plain_reading_of_the_rule_finds(
    there: list[SendConnector], size: int
) -> None:
    """Drop, then the most specific, then the cheapest, then the lowest name [3-7]."""

    def rank(one: SendConnector) -> tuple[int, int, str] | None:
        assert isinstance(one.address_spaces, frozenset)
        fitting = [s for s in one.address_spaces if match(s, FABRIKAM) is Match.YES]
        assert isinstance(one.max_message_size, ByteSize)
        largest = one.max_message_size.bytes
        if not fitting or one.enabled is False or (largest is not None and largest < size):
            return None
        order = ["fabrikam.com", "*.com", "*"]
        return min((order.index(s.address), s.cost, str(one.name).casefold()) for s in fitting)

    ranked = sorted((found, str(one.name)) for one in there if (found := rank(one)) is not None)
    chosen = ""
    for leg in route(FABRIKAM, there).legs:
        if leg.over is None or (leg.over.bytes or 0) < size:
            chosen = str(leg.chosen.connector.name)
    found = route(FABRIKAM, there)
    if found.up_to is not None and (found.up_to.bytes or 0) < size:
        chosen = ""
    assert chosen.casefold() == (ranked[0][1].casefold() if ranked else "")


class TestProtection:
    @rule("3-11", "3-12")
    def test_rises_with_what_is_demanded(self) -> None:
        asked = [
            {"ignore_starttls": True, "require_tls": False},
            {"ignore_starttls": False, "require_tls": False},
            {"ignore_starttls": False, "require_tls": True, "tls_auth_level": None},
            {"ignore_starttls": False, "require_tls": True, "tls_auth_level": "CertificateValidation"},
            {"ignore_starttls": False, "require_tls": True, "tls_auth_level": "DomainValidation"},
        ]
        assert [protection_of(SendConnector(**values)) for values in asked] == list(Protection)

    def test_is_not_known_where_what_decides_could_not_be_read(self) -> None:
        for values in (
            {"require_tls": UNKNOWN, "ignore_starttls": False},
            {"require_tls": True, "ignore_starttls": UNKNOWN},
            {"require_tls": True, "ignore_starttls": False, "tls_auth_level": UNKNOWN},
            {"require_tls": True, "ignore_starttls": False, "tls_auth_level": "7"},
        ):
            assert protection_of(SendConnector(**values)) is None
