"""Which names a certificate is good for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.pki.coverage import covers, uncovered
from state.values import DomainPattern

labels = st.text("abc", min_size=1, max_size=3)
domains = st.lists(labels, min_size=1, max_size=4).map(lambda parts: DomainPattern(".".join(parts)))


@pytest.mark.parametrize(
    ("pattern", "wanted", "is_covered"),
    [
        ("mail.contoso.com", "mail.contoso.com", True),
        ("mail.contoso.com", "contoso.com", False),
        ("*.contoso.com", "mail.contoso.com", True),
        ("*.contoso.com", "contoso.com", False),
        ("*.contoso.com", "a.mail.contoso.com", False),
        ("*.contoso.com", "*.contoso.com", True),
        ("*.contoso.com", "*.mail.contoso.com", False),
        ("mail.contoso.com", "*.contoso.com", False),
        ("*.com", "contoso.com", True),
        ("*", "contoso", False),
        ("*", "*", False),
        ("*.contoso.com", "mail.contoso.com.evil.example", False),
    ],
)
def test_a_wildcard_stands_for_one_leftmost_label(pattern: str, wanted: str, is_covered: bool) -> None:
    """RFC 6125 6.4.3."""
    assert covers(DomainPattern(pattern), DomainPattern(wanted)) is is_covered


@given(domains)
def test_a_name_covers_itself(domain: DomainPattern) -> None:
    assert not uncovered([domain], [domain])


@given(domains, labels)
def test_a_wildcard_covers_every_child_and_never_its_own_domain(domain: DomainPattern, label: str) -> None:
    wildcard = DomainPattern(f"*.{domain.name}")
    assert covers(wildcard, DomainPattern(f"{label}.{domain.name}"))
    assert not covers(wildcard, domain)


def test_what_is_left_is_told() -> None:
    patterns = map(DomainPattern, ("*.contoso.com", "fabrikam.com"))
    wanted = map(DomainPattern, ("mail.contoso.com", "contoso.com", "fabrikam.com"))
    assert uncovered(patterns, wanted) == {DomainPattern("contoso.com")}
