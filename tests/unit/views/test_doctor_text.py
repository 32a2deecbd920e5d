"""An examination, as a person reads it."""

from __future__ import annotations

from reconciler.diagnostics import StepExamined
from reconciler.views.doctor_text import render_examination

WELL = StepExamined("EX1", "name", "ex1.contoso.com is 192.0.2.1")
ODD = StepExamined("EX1", "clock", "the server's clock is 400 s ahead", "set both clocks", is_warning=True)
BAD = StepExamined("EX2", "port", "443: Connection refused", "start the service")


def test_an_examination_is_a_block_for_each_server_and_a_verdict() -> None:
    assert render_examination([("EX1", (WELL, ODD)), ("EX2", (BAD,))]) == (
        "EX1\n"
        "  + name   ex1.contoso.com is 192.0.2.1\n"
        "  ! clock  the server's clock is 400 s ahead\n"
        "           -> set both clocks\n"
        "\n"
        "EX2\n"
        "  x port  443: Connection refused\n"
        "          -> start the service\n"
        "\n"
        "1 of 2 servers cannot be used as declared\n"
    )


def test_a_warning_makes_no_server_unusable() -> None:
    assert render_examination([("EX1", (WELL, ODD))]).endswith("1 server, no problem found\n")


def test_what_a_server_says_steers_no_terminal() -> None:
    said = StepExamined("EX1", "endpoint", "redirects to '\x1b[2J'", "look")
    assert "\x1b" not in render_examination([("EX1", (said,))])
