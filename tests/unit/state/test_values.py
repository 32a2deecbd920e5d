"""Values: equal means that Exchange would say the same, whatever the spelling."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DataObject, SearchStrategy

from state.errors import InvalidAddress, InvalidValue
from state.resources import KINDS, Build, Json, Kind, ValueType
from state.resources import attribute as types
from state.resources.attribute import ListOf, SetOf
from state.resources.certificate import SERVICES
from state.resources.server import BUILD
from state.values import AddressSpace, ByteSize, Name, SmartHost, parse_time_span, time_span_text
from tests.rules import rule

ATTRIBUTES = {
    f"{kind}.{name}": attribute
    for kind, resource in sorted(KINDS.items())
    for name, attribute in resource.attributes().items()
}
TYPES = list({id(a.type): pytest.param(a.type, id=name) for name, a in ATTRIBUTES.items()}.values())
NEAR_MISSES = st.text() | st.text("0123456789abcFXSMTPIK .:;,-*[]/%()<>#\u00e9\u3002", max_size=24)


@pytest.mark.parametrize("type", TYPES)
class TestEveryType:
    @settings(max_examples=30)  # of each of some forty types
    @given(data=st.data())
    def test_reads_the_json_that_it_writes(
        self,
        values_of: Callable[[ValueType[Any]], SearchStrategy[Any]],
        type: ValueType[Any],
        data: DataObject,
    ) -> None:
        """Or the record would show drift in what nobody touched."""
        value = data.draw(values_of(type))
        assert type.from_json(type.to_json(value)) == value

    @settings(max_examples=30)
    @given(data=st.data())
    def test_reads_the_text_that_it_writes(
        self,
        values_of: Callable[[ValueType[Any]], SearchStrategy[Any]],
        type: ValueType[Any],
        data: DataObject,
    ) -> None:
        """Exchange prints what we send; of a list, each item."""
        item = type.item if isinstance(type, SetOf | ListOf) else type
        value = data.draw(values_of(item))
        assert item.parse(item.text(value)) == value

    @settings(max_examples=50)
    @given(text=NEAR_MISSES)
    def test_reads_any_text_or_refuses_it(self, type: ValueType[Any], text: str) -> None:
        """What is read from any text reads the same from its own text and its own JSON."""
        item = type.item if isinstance(type, SetOf | ListOf) else type
        try:
            value = item.parse(text)
        except (InvalidValue, InvalidAddress):
            return
        assert item.parse(item.text(value)) == value
        assert item.from_json(item.to_json(value)) == value

    @pytest.mark.parametrize("json", [{}, {"unknown": True}, 1.5, [[]], [None]], ids=repr)
    def test_refuses_json_of_another_shape(self, type: ValueType[Any], json: Json) -> None:
        """No type writes an object, so UNKNOWN and Deferred have that shape to themselves."""
        with pytest.raises(InvalidValue):
            type.from_json(json)


def test_every_writable_attribute_is_named_as_exchange_names_it() -> None:
    """A cmdlet is built from that name."""
    nameless = [name for name, a in ATTRIBUTES.items() if a.kind is Kind.WRITABLE and not a.exchange]
    assert nameless == []


@rule("3-1", "3-2", "3-9", "3-15", "3-17", "3-18", "6.4-1")
@pytest.mark.parametrize(
    ("type", "spellings"),
    [
        pytest.param(
            types.ADDRESS_SPACE,
            ["contoso.com", "SMTP:contoso.com", "contoso.com;1", "SMTP:contoso.com;1", "smtp:Contoso.COM;1"],
            id="[3-1] type and cost of an address space may be left out",
        ),
        pytest.param(types.ADDRESS_SPACE, ["*", "SMTP:*;1", "smtp:*;1"], id="[3-2] case is as it was given"),
        pytest.param(types.ADDRESS_SPACE, ["X400:c=US;5", "x400:C=us;5"], id="[3-2] another system's too"),
        pytest.param(types.SMART_HOST, ["192.0.2.1", "[192.0.2.1]"], id="[3-9] brackets around an address"),
        pytest.param(types.SMART_HOST, ["[2001:db8::1]", "2001:DB8:0:0::1"], id="[3-9] IPv6 too"),
        pytest.param(types.SMART_HOST, ["mx.Contoso.com", "MX.contoso.com."], id="[3-9] a host name"),
        pytest.param(
            types.TLS_CERTIFICATE_NAME,
            ["<I>CN=A<S>CN=b", "<i>CN=A<s>CN=b"],
            id="[3-15] tags without case",
        ),
        pytest.param(
            types.BYTE_SIZE,
            ["35 MB", "35MB", "35 mb", "36700160", "35840 KB", "35 MB (36,700,160 bytes)"],
            id="[3-17] units of a size",
        ),
        pytest.param(types.BYTE_SIZE, ["2 KB", "1025", "1025 B"], id="[3-17] rounded up to the next KB"),
        pytest.param(types.BYTE_SIZE, ["Unlimited", "unlimited"], id="6.5 no limit to a size"),
        pytest.param(
            types.BYTE_SIZE,
            [
                "1536 KB",
                "1.5 MB (1,572,864 bytes)",
                "1,5 MB (1.572.864 Byte)",
                "1,5 MB (1\u00a0572\u00a0864 octets)",
            ],
            id="6.5 a size in three cultures",
        ),
        pytest.param(types.LIMIT, ["5000", "05000"], id="6.5 a count"),
        pytest.param(types.LIMIT, ["Unlimited", "UNLIMITED"], id="6.5 no limit to a count"),
        pytest.param(types.TIME_SPAN, ["00:10:00", "0:10", "00:10:00.0000000"], id="6.5 a time span"),
        pytest.param(types.TIME_SPAN, ["1.00:00:00", "1.00:00"], id="[3-18] a day"),
        pytest.param(types.BINDING, ["[::]:25", "[0:0::0]:25"], id="6.5 a binding"),
        pytest.param(
            types.IP_RANGE,
            ["0.0.0.0-255.255.255.255", "0.0.0.0/0"],
            id="6.5 a network is a range",
        ),
        pytest.param(
            types.IP_RANGE, ["192.0.2.9", "192.0.2.9-192.0.2.9", "192.0.2.9/32"], id="6.5 one address"
        ),
        pytest.param(
            types.IP_RANGE,
            ["::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "::/0"],
            id="6.5 every IPv6 address",
        ),
        pytest.param(types.NAME, ["EX1", "ex1", " Ex1 "], id="6.5-2 names differ in case only"),
        pytest.param(types.FQDN, ["mail.contoso.com", "MAIL.contoso.com."], id="6.5 a host name"),
        pytest.param(types.FQDN, ["m\u00fcller.example", "xn--mller-kva.example"], id="a name beyond ASCII"),
        pytest.param(BUILD, ["Version 15.2 (Build 986.5)", "15.2.986.5"], id="6.5 a server's version"),
        pytest.param(types.BOOL, ["True", "true", "TRUE"], id="6.5 a boolean"),
        pytest.param(SERVICES, ["IMAP, POP, SMTP", "smtp,pop,imap"], id="[6.4-1] flags"),
        pytest.param(SERVICES, ["None", ""], id="[6.4-1] no flag"),
        pytest.param(
            types.THUMBPRINT,
            ["aa" * 20, "AA" * 20, ":".join(["Aa"] * 20), "\u200e" + "aa " * 20],
            id="a thumbprint as certificate dialogs copy it",
        ),
        pytest.param(
            types.INSTANT,
            ["2022-03-23T17:00:30Z", "2022-03-23T18:00:30+01:00", "2022-03-23T18:00:30.0000000+01:00"],
            id="6.5 an instant in two zones",
        ),
    ],
)
def test_these_spellings_are_one_value(type: ValueType[Any], spellings: list[str]) -> None:
    """Otherwise a plan would change one into the other, for ever."""
    values = [type.parse(spelling) for spelling in spellings]
    assert values == [values[0]] * len(values)
    assert len(set(values)) == 1


@rule("3-15")
@pytest.mark.parametrize(
    ("type", "one", "other"),
    [
        (types.ADDRESS_SPACE, "contoso.com", "*.contoso.com"),
        (types.ADDRESS_SPACE, "contoso.com", "contoso.com;2"),
        (types.ADDRESS_SPACE, "contoso.com", "X400:contoso.com"),
        (types.TLS_CERTIFICATE_NAME, "<I>CN=A<S>CN=b", "<I>CN=a<S>CN=b"),
        (types.TLS_CERTIFICATE_NAME, "<I>CN=a<S>CN=b", "<I>CN=b<S>CN=a"),
        (types.BYTE_SIZE, "Unlimited", "0"),
        (types.LIMIT, "Unlimited", "0"),
        (types.BINDING, "0.0.0.0:25", "[::]:25"),
        (types.DOMAIN_PATTERN, "*", "*.contoso.com"),
    ],
)
def test_these_are_two_values(type: ValueType[Any], one: str, other: str) -> None:
    """[3-15] compares both parts of a certificate's name by plain equality; the rest speaks for itself."""
    assert type.parse(one) != type.parse(other)


@rule("3-1")
@pytest.mark.parametrize(
    ("type", "text"),
    [
        (types.ADDRESS_SPACE, "*contoso.com"),  # [3-1]
        (types.ADDRESS_SPACE, "contoso.com;0"),
        (types.ADDRESS_SPACE, "contoso.com;101"),
        (types.ADDRESS_SPACE, "X400:c=US;a=x"),  # [3-1]: one that holds ";" must state a cost
        (types.ADDRESS_SPACE, "SMTP:;1"),
        (types.ADDRESS_SPACE, ":contoso.com"),
        (types.SMART_HOST, ""),
        (types.SMART_HOST, "[fe80::1%2 ]"),
        (types.SMART_HOST, "mx one.contoso.com"),
        (types.FQDN, "*.contoso.com"),
        (types.DOMAIN_PATTERN, " *.no domain"),
        (types.FQDN, "a" * 64 + ".com"),
        (types.FQDN, ".".join(["a" * 60] * 5)),
        (types.FQDN, "\u00e9" * 100_000),
        (types.BYTE_SIZE, "35 PB"),
        (types.BYTE_SIZE, "-1"),
        (types.BYTE_SIZE, "1.5 MB"),
        (types.BYTE_SIZE, "16777217 TB"),
        (types.TIME_SPAN, "24:00:00"),
        (types.TIME_SPAN, "00:60"),
        (types.TIME_SPAN, "ten minutes"),
        (types.BINDING, "192.0.2.1"),
        (types.BINDING, "0.0.0.0:65536"),
        (types.IP_RANGE, "192.0.2.9-192.0.2.1"),
        (types.IP_RANGE, "192.0.2.9-::1"),
        (types.THUMBPRINT, "aa" * 19),
        (types.THUMBPRINT, "\ufb00" * 20),
        (types.TLS_CERTIFICATE_NAME, "CN=mail.contoso.com"),
        (types.TLS_CERTIFICATE_NAME, "aa" * 20),
        (types.INSTANT, "2022-03-23T18:00:30"),
        (types.INSTANT, "0001-01-01T00:00:00+01:00"),
        (types.INSTANT, "9999-12-31T23:59:59-01:00"),
        (types.BOOL, "yes"),
        (types.INT, "1.5"),
        (BUILD, "2019"),
    ],
)
def test_these_are_no_values(type: ValueType[Any], text: str) -> None:
    """The error holds the text and what was expected instead."""
    with pytest.raises(InvalidValue) as raised:
        type.parse(text)
    assert raised.value.text == text


class TestAnAddressSpace:
    @rule("3-2")
    def test_is_written_with_type_and_cost(self) -> None:
        """[3-2]: as Exchange returns it."""
        assert str(AddressSpace.parse("contoso.com")) == "SMTP:contoso.com;1"

    def test_of_another_system_is_sent_as_it_was_given(self) -> None:
        """Only the comparison is without case."""
        assert str(AddressSpace.parse("X400:c=US;a=Contoso;p=x;5")) == "X400:c=US;a=Contoso;p=x;5"

    @rule("3-5")
    def test_of_edge_synchronization_is_kept(self) -> None:
        """[3-5]: its placeholder is no domain, and must come through a read."""
        assert str(AddressSpace.parse("SMTP:--;1")) == "SMTP:--;1"
        assert str(SmartHost.parse("--")) == "--"

    def test_has_an_order(self) -> None:
        """Plans list address spaces the same way every time."""
        spaces = [AddressSpace.parse(text) for text in ("b.example", "a.example;2", "a.example")]
        assert [str(space) for space in sorted(spaces)] == [
            "SMTP:a.example;1",
            "SMTP:a.example;2",
            "SMTP:b.example;1",
        ]


class TestAName:
    def test_keeps_the_case_it_was_given(self) -> None:
        """It is sent to Exchange and shown to people."""
        assert str(Name.parse("Ex1")) == "Ex1"


class TestASize:
    @pytest.mark.parametrize(
        ("size", "text"),
        [(None, "Unlimited"), (0, "0 B"), (1024, "1 KB"), (36700160, "35 MB"), (1572864, "1536 KB")],
    )
    def test_is_written_in_its_largest_whole_unit(self, size: int | None, text: str) -> None:
        """A fraction would be rounded by whoever reads it."""
        assert str(ByteSize(size)) == text


class TestATimeSpan:
    def test_loses_what_is_below_a_microsecond(self) -> None:
        """.NET counts ticks of 100 ns; Python cannot."""
        assert parse_time_span("00:00:00.0000019") == timedelta(microseconds=1)

    @pytest.mark.parametrize(
        ("span", "text"),
        [
            (timedelta(minutes=10), "00:10:00"),
            (timedelta(days=1), "1.00:00:00"),
            (-timedelta(hours=1, microseconds=5), "-01:00:00.0000050"),
        ],
    )
    def test_is_written_as_dotnet_prints_it(self, span: timedelta, text: str) -> None:
        """Format "c" of System.TimeSpan."""
        assert time_span_text(span) == text


class TestAnInstant:
    def test_is_kept_in_utc(self, east_of_greenwich: timezone) -> None:
        """Text of it can be compared by eye."""
        at = datetime(2027, 1, 31, 2, tzinfo=east_of_greenwich)
        assert types.INSTANT.text(at) == "2027-01-31T00:00:00Z"
        assert types.INSTANT.parse(types.INSTANT.text(at)).tzinfo is UTC

    def test_has_a_time_zone(self) -> None:
        """A naive one would be taken for local time without a word."""
        with pytest.raises(ValueError):
            types.INSTANT.text(datetime(2027, 1, 31))


class TestFlags:
    @rule("6.4-1")
    def test_are_written_ascending_by_bit(self) -> None:
        """[6.4-1]: names first, then the numbers whose names are not known."""
        assert SERVICES.text(SERVICES.parse("64, SMTP, IMAP")) == "IMAP, SMTP, 64"


class TestABuild:
    def test_is_older_or_newer_than_another(self) -> None:
        """Capabilities are decided by comparing builds, as numbers."""
        assert Build.parse("15.2.986.5") < Build.parse("15.2.1118.7")


class TestAChoice:
    def test_keeps_a_name_that_it_does_not_know(self) -> None:
        """A later Exchange may have more; refusing it here would hide the whole object."""
        assert types.Choice("None", "Verbose").parse("Debug") == "Debug"

    def test_is_spelled_as_exchange_spells_it(self) -> None:
        """Two spellings would be a difference."""
        assert types.Choice("None", "Verbose").parse("VERBOSE") == "Verbose"


class TestAnOptionalValue:
    def test_is_null_where_exchange_prints_nothing(self) -> None:
        """And the text of ``$null`` reads as ``$null`` again."""
        assert types.Optional(types.FQDN).parse("  ") is None
