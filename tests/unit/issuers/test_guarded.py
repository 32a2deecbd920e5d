"""A plug-in that can be told that a certificate is good no more still can once it is guarded."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from reconciler.issuers.guarded import GuardedIssuer, GuardedRevoker, open_guarded
from reconciler.issuers.kind import IssuerKind, Opening
from reconciler.issuers.port import (
    CertificateRequest,
    Issued,
    IssuerUnusable,
    RequestRefused,
    Revoker,
    Waiting,
)


class House:
    """Revokes, or fails as it is told to."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.failure = failure
        self.told: list[tuple[str, str]] = []

    def issue(self, request: CertificateRequest) -> Issued | Waiting:
        return Waiting("1", "a person")

    def revoke(self, certificate_pem: str, reason: str) -> None:
        if self.failure is not None:
            raise self.failure
        self.told.append((certificate_pem, reason))


def test_it_is_told() -> None:
    house = House()
    kind = SimpleNamespace(open=lambda opening: house)
    guarded = open_guarded(cast(IssuerKind, kind), Opening("house", None, Path(), lambda: datetime.now(UTC)))
    assert isinstance(guarded, Revoker)
    guarded.revoke("PEM", "compromise")
    assert house.told == [("PEM", "compromise")]


def test_one_that_breaks_is_told_as_one_that_refuses() -> None:
    house = House(KeyError("x"))
    with pytest.raises(RequestRefused, match="it broke: KeyError"):
        GuardedRevoker("house", house, house).revoke("PEM", "compromise")


def test_what_it_says_is_kept() -> None:
    house = House(IssuerUnusable("another", "down"))
    with pytest.raises(IssuerUnusable, match="issuer house: down"):
        GuardedRevoker("house", house, house).revoke("PEM", "compromise")


def test_one_that_cannot_is_none() -> None:
    assert not isinstance(GuardedIssuer("house", House()), Revoker)
