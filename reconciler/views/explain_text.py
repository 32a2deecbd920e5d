"""An explanation, for people: each choice with its rule, what was chosen, and the runners-up."""

from __future__ import annotations

from typing import Final

from reconciler.audit.explanation import Explanation, Part

from .terminal import DEFAULT_WIDTH, Ink, harmless, wrapped

_MOST: Final = 20
"""Options of one choice: who looks further has Exchange's own list."""


def render_explanation(explanation: Explanation, *, colour: bool = False, width: int = DEFAULT_WIDTH) -> str:
    ink = Ink(colour)
    lines = [ink.bold(harmless(explanation.subject))]
    for part in explanation.parts:
        lines += ["", *_part(part, ink=ink, width=width)]
    if explanation.notes:
        lines.append("")
        lines += [line for note in explanation.notes for line in wrapped(note, width=width, indent="")]
    return "\n".join(lines) + "\n"


def _part(part: Part, *, ink: Ink, width: int) -> list[str]:
    where = f"on {part.where}: " if part.where else ""
    lines = wrapped(f"{where}{part.rule}", width=width, indent="", hanging="  ")
    for option in part.options[:_MOST]:
        sign = ink.green("*") if option.is_chosen else "-"
        lines.append(f"  {sign} {harmless(option.name)}")
        lines += wrapped(option.why, width=width, indent="      ")
    if len(part.options) > _MOST:
        lines.append(f"  - and {len(part.options) - _MOST} more")
    return lines + [
        line for note in part.notes for line in wrapped(f"note: {note}", width=width, indent="  ")
    ]
