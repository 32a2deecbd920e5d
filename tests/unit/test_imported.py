"""What a server says of a certificate that it has just taken."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from reconciler.apply import imported
from reconciler.apply.imported import opinion
from reconciler.exchange.errors import ExchangeError, Unreachable
from reconciler.exchange.port import Query, Reader, Result
from state.address import Address
from state.resources import Certificate
from state.values import UNKNOWN, Maybe, Thumbprint

ADDRESS = Address.of("certificate", "EX1", "internet")
THUMBPRINT = Thumbprint("A" * 40)


class Mute:
    """A session that nothing is read with here."""

    server = "EX1"

    def read(self, queries: Sequence[Query]) -> tuple[Result, ...]:
        raise NotImplementedError


def summaries(monkeypatch: pytest.MonkeyPatch, found: Certificate | ExchangeError | None) -> list[str]:
    def read(reader: Reader, thumbprint: Thumbprint) -> Certificate | None:
        if isinstance(found, ExchangeError):
            raise found
        return found

    monkeypatch.setattr(imported, "read_own_certificate", read)
    return [one.detail for one in opinion(ADDRESS, THUMBPRINT, Mute())]


@pytest.mark.parametrize("status", ["Valid", UNKNOWN])
def test_what_is_valid_or_not_told_is_no_reason(monkeypatch: pytest.MonkeyPatch, status: Maybe[str]) -> None:
    assert summaries(monkeypatch, Certificate(status=status)) == []


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ("RevocationCheckFailure", "status RevocationCheckFailure"),
        ("6", "status 6, probably RevocationCheckFailure"),
        ("99", "status 99"),
    ],
)
def test_anything_else_is_told_as_it_was_said(
    monkeypatch: pytest.MonkeyPatch, status: str, said: str
) -> None:
    (detail,) = summaries(monkeypatch, Certificate(status=status, root_ca_type="ThirdParty"))
    assert f"{said}, not Valid, and RootCAType ThirdParty." in detail


def test_what_cannot_be_read_is_no_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    assert summaries(monkeypatch, None) == []
    assert summaries(monkeypatch, Unreachable("EX1", "gone")) == []
