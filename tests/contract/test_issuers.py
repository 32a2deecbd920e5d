"""Every issuer passes the same contract."""

from __future__ import annotations

import pytest

from reconciler.issuers.local import LocalIssuer
from reconciler.issuers.port import Issuer
from tests.authority import NOW, Authority
from tests.contract.issuer_contract import IssuerContract


class TestTheLocalIssuer(IssuerContract):
    @pytest.fixture
    def issuer(self) -> Issuer:
        authority = Authority.make()
        return LocalIssuer("house", (authority.certificate,), authority.key, clock=lambda: NOW)
