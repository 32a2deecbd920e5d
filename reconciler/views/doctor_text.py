"""What an examination found, as a person reads it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from reconciler.diagnostics import StepExamined

from .terminal import DEFAULT_WIDTH, Ink, columns, counted, harmless, wrapped


def render_examination(
    servers: Iterable[tuple[str, Sequence[StepExamined]]], *, colour: bool = False, width: int = DEFAULT_WIDTH
) -> str:
    """A block for each server, its steps in order, and how many servers are well.

    Returns:
        Lines, each ended.
    """
    ink = Ink(colour)
    examined = list(servers)
    blocks = ["\n".join(_server(name, steps, ink=ink, width=width)) for name, steps in examined]
    ill = sum(any(step.is_bad for step in steps) for _, steps in examined)
    total = counted(len(examined), "server")
    verdict = f"{ill} of {total} cannot be used as declared" if ill else f"{total}, no problem found"
    return "\n\n".join([*blocks, ink.bold(verdict)]) + "\n"


def _server(name: str, steps: Sequence[StepExamined], *, ink: Ink, width: int) -> list[str]:
    lines = [ink.bold(harmless(name))]
    label = max((columns(step.step) for step in steps), default=0)
    for step in steps:
        mark = ink.red("x") if step.is_bad else ink.yellow("!") if step.is_warning else ink.green("+")
        lead = f"  {mark} {step.step}{' ' * (label - columns(step.step))}  "
        indent = " " * (label + 6)
        first, *rest = wrapped(harmless(step.found), width=width, indent=indent)
        lines += [lead + first[len(indent) :], *rest]
        if step.remedy:
            lines += wrapped(f"-> {harmless(step.remedy)}", width=width, indent=indent)
    return lines
