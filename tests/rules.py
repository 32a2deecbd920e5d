"""``@rule("2.3-3")``: the rules of Exchange that a test holds; docs/lab-fidelity.md is made from it."""

from __future__ import annotations

import pytest

rule = pytest.mark.rule
