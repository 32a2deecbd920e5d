"""Tags, lengths and values."""

from __future__ import annotations

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from reconciler.pki.der import Element, NotDer, object_identifier, parse
from tests.authority import der as encoded
from tests.authority import make_certificate


def tlv(tag: int, content: bytes) -> bytes:
    """The encoding that X.690 8.1.3 prescribes, written down once more."""
    if len(content) < 128:
        return bytes([tag, len(content)]) + content
    length = len(content).to_bytes(4, "big").lstrip(b"\0")
    return bytes([tag, 0x80 | len(length)]) + length + content


class TestAnElement:
    @given(st.sampled_from([0x02, 0x04, 0x30, 0xA0]), st.binary(max_size=400))
    def test_is_its_tag_and_its_content(self, tag: int, content: bytes) -> None:
        whole = tlv(tag, content)
        assert parse(whole) == Element(tag, content, whole)

    @given(st.lists(st.binary(max_size=200), max_size=5))
    def test_gives_its_children_in_order(self, contents: list[bytes]) -> None:
        whole = parse(tlv(0x30, b"".join(tlv(0x04, content) for content in contents)))
        assert [child.content for child in whole.children()] == contents

    @given(st.binary(max_size=300), st.integers(1, 300))
    def test_that_is_cut_off_is_an_error(self, content: bytes, cut: int) -> None:
        whole = tlv(0x04, content)
        with pytest.raises(NotDer):
            parse(whole[: max(0, len(whole) - cut)])

    @given(st.binary(max_size=20), st.binary(min_size=1, max_size=5))
    def test_with_something_behind_it_is_an_error(self, content: bytes, more: bytes) -> None:
        with pytest.raises(NotDer, match="after the end"):
            parse(tlv(0x04, content) + more)

    @pytest.mark.parametrize(
        "data", [b"\x30\x80\x00\x00", b"\x30\x85\x00\x00\x00\x00\x00", b"\x1f\x81\x01\x00"]
    )
    def test_of_a_form_that_x509_has_not_is_an_error(self, data: bytes) -> None:
        """Indefinite lengths, lengths of five bytes, tags of several bytes."""
        with pytest.raises(NotDer):
            parse(data)

    def test_has_the_tag_that_was_expected_or_is_an_error(self) -> None:
        with pytest.raises(NotDer, match="0x04 where 0x30"):
            parse(b"\x04\x00").expect(0x30)

    @given(st.binary(max_size=60))
    def test_of_garbage_fails_in_no_other_way(self, data: bytes) -> None:
        try:
            list(parse(data).children())
        except NotDer:
            return


class TestAnObjectIdentifier:
    @given(
        st.tuples(st.integers(0, 2), st.integers(0, 39)),
        st.lists(st.integers(0, 2**40), max_size=5),
    )
    def test_is_read_as_cryptography_writes_it(self, first: tuple[int, int], rest: list[int]) -> None:
        dotted = ".".join(map(str, (*first, *rest)))
        name = x509.Name([x509.NameAttribute(x509.ObjectIdentifier(dotted), "x")])
        (rdn,) = parse(name.public_bytes()).children()
        (attribute,) = rdn.children()
        type, _ = attribute.children()
        assert object_identifier(type) == dotted

    @pytest.mark.parametrize("data", [b"\x06\x00", b"\x06\x02\x55\x84", b"\x04\x01\x55"])
    def test_that_does_not_end_is_an_error(self, data: bytes) -> None:
        with pytest.raises(NotDer):
            object_identifier(parse(data))


def test_a_whole_certificate_is_taken_apart_without_rest() -> None:
    whole = parse(encoded(make_certificate()))
    assert b"".join(part.encoded for part in whole.children()) == whole.content
