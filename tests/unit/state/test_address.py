"""Addresses: what is written is read, and nothing else is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from state.address import Address
from state.errors import InvalidAddress, InvalidValue
from state.values import Deferred


class TestAnAddress:
    @given(st.from_type(Address))
    def test_survives_being_written_and_read(self, address: Address) -> None:
        """Plans, records and command lines hold addresses as text."""
        assert Address.parse(str(address)) == address

    @pytest.mark.parametrize(
        ("address", "text"),
        [
            (Address.of("certificate", "EDGE1", "public"), "certificate.EDGE1.public"),
            (Address.of("send_connector", "Mail to O365"), 'send_connector."Mail to O365"'),
            (
                Address.of("send_connector", "EDGE1", "tls_required", "DomainValidation mail.example"),
                'send_connector.EDGE1.tls_required."DomainValidation mail.example"',
            ),
            (Address.of("server", 'a"b.c'), r'server."a\"b.c"'),
        ],
    )
    def test_quotes_only_the_parts_that_need_it(self, address: Address, text: str) -> None:
        """Product contract, section 2: a part that is not ``[A-Za-z0-9_-]+`` is a JSON string."""
        assert str(address) == text

    def test_reads_quotes_that_are_not_needed(self) -> None:
        """People quote more than they must."""
        assert Address.parse('server."EX1"') == Address.of("server", "EX1")

    def test_is_compared_exactly(self) -> None:
        """It names a place in the YAML, where ``ex1`` and ``EX1`` are two."""
        assert Address.of("server", "ex1") != Address.of("server", "EX1")

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ("", "a name is missing at character 1"),
            ("certificate", "one to three parts"),
            ("certificate.", "a name is missing at character 13"),
            (".EX1", "a name is missing at character 1"),
            ("certificate.EX1 public", 'a "." is missing at character 16'),
            ('certificate."EX1', "not a JSON string"),
            ('certificate.""', "a part is empty"),
            ('"two words".EX1', "no resource type"),
            ("a.b.c.d.e", "one to three parts"),
            ("certificate." + "x" * 5000, "longer than 4096"),
        ],
    )
    def test_says_what_is_wrong_with_a_text(self, text: str, reason: str) -> None:
        """The reason reaches the person who typed it."""
        with pytest.raises(InvalidAddress) as raised:
            Address.parse(text)
        assert reason in str(raised.value)

    def test_is_never_longer_than_can_be_read_back(self) -> None:
        """Or a record would be written that nobody can open."""
        with pytest.raises(InvalidAddress):
            Address.of("certificate", "\u00e9" * 1000)

    @given(st.text())
    def test_is_read_from_any_text_or_refused(self, text: str) -> None:
        """No text leads to another error, or to an address that reads differently the second time."""
        try:
            address = Address.parse(text)
        except InvalidAddress:
            return
        assert Address.parse(str(address)) == address


class TestADeferredValue:
    @given(st.from_type(Address))
    def test_survives_being_written_and_read(self, address: Address) -> None:
        """A quoted part may hold the ``#`` that divides them."""
        value = Deferred(address, "thumbprint")
        assert Deferred.parse(str(value)) == value

    @pytest.mark.parametrize("text", ["certificate.EX1.public", "certificate.EX1.public#", ""])
    def test_names_an_attribute(self, text: str) -> None:
        """Without one there is nothing to put in its place."""
        with pytest.raises(InvalidValue):
            Deferred.parse(text)

    def test_names_an_address(self) -> None:
        """What stands before the mark is read as an address."""
        with pytest.raises(InvalidAddress):
            Deferred.parse("certificate#thumbprint")
