"""Every store keeps the contract of stores."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from state.store import StateStore
from state.stores import LocalStore, MemoryStore
from state.testing import StoreContract


class TestTheMemoryStore(StoreContract):
    @pytest.fixture
    def open_store(self) -> Callable[[], StateStore]:
        store = MemoryStore()
        return lambda: store


class TestTheLocalStore(StoreContract):
    @pytest.fixture
    def open_store(self, tmp_path: Path) -> Callable[[], StateStore]:
        return lambda: LocalStore(tmp_path / ".reconciler", "contoso")
