"""Problems as people read them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from reconciler.diagnostics import Diagnostic, Severity, SourceRange
from reconciler.views.diagnostics import render_diagnostics


def problem(where: SourceRange | None = None, **facts: str) -> Diagnostic:
    return Diagnostic(
        summary="Wrong",
        detail=facts.get("detail", "It is wrong."),
        hint=facts.get("hint", ""),
        subject=facts.get("subject", ""),
        where=where,
    )


class TestAProblemWithAPlace:
    def test_begins_as_compilers_do(self) -> None:
        """Editors jump to file:line:column."""
        text = render_diagnostics([problem(SourceRange("a.yaml", 3, 5, "key: value", 5))])
        assert text.startswith("a.yaml:3:5: error: Wrong\n")

    def test_marks_the_characters_it_is_about(self) -> None:
        text = render_diagnostics([problem(SourceRange("a.yaml", 3, 6, "key: value", 5))])
        assert text.splitlines()[1:3] == ["  3 | key: value", "    |      ^^^^^"]

    def test_marks_them_after_wide_characters_and_tabs(self) -> None:
        """Two columns a character of East Asia, one a tab."""
        text = render_diagnostics([problem(SourceRange("a.yaml", 3, 4, "\t日 x", 1))])
        assert text.splitlines()[1:3] == ["  3 |  日 x", "    |     ^"]

    def test_shows_a_long_line_around_the_place(self) -> None:
        line = "a" * 500 + "HERE" + "b" * 500
        text = render_diagnostics([problem(SourceRange("a.yaml", 3, 501, line, 4))], width=80)
        shown, marks = text.splitlines()[1:3]
        assert len(shown) <= 80
        assert shown[marks.index("^") : marks.rindex("^") + 1] == "HERE"

    def test_needs_no_source_line(self) -> None:
        text = render_diagnostics([problem(SourceRange("a.yaml", 3, 1))])
        assert text == "a.yaml:3:1: error: Wrong\n  It is wrong.\n"


class TestAProblemWithoutAPlace:
    def test_names_its_subject(self) -> None:
        assert render_diagnostics([problem(subject="EX1")]).startswith("EX1: error: Wrong\n")

    def test_may_have_none(self) -> None:
        assert render_diagnostics([problem()]).startswith("error: Wrong\n")


class TestSeveralProblems:
    def test_come_in_the_order_of_the_file(self) -> None:
        """Those without a place come last."""
        text = render_diagnostics(
            [problem(subject="EX1"), problem(SourceRange("b", 10, 1)), problem(SourceRange("b", 9, 1))]
        )
        assert [text.index(head) for head in ("b:9:1", "b:10:1", "EX1")] == sorted(
            text.index(head) for head in ("b:9:1", "b:10:1", "EX1")
        )

    def test_end_with_a_count(self) -> None:
        warning = Diagnostic(summary="Odd", detail="It is odd.", severity=Severity.WARNING)
        assert render_diagnostics([problem(), warning, problem()]).endswith("\n2 errors, 1 warning\n")

    def test_are_nothing_when_there_are_none(self) -> None:
        assert render_diagnostics([]) == ""


class TestWhatStrangersWrote:
    def test_cannot_steer_the_terminal(self) -> None:
        """Neither by escape sequences nor by reordering text."""
        text = render_diagnostics(
            [problem(SourceRange("a\x1b.yaml", 1, 1, "\x1b[2Jx\u202e", 1), detail="\x9b31m", hint="\x07")]
        )
        assert text.replace("\n", "").isprintable()

    @given(st.text(max_size=300), st.integers(0, 400), st.integers(0, 400), st.integers(40, 200))
    def test_never_breaks_the_view(self, line: str, column: int, length: int, width: int) -> None:
        """Whatever stands in a file, the problem is shown and marked."""
        where = SourceRange("a.yaml", 1, column, line.replace("\n", " "), length)
        text = render_diagnostics([problem(where)], width=width)
        assert text.replace("\n", "").isprintable()
        assert "^" in text or not line.strip()
