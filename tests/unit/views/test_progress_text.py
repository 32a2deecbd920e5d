"""What the line of an invocation says of its outcome; how all of them look is in tests/golden."""

from __future__ import annotations

import pytest

from reconciler.apply import problems
from reconciler.diagnostics import Diagnostic
from reconciler.events import InvocationFinished
from reconciler.exchange.errors import ExchangeError
from reconciler.views.events_text import render_event
from state.address import Address

CONNECTOR = Address.of("send_connector", "EX1", "tls_never")


def shown(problem: Diagnostic) -> str:
    """The line of an invocation that stopped with this problem, as an applier tells it."""
    told = (str(CONNECTOR), "EX1", "New-SendConnector", 1, 2)
    return render_event(InvocationFinished(*told, error=problem.summary))


class TestAnInvocation:
    @pytest.mark.parametrize(
        "problem",
        [
            problems.answer_lost(CONNECTOR, "New-SendConnector", ConnectionResetError()),
            problems.not_remembered(OSError()),
        ],
        ids=lambda problem: problem.summary,
    )
    def test_that_may_have_been_done_is_in_doubt(self, problem: Diagnostic) -> None:
        """Not failed: whoever reads that would think that nothing has changed."""
        assert shown(problem).endswith(f"  in doubt: {problem.summary}\n")

    def test_that_was_refused_has_failed(self) -> None:
        assert shown(problems.cmdlet_failed(CONNECTOR, ExchangeError("EX1"))).endswith(
            "  failed: Cmdlet failed\n"
        )
