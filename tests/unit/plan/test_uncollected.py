"""The garbage collector waits while a plan is made, and only then."""

from __future__ import annotations

import gc

import pytest

from reconciler.plan.uncollected import uncollected


class TestTheCollector:
    def test_waits_and_goes_on(self) -> None:
        with uncollected():
            assert not gc.isenabled()
        assert gc.isenabled()

    def test_goes_on_after_an_error(self) -> None:
        """A planner that fails must not leave a process without one."""
        with pytest.raises(ValueError), uncollected():
            raise ValueError
        assert gc.isenabled()

    def test_stays_off_where_it_was_off(self) -> None:
        gc.disable()
        try:
            with uncollected():
                pass
            assert not gc.isenabled()
        finally:
            gc.enable()
