"""What a person and what a machine reads of one plan that holds everything."""

from __future__ import annotations

from collections.abc import Callable

from reconciler.plan.change import Plan
from reconciler.views.plan_json import render_plan_json
from reconciler.views.plan_text import render_plan
from reconciler.views.script import render_script

Golden = Callable[[str, str], None]


class TestAPlanWithEverything:
    def test_reads_like_this(self, golden: Golden, full_plan: Plan) -> None:
        """Without colour, at the default width."""
        golden("plan.txt", render_plan(full_plan))

    def test_reads_like_this_in_colour(self, golden: Golden, full_plan: Plan) -> None:
        golden("plan-colour.txt", render_plan(full_plan, colour=True, width=80))

    def test_is_this_document(self, golden: Golden, full_plan: Plan) -> None:
        golden("plan.json", render_plan_json(full_plan, tool_version="1.2.3"))

    def test_is_this_script(self, golden: Golden, full_plan: Plan) -> None:
        golden("plan.ps1", render_script(full_plan))

    def test_never_shows_a_credential(self, full_plan: Plan) -> None:
        """Not even the reference: a command may hold a token."""
        shown = render_plan(full_plan) + render_plan_json(full_plan, tool_version="1.2.3")
        assert "hunter2" not in shown + render_script(full_plan)
