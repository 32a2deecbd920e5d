"""Names as Exchange prints them."""

from __future__ import annotations

import base64
import html
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from reconciler.pki.certificate import certificate_facts
from reconciler.pki.der import NotDer, parse
from reconciler.pki.names import KEYS, DistinguishedName, NameAttribute
from reconciler.pki.subject import SubjectProblem, parse_subject
from tests.authority import CONTOSO
from tests.rules import rule

SAMPLES = [Path(__file__).parent / "samples"]
if "EXCHANGE_CORPUS" in os.environ:
    SAMPLES.append(Path(os.environ["EXCHANGE_CORPUS"]))


def name_of(data: bytes) -> DistinguishedName:
    return DistinguishedName.from_element(parse(data))


def certificates_in(folder: Path) -> Iterator[tuple[bytes, str]]:
    """DER and text of every certificate in Export-Clixml files.

    Deliberately not our own CLIXML reader: an independent look at the same bytes.
    """
    for path in sorted(folder.glob("*.xml")):
        data = path.read_bytes()
        text = data.decode("utf-16" if data[:2] == b"\xff\xfe" else "utf-8-sig")
        for chunk in re.split(r"(?=<ToString>\[Subject\])", text)[1:]:
            shown = html.unescape(chunk[: chunk.index("</ToString>")].removeprefix("<ToString>"))
            raw = re.search(r'<BA N="RawData">([^<]+)</BA>', chunk)
            assert raw, f"a certificate without RawData in {path}"
            yield base64.b64decode(raw[1]), shown.replace("_x000D__x000A_", "\n")


def printed(shown: str, part: str) -> str:
    """One part of .NET's own text for a certificate: its heading, and a line that is indented by two."""
    found = re.search(rf"\[{part}\]\n  (.*)\n", shown)
    assert found
    return found[1]


def encoded(type: int, tag: int, content: bytes) -> bytes:
    """The DER of a name with one attribute, whose type is 2.5.4 and a number."""
    wrapped = bytes([0x06, 3, 0x55, 4, type, tag, len(content)]) + content
    for outer in (0x30, 0x31, 0x30):
        wrapped = bytes([outer, len(wrapped)]) + wrapped
    return wrapped


@pytest.mark.parametrize("folder", SAMPLES, ids=lambda folder: folder.name)
class TestNamesOfRealCertificates:
    @rule("3-15")
    def test_are_the_text_that_dotnet_printed_beside_them(self, folder: Path) -> None:
        """[3-15]: TlsCertificateName is compared as text, so each character counts."""
        seen = 0
        for der, shown in certificates_in(folder):
            facts = certificate_facts(der)
            assert facts.subject == printed(shown, "Subject")
            assert facts.issuer == printed(shown, "Issuer")
            assert str(facts.thumbprint) == printed(shown, "Thumbprint")
            seen += 1
        assert seen

    def test_survive_being_parsed(self, folder: Path) -> None:
        for der, _ in certificates_in(folder):
            facts = certificate_facts(der)
            assert parse_subject(facts.subject) == facts.name

    def test_are_what_a_connector_is_bound_to(self, folder: Path) -> None:
        """The connector's TlsCertificateName is the text of a certificate, letter for letter, or dangles."""
        for path in folder.glob("*.xml"):
            for bound in re.findall(r"<ToString>(&lt;I&gt;[^<]+)</ToString>", path.read_text("utf-8-sig")):
                issuer, subject = html.unescape(bound).removeprefix("<I>").split("<S>")
                for text in (issuer, subject):
                    parsed = parse_subject(text)
                    assert isinstance(parsed, DistinguishedName)
                    assert str(parsed) == text


class TestTheTextOfAName:
    def test_begins_with_the_most_specific_part(self) -> None:
        """.NET turns the encoding's order round."""
        encoded = name_of(CONTOSO.public_bytes())
        assert str(encoded) == "CN=mail1.contoso.com, O=Contoso Ltd, C=US"

    def test_keeps_several_attributes_of_one_part_in_their_order(self) -> None:
        one_part = DistinguishedName(
            (
                (NameAttribute("2.5.4.6", "US"),),
                (NameAttribute("2.5.4.10", "A"), NameAttribute("2.5.4.3", "b")),
            )
        )
        assert str(one_part) == "O=A + CN=b, C=US"

    @pytest.mark.parametrize(
        ("value", "shown"),
        [
            ("Contoso", "CN=Contoso"),
            ("Contoso, Ltd", 'CN="Contoso, Ltd"'),
            ("a+b", 'CN="a+b"'),
            ("a=b", 'CN="a=b"'),
            ('Joe "Cool"', 'CN="Joe ""Cool"""'),
            ("a<b", 'CN="a<b"'),
            ("a>b", 'CN="a>b"'),
            ("a#b", 'CN="a#b"'),
            ("a;b", 'CN="a;b"'),
            ("a\nb", 'CN="a\nb"'),
            (" a", 'CN=" a"'),
            ("a ", 'CN="a "'),
            ("a  b", "CN=a  b"),
            ("", 'CN=""'),
            ("a/b\\c'd:e", "CN=a/b\\c'd:e"),
            ("Müller", "CN=Müller"),
        ],
    )
    def test_has_quotes_where_windows_sets_them(self, value: str, shown: str) -> None:
        """The list of characters is that of the page CertNameToStr."""
        assert str(NameAttribute("2.5.4.3", value)) == shown

    def test_uses_the_keys_of_windows(self) -> None:
        """An extended-validation certificate, as .NET shows such ones."""
        parts = [
            ("1.3.6.1.4.1.311.60.2.1.3", "NO"),
            ("2.5.4.15", "Private Organization"),
            ("2.5.4.5", "916 368 127"),
            ("2.5.4.6", "NO"),
            ("2.5.4.8", "Oslo"),
            ("1.2.840.113549.1.9.1", "post@contoso.com"),
            ("0.9.2342.19200300.100.1.25", "contoso"),
        ]
        encoded = x509.Name([x509.NameAttribute(x509.ObjectIdentifier(oid), value) for oid, value in parts])
        assert str(name_of(encoded.public_bytes())) == (
            "DC=contoso, E=post@contoso.com, S=Oslo, C=NO, SERIALNUMBER=916 368 127, "
            "OID.2.5.4.15=Private Organization, OID.1.3.6.1.4.1.311.60.2.1.3=NO"
        )

    def test_of_nothing_is_nothing(self) -> None:
        assert str(name_of(b"\x30\x00")) == ""

    @pytest.mark.parametrize(
        ("tag", "content", "value"),
        [
            (0x13, b"Contoso", "Contoso"),
            (0x0C, "Zürich".encode(), "Zürich"),
            (0x1E, "Zürich".encode("utf-16-be"), "Zürich"),
            (0x1C, "Zürich".encode("utf-32-be"), "Zürich"),
            (0x14, "Zürich".encode("latin-1"), "Zürich"),
            (0x14, "Zürich".encode(), "Zürich"),
            (0x04, b"\x0a\x56\xcf", "#0A56CF"),
            (0x02, b"\x05", "#020105"),
        ],
    )
    def test_reads_every_string_type(self, tag: int, content: bytes, value: str) -> None:
        """What is no string is shown in hexadecimal, unquoted: ``#0A56CF`` on the page CertNameToStr."""
        assert str(name_of(encoded(0x03, tag, content))) == f"CN={value}"

    @given(st.binary(max_size=60))
    def test_of_garbage_is_an_error(self, data: bytes) -> None:
        try:
            name_of(data)
        except NotDer:
            return

    def test_is_reached_even_where_cryptography_would_complain(self) -> None:
        """A country of seven letters is in a real certificate of the corpus."""
        assert str(name_of(encoded(0x06, 0x13, b"Germany"))) == "C=Germany"


attributes = st.builds(
    NameAttribute,
    st.one_of(st.sampled_from(sorted(KEYS)), st.just("2.5.4.15"), st.just("1.2.3.4")),
    st.text(st.characters(codec="utf-8"), max_size=12),
)
distinguished_names = st.builds(
    DistinguishedName,
    st.lists(st.lists(attributes, min_size=1, max_size=2).map(tuple), min_size=1, max_size=4).map(tuple),
)


class TestADeclaredSubject:
    @given(distinguished_names)
    def test_survives_being_printed_and_read(self, name: DistinguishedName) -> None:
        """If this fails, a name that Exchange printed would not be understood when it is declared."""
        assert parse_subject(str(name)) == name

    @given(st.text(max_size=40))
    def test_never_fails_in_another_way_than_with_a_problem(self, text: str) -> None:
        assert isinstance(parse_subject(text), DistinguishedName | SubjectProblem)

    def test_may_be_written_in_either_order(self) -> None:
        one = parse_subject("C=US, O=Contoso Ltd, CN=mail1.contoso.com")
        other = parse_subject("CN=mail1.contoso.com; o=contoso  ltd; c=us")
        assert isinstance(one, DistinguishedName)
        assert isinstance(other, DistinguishedName)
        assert not one.lacks(other)
        assert not other.lacks(one)

    def test_knows_the_other_spellings_of_keys(self) -> None:
        one = parse_subject("ST=Bayern, Email=a@b.c, OID.2.5.4.11=IT, 2.5.4.7=Ulm, GivenName=Jo")
        assert str(one) == "S=Bayern, E=a@b.c, OU=IT, L=Ulm, G=Jo"

    def test_counts_an_attribute_as_often_as_it_is_there(self) -> None:
        two, one = parse_subject("OU=a, OU=a"), parse_subject("OU=a")
        assert isinstance(two, DistinguishedName)
        assert isinstance(one, DistinguishedName)
        assert one.lacks(two) == (NameAttribute("2.5.4.11", "a"),)
        assert two.lacks(one) == ()

    @pytest.mark.parametrize(
        ("text", "at", "reason"),
        [
            ("", 0, "no KEY=value"),
            ("mail.contoso.com", 0, "no KEY=value"),
            ("O=Contoso, Ltd, CN=a", 11, "no KEY=value"),
            ("CN=a,", 5, "no KEY=value"),
            ("CN=", 3, "a value is missing"),
            ("CN=a, O=", 8, "a value is missing"),
            ("XY=a", 0, "'XY' is no attribute"),
            ('CN="a', 3, "a quote that is not closed"),
            ('CN="a"b', 6, "text after a quoted value"),
            ('CN=a"b', 3, "needs quotes"),
            ("CN=#0500", 3, "needs quotes"),
            ("CN=" + "a" * 9000, 8192, "longer than"),
        ],
    )
    def test_is_told_where_it_is_wrong(self, text: str, at: int, reason: str) -> None:
        problem = parse_subject(text)
        assert isinstance(problem, SubjectProblem)
        assert (problem.at, reason in problem.reason) == (at, True)
