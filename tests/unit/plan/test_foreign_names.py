"""Declared names against the accepted domains."""

from __future__ import annotations

import pytest

from reconciler.plan.foreign_names import is_within


@pytest.mark.parametrize(
    ("name", "accepted", "is_own"),
    [
        ("contoso.com", "contoso.com", True),
        ("mail.contoso.com", "contoso.com", True),
        ("*.contoso.com", "contoso.com", True),
        ("MAIL.contoso.com", "Contoso.com", True),
        ("mail.contoso.com", "*.contoso.com", True),
        ("mail.contoso.com", "*", True),
        ("mailcontoso.com", "contoso.com", False),
        ("contoso.com.evil.example", "contoso.com", False),
        ("com", "contoso.com", False),
        ("mail.fabrikam.com", "contoso.com", False),
    ],
)
def test_a_name_is_within_a_domain_or_not(name: str, accepted: str, is_own: bool) -> None:
    assert is_within(name, {accepted}) is is_own
