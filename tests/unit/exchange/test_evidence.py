"""A report shows forms, never what stands in them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.exchange.reading.evidence import masked


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("36 MB (37,748,736 bytes)", "99 AA (99,999,999 aaa+)"),
        ("1.5 MB (1,572,864 bytes)", "9.9 AA (9,999,999 aaa+)"),
        ("[192.0.2.1]", "[999.9.9.9]"),
        ("mail.contoso.com", "aaa+.aaa+.aaa"),
        ("0.0.0.0-255.255.255.255", "9.9.9.9-999.999.999.999"),
        ("Version 15.2 (Build 986.5)", "Aaaa+ 99.9 (Aaaa+ 999.9)"),
    ],
)
def test_a_text_is_its_form(text: str, form: str) -> None:
    assert masked(text) == form


@given(st.text())
def test_no_letter_and_no_digit_of_it_is_left(text: str) -> None:
    """But those that stand for all."""
    left = {character for character in masked(text) if character.isalpha() or character.isdecimal()}
    assert left <= set("aA9")
