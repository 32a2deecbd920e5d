"""X.500 names as .NET prints and reads them [3-15]."""

from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from reconciler.lab.exchange.x500 import (
    BadName,
    CertificateName,
    common_name,
    name_of_text,
    pairs_of_text,
    text_of_name,
)


def name(*pairs: tuple[x509.ObjectIdentifier, str]) -> x509.Name:
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in pairs])


class TestAName:
    def test_prints_back_to_front(self) -> None:
        der_order = name(
            (NameOID.COUNTRY_NAME, "DE"), (NameOID.ORGANIZATION_NAME, "y"), (NameOID.COMMON_NAME, "x")
        )
        assert text_of_name(der_order) == "CN=x, O=y, C=DE"

    def test_is_read_back_to_front(self) -> None:
        read = name_of_text("C=US, O=Contoso Ltd, CN=mail1.contoso.com")
        assert [pair.oid for pair in read] == [
            NameOID.COMMON_NAME,
            NameOID.ORGANIZATION_NAME,
            NameOID.COUNTRY_NAME,
        ]
        assert text_of_name(read) == "C=US, O=Contoso Ltd, CN=mail1.contoso.com"

    def test_knows_windows_keys(self) -> None:
        read = name_of_text("E=a@b.c, ST=Utah, OID.2.5.4.97=x")
        assert text_of_name(read) == "E=a@b.c, S=Utah, OID.2.5.4.97=x"

    @pytest.mark.parametrize(
        ("value", "printed"),
        [
            ("Contoso, Ltd", 'O="Contoso, Ltd"'),
            ('say "hi"', 'O="say ""hi"""'),
            (" x", 'O=" x"'),
            ("a+b", 'O="a+b"'),
            ("a;b", 'O="a;b"'),
            ("a#b", 'O="a#b"'),
            ("a.b-c", "O=a.b-c"),
        ],
    )
    def test_quotes_what_would_be_misread(self, value: str, printed: str) -> None:
        assert text_of_name(name((NameOID.ORGANIZATION_NAME, value))) == printed

    @given(
        st.lists(
            st.tuples(
                st.sampled_from([NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME, NameOID.LOCALITY_NAME]),
                st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1, max_size=20),
            ),
            min_size=1,
            max_size=4,
        )
    )
    def test_reads_what_it_prints(self, pairs: list[tuple[x509.ObjectIdentifier, str]]) -> None:
        assert name_of_text(text_of_name(name(*pairs))) == name(*pairs)

    @pytest.mark.parametrize(
        "text", ["", "mail.contoso.com", "CN=a,", "XX=a", "CN=a, b", '"CN=a"', "C=Germany"]
    )
    def test_refuses(self, text: str) -> None:
        with pytest.raises(BadName):
            name_of_text(text)

    def test_takes_a_lenient_country_apart_all_the_same(self) -> None:
        """It is in a real export, so connectors may name such a certificate."""
        assert common_name(pairs_of_text("CN=domain.com, S=NRW, C=Germany")) == "domain.com"


class TestTheTextOfAConnector:
    def test_is_compared_exactly_but_for_its_tags(self) -> None:
        assert CertificateName.parse("<i>CN=a<s>CN=b") == CertificateName("CN=a", "CN=b")
        assert CertificateName.parse("<I>CN=A<S>CN=b") != CertificateName("CN=a", "CN=b")

    def test_prints_issuer_first(self) -> None:
        assert str(CertificateName("CN=a", "CN=b")) == "<I>CN=a<S>CN=b"
