"""What the public endpoints presented, as a table."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.events import EndpointChecked

from .terminal import Ink, counted, harmless, table

_HEADS = ("ENDPOINT", "SERVER", "ADDRESS", "CERTIFICATE", "VALID UNTIL", "RESULT")


def render_verification(checks: Sequence[EndpointChecked], *, colour: bool = False) -> str:
    """One row for each handshake, and how many have failed; "" for none."""
    if not checks:
        return ""
    ink = Ink(colour)
    rows = [tuple(harmless(cell) for cell in _cells(check)) for check in checks]

    def painted(row: int, cells: tuple[str, ...]) -> tuple[str, ...]:
        check = checks[row]
        paint = ink.green if not check.problem else ink.yellow if check.only_told else ink.red
        return (*cells[:-1], paint(cells[-1]))

    failed = sum(bool(check.problem) and not check.only_told for check in checks)
    total = counted(len(checks), "handshake")
    verdict = f"{failed} of {total} failed" if failed else f"{total}, no problem found"
    return "\n".join([table(_HEADS, rows, ink, painted), "", ink.bold(verdict)]) + "\n"


def _cells(check: EndpointChecked) -> tuple[str, ...]:
    return (
        check.name,
        check.server or "(published)",
        check.address,
        check.subject or "-",
        check.not_after or "-",
        f"{check.problem or 'ok'}{' (a gateway: only told)' if check.only_told else ''}",
    )
