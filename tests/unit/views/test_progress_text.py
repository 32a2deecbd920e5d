"""What the line of an invocation says of its outcome; how all of them look is in tests/golden."""

from __future__ import annotations

from reconciler.events import InvocationFinished
from reconciler.views.events_text import render_event


def shown(error: str, *, in_doubt: bool = False) -> str:
    told = ("send_connector.EX1.tls_never", "EX1", "New-SendConnector", 1, 2)
    return render_event(InvocationFinished(*told, error=error, in_doubt=in_doubt))


class TestAnInvocation:
    def test_that_may_have_been_done_is_in_doubt(self) -> None:
        """Not failed: whoever reads that would think that nothing has changed."""
        assert shown("Answer lost", in_doubt=True).endswith("  in doubt: Answer lost\n")

    def test_that_was_refused_has_failed(self) -> None:
        assert shown("Cmdlet failed").endswith("  failed: Cmdlet failed\n")
