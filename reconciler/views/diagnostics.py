"""Problems as people read them: where, what, the line itself, why, and what to try next."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from reconciler.diagnostics import Diagnostic, Severity, SourceRange

from .terminal import DEFAULT_WIDTH, Ink, columns, counted, harmless, wrapped

_CUT = "..."


def render_diagnostics(
    diagnostics: Sequence[Diagnostic], *, colour: bool = False, width: int = DEFAULT_WIDTH
) -> str:
    """All problems of a run, by place, those without a place last; several end with a count.

    Returns:
        Lines, each ended; "" for no problems.
    """
    if not diagnostics:
        return ""
    ink = Ink(colour)
    blocks = [render_diagnostic(diagnostic, ink=ink, width=width) for diagnostic in by_place(diagnostics)]
    if len(blocks) > 1:
        blocks.append(ink.bold(count_of(diagnostics)) + "\n")
    return "\n".join(blocks)


def by_place(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """In reading order of the files; what has no place stays in its order, after the others."""

    def key(diagnostic: Diagnostic) -> tuple[bool, str, int, int]:
        where = diagnostic.where
        return (False, where.file, where.line, where.column) if where else (True, "", 0, 0)

    return sorted(diagnostics, key=key)


def count_of(diagnostics: Iterable[Diagnostic]) -> str:
    """``2 errors, 1 warning``; a severity that does not occur is left out."""
    severities = [diagnostic.severity for diagnostic in diagnostics]
    return ", ".join(
        counted(severities.count(severity), severity.value) for severity in Severity if severity in severities
    )


def render_diagnostic(diagnostic: Diagnostic, *, ink: Ink, width: int) -> str:
    """One problem; its first line has the form that editors and compilers agreed on."""
    paint = ink.red if diagnostic.severity is Severity.ERROR else ink.yellow
    where = diagnostic.where
    place = str(where) if where else diagnostic.subject
    head = f"{harmless(place)}: " if place else ""
    lines = [
        f"{head}{paint(diagnostic.severity.value + ':')} {ink.bold(harmless(diagnostic.summary))}",
        *(_source(where, paint=paint, width=width) if where and where.text.strip() else ()),
        *wrapped(diagnostic.detail, width=width, indent="  "),
        *(
            wrapped(f"hint: {diagnostic.hint}", width=width, indent="  ", hanging="        ")
            if diagnostic.hint
            else ()
        ),
    ]
    return "\n".join(lines) + "\n"


def _source(where: SourceRange, *, paint: Callable[[str], str], width: int) -> list[str]:
    """The line with its number, and under it the marked characters."""
    number = f"  {where.line} | "
    text, start = _window(where, room=max(width - len(number), 40))
    before, marked = text[:start], text[start : start + max(where.length, 1)]
    shown_before, shown_marked = harmless(before), harmless(marked)
    caret = "^" * max(columns(shown_marked), 1)
    return [
        number + shown_before + shown_marked + harmless(text[start + len(marked) :]),
        " " * (len(number) - 2) + "| " + " " * columns(shown_before) + paint(caret),
    ]


def _window(where: SourceRange, *, room: int) -> tuple[str, int]:
    """The part of the line around the place that fits, and where in it the place begins."""
    text = where.text.rstrip().replace("\t", " ")  # one character for one keeps the column right
    start = min(max(where.column - 1, 0), len(text))
    if len(text) <= room:
        return text, start
    first = max(0, min(start - room // 3, len(text) - room + len(_CUT)))
    head = _CUT if first else ""
    rest = text[first : first + room - len(head)]
    tail = _CUT if first + len(rest) < len(text) else ""
    return head + rest[: len(rest) - len(tail)] + tail, start - first + len(head)
