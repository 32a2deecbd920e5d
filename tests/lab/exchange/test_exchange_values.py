"""Exchange's value objects: what they accept, and how they print [6.5]."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.lab.exchange import addresses, enums, values
from reconciler.lab.exchange.clixml import Obj, text_of, texts_of
from reconciler.lab.exchange.values import BadValue
from tests.rules import rule


def prop(value: Obj, name: str) -> str | None:
    assert value.properties is not None
    return text_of(value.properties[name])


class TestAnAddressSpace:
    @rule("3-1", "3-2", "3-5")
    @pytest.mark.parametrize(
        ("given", "printed"),
        [
            ("contoso.com", "SMTP:contoso.com;1"),
            ("SMTP:contoso.com", "SMTP:contoso.com;1"),
            ("contoso.com;1", "SMTP:contoso.com;1"),
            ("SMTP:contoso.com;1", "SMTP:contoso.com;1"),
            ("smtp:*;1", "smtp:*;1"),
            ("*", "SMTP:*;1"),
            ("*.com;40", "SMTP:*.com;40"),
            ("--", "SMTP:--;1"),
            ("X400:c=us;a=b;5", "X400:c=us;a=b;5"),
        ],
    )
    def test_prints_type_and_cost(self, given: str, printed: str) -> None:
        """[3-1], [3-2], [3-5]"""
        assert values.address_space(given).text == printed

    @rule("3-1")
    @pytest.mark.parametrize("text", ["*contoso.com", "contoso.com;0", "contoso.com;101", "SMTP:", "a b.com"])
    def test_refuses(self, text: str) -> None:
        """[3-1]"""
        with pytest.raises(BadValue):
            values.address_space(text)

    def test_tells_its_parts(self) -> None:
        space = values.address_space("*.contoso.com;7")
        assert prop(space, "Address") == "*.contoso.com"
        assert prop(space, "Domain") == "contoso.com"
        assert prop(space, "IncludeSubDomains") == "true"
        assert prop(space, "Cost") == "7"


class TestATimeSpan:
    @given(st.integers(-(10**15), 10**15))
    def test_reads_what_it_prints(self, ticks: int) -> None:
        assert values.ticks_of(values.span_text(ticks)) == ticks

    @pytest.mark.parametrize(("text", "printed"), [("0:10", "00:10:00"), ("1", "1.00:00:00")])
    def test_accepts_short_forms(self, text: str, printed: str) -> None:
        assert values.time_span(values.ticks_of(text)).text == printed

    @pytest.mark.parametrize("text", ["ten minutes", "25:00:00", "00:61:00", ""])
    def test_refuses(self, text: str) -> None:
        with pytest.raises(BadValue):
            values.ticks_of(text)

    def test_has_totals_as_dotnet_computes_them(self) -> None:
        """A product with the reciprocal: the last digit differs from the quotient's [S]."""
        five = values.time_span(5 * values.TICKS)
        assert prop(five, "TotalDays") == "5.7870370370370366E-05"
        assert prop(five, "TotalSeconds") == "5"


class TestASize:
    @rule("3-17")
    @pytest.mark.parametrize(
        ("text", "printed"),
        [
            ("35MB", "35 MB (36,700,160 bytes)"),
            ("36700160", "35 MB (36,700,160 bytes)"),
            ("35 MB (36,700,160 bytes)", "35 MB (36,700,160 bytes)"),
            ("1 B", "1 KB (1,024 bytes)"),
            ("1.5 kb", "2 KB (2,048 bytes)"),
            ("0", "0 B (0 bytes)"),
        ],
    )
    def test_is_rounded_up_to_kilobytes(self, text: str, printed: str) -> None:
        """[3-17]"""
        assert values.unlimited_bytes(values.rounded_to_kb(values.bytes_of(text))).text == printed

    @given(st.integers(0, 2**40))
    def test_reads_what_it_prints(self, size: int) -> None:
        assert values.bytes_of(values.size_text(size)) == size

    def test_can_be_unlimited(self) -> None:
        value = values.unlimited_bytes(None)
        assert value.text == "Unlimited"
        assert value.properties is not None
        assert "Value" not in value.properties

    def test_of_a_receive_connector_has_no_properties(self) -> None:
        """[S]"""
        assert values.byte_size(262144).properties is None


class TestHosts:
    @rule("3-9")
    def test_a_smart_host_that_is_an_address_prints_in_brackets(self) -> None:
        """[3-9]"""
        assert addresses.smart_host("192.0.2.1", "15.2.1.0").text == "[192.0.2.1]"
        assert addresses.smart_host("[192.0.2.1]", "15.2.1.0").text == "[192.0.2.1]"
        assert addresses.smart_host("mx.contoso.com", "15.2.1.0").text == "mx.contoso.com"

    @pytest.mark.parametrize("text", ["0.0.0.0:25", "[::]:25", "192.0.2.1:587"])
    def test_a_binding_prints_as_given(self, text: str) -> None:
        assert addresses.ip_binding(text).text == text

    @pytest.mark.parametrize("text", ["25", "192.0.2.1", ":::25", "192.0.2.1:70000", "host:25"])
    def test_a_binding_refuses(self, text: str) -> None:
        with pytest.raises(BadValue):
            addresses.ip_binding(text)

    @pytest.mark.parametrize(
        ("text", "low", "high", "form", "size"),
        [
            ("10.0.0.0-10.0.255.255", "10.0.0.0", "10.0.255.255", "LoHi", "::1:0"),
            ("192.0.2.9", "192.0.2.9", "192.0.2.9", "SingleAddress", "::1"),
            ("192.0.2.0/24", "192.0.2.0", "192.0.2.255", "CIDR", "::100"),
        ],
    )
    def test_a_range_tells_both_ends(self, text: str, low: str, high: str, form: str, size: str) -> None:
        value = addresses.ip_range(text)
        assert value.text == text
        assert [prop(value, n) for n in ("LowerBound", "UpperBound", "RangeFormat", "Size")] == [
            low,
            high,
            form,
            size,
        ]

    @pytest.mark.parametrize("text", ["10.0.0.9-10.0.0.1", "10.0.0.1-::1", "10.0.0.0/40", "x"])
    def test_a_range_refuses(self, text: str) -> None:
        with pytest.raises(BadValue):
            addresses.ip_range(text)

    @rule("4-9")
    @pytest.mark.parametrize("text", ["fabrikam.com:AcceptCloudServicesMail", "NO-TLS:AcceptOorgProtocol"])
    def test_capabilities_of_a_domain(self, text: str) -> None:
        """[4-9]"""
        assert texts_of(values.domain_capabilities([text])) == (text,)

    def test_capabilities_that_nobody_knows_are_refused(self) -> None:
        with pytest.raises(BadValue):
            values.domain_capabilities(["fabrikam.com:Everything"])


class TestACertificateName:
    def test_tells_issuer_subject_and_common_name(self) -> None:
        value = values.certificate_name("<i>CN=CA, O=x<s>CN=*.contoso.com, C=US")
        assert value.text == "<I>CN=CA, O=x<S>CN=*.contoso.com, C=US"
        assert prop(value, "SubjectCommonName") == "*.contoso.com"
        assert prop(value, "CertificateIssuer") == "CN=CA, O=x"

    @rule("3-15")
    @pytest.mark.parametrize(
        "text", ["6C7DE09FB39A40144F57EFEBC3DF0148E3A9AB28", "<I>CN=a", "<S>CN=a<I>CN=b", "<I>a<S>b"]
    )
    def test_refuses_a_thumbprint_and_whatever_else(self, text: str) -> None:
        """[3-15]"""
        with pytest.raises(BadValue):
            values.certificate_name(text)


class TestFlags:
    @rule("6.4-1", "6.4-5")
    def test_print_ascending(self) -> None:
        """[6.4-1], [6.4-5]"""
        assert enums.SERVICES.text(27) == "IMAP, POP, IIS, SMTP"
        assert enums.SERVICES.text(0) == "None"
        assert enums.AUTH_MECHANISM.text(31) == (
            "Tls, Integrated, BasicAuth, BasicAuthRequireTLS, ExchangeServer"
        )

    def test_bits_without_a_name_print_as_a_number(self) -> None:
        assert enums.SERVICES.text(16 + 4096) == "4112"

    @given(st.integers(0, 63))
    def test_read_what_they_print(self, bits: int) -> None:
        assert enums.PERMISSION_GROUPS.number(enums.PERMISSION_GROUPS.text(bits)) == bits

    def test_one_of_several_is_one(self) -> None:
        with pytest.raises(BadValue):
            enums.TLS_AUTH_LEVEL.number("EncryptionOnly, DomainValidation")
