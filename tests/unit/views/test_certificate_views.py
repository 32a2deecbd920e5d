"""How certificates stand: for a terminal, for machines, for a calendar and for a node exporter."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jsonschema
from hypothesis import given
from hypothesis import strategies as st

from reconciler.operations.report_file import write_report
from reconciler.plan.standing import Standing, State
from reconciler.views.certificates_feeds import render_calendar, render_prometheus
from reconciler.views.certificates_json import certificates_schema, certificates_to_json
from reconciler.views.certificates_text import render_certificates, render_picture
from state.address import Address

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
instants = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)).map(lambda at: at.replace(tzinfo=UTC))
texts = st.text(max_size=120)
some = st.builds(
    Standing,
    address=st.text(min_size=1, max_size=20).map(lambda name: Address.of("certificate", "EX1", name)),
    server=texts,
    state=st.sampled_from(State),
    since=st.none() | instants,
    reason=texts,
    next_step=texts,
    deadline=st.none() | instants,
    names=st.lists(texts, max_size=3).map(tuple),
    thumbprint=st.just("A" * 40),
    not_before=st.none() | instants,
    expires=st.none() | instants,
    renewal=st.none() | instants,
    issuer=texts,
    used_by=st.lists(texts, max_size=3).map(tuple),
)
SAMPLE = re.compile(
    r'([a-z_]+)\{(?:[a-z]+="(?:[^"\\\n]|\\["\\n])*",?)+\} (-?\d+)'
)  # Prometheus text format 0.0.4


def bound(server: str, days: int = 30) -> Standing:
    return Standing(
        address=Address.of("certificate", server, "public"),
        server=server,
        state=State.BOUND,
        expires=NOW + timedelta(days=days),
        renewal=NOW + timedelta(days=days // 2),
    )


class TestTheDocument:
    @given(st.lists(some, max_size=3))
    def test_is_as_its_schema_says(self, told: list[Standing]) -> None:
        jsonschema.validate(certificates_to_json(told, tool_version="1.0"), certificates_schema())


class TestTheMetrics:
    @given(st.lists(some, max_size=3))
    def test_are_lines_that_can_be_parsed(self, told: list[Standing]) -> None:
        text = render_prometheus(told)
        typed: set[str] = set()
        samples: list[str] = []
        for line in text.split("\n")[:-1]:
            if line.startswith("# TYPE "):
                typed.add(line.split(" ")[2])
            elif not line.startswith("# HELP "):
                found = SAMPLE.fullmatch(line)
                assert found, line
                assert found[1] in typed
                samples.append(line.rpartition(" ")[0])
        assert len(samples) == len(set(samples)), "one series, one sample"

    def test_tell_the_end_in_seconds(self) -> None:
        (line,) = [
            one for one in render_prometheus([bound("EX1")]).splitlines() if "expiry" in one and "{" in one
        ]
        assert line.endswith(f" {int((NOW + timedelta(days=30)).timestamp())}")


class TestTheCalendar:
    @given(st.lists(some, max_size=3))
    def test_has_lines_of_75_octets_that_unfold(self, told: list[Standing]) -> None:
        """Source: RFC 5545 3.1."""
        text = render_calendar(told, NOW, "contoso")
        assert text.endswith("END:VCALENDAR\r\n") or not text
        lines = text.split("\r\n")[:-1]
        assert all(0 < len(line.encode()) <= 75 and "\n" not in line for line in lines)
        for line in text.replace("\r\n ", "").split("\r\n")[:-1]:
            assert re.match(r"[A-Z-]+:", line)

    @given(st.lists(some, max_size=3))
    def test_has_an_event_or_is_none(self, told: list[Standing]) -> None:
        """Source: RFC 5545 3.6: at least one component."""
        text = render_calendar(told, NOW, "contoso")
        assert ("BEGIN:VEVENT" in text) is bool(text)
        uids = re.findall(r"UID:(\S+)", text)
        assert len(uids) == len(set(uids))

    def test_keeps_the_identity_of_an_event_that_moves(self) -> None:
        def uids(one: Standing) -> list[str]:
            return re.findall(r"UID:(\S+)", render_calendar([one], NOW, "contoso"))

        assert uids(bound("EX1", 30)) == uids(bound("EX1", 60))
        assert len(set(uids(bound("EX1")) + uids(bound("EX2")))) == 4

    def test_escapes_what_separates(self) -> None:
        text = render_calendar([replace(bound("EX1"), reason="a;b,c\\d\ne")], NOW, "contoso")
        assert r"a\;b\,c\\d\ne" in text.replace("\r\n ", "")


class TestThePicture:
    def test_puts_servers_that_look_alike_on_one_line(self) -> None:
        """200 servers stay readable."""
        told = [bound(f"EX{number}", 30 if number % 2 else 60) for number in range(200)]
        lines = render_picture(told, NOW).splitlines()
        assert len(lines) < 8
        assert "200 certificates in 2 lines" in lines

    @given(st.lists(some, max_size=5), st.integers(60, 200))
    def test_is_no_wider_than_the_terminal(self, told: list[Standing], width: int) -> None:
        assert all(len(line) <= width for line in render_picture(told, NOW, width=width).splitlines())

    def test_marks_what_is_due_and_what_waits(self) -> None:
        due = replace(bound("EX1"), state=State.RENEWAL_DUE, renewal=NOW - timedelta(days=1))
        waits = Standing(address=due.address, server="EX1", state=State.WAITING)
        assert re.search(r"^EX1 public +! \|>+X 2026-12-24$", render_picture([due], NOW), re.MULTILINE)
        assert re.search(
            r"^EX1 public +! \|\.+X 2026-12-24$", render_picture([waits, due], NOW), re.MULTILINE
        )


@given(st.lists(some, max_size=3))
def test_no_text_of_a_stranger_steers_the_terminal(told: list[Standing]) -> None:
    assert all(line.isprintable() for line in render_certificates(told, NOW).split("\n"))


def test_a_report_replaces_the_one_before_and_leaves_nothing_else(tmp_path: Path) -> None:
    out = tmp_path / "tls.prom"
    write_report(out, "one\n")
    write_report(out, "two\n")
    assert out.read_bytes() == b"two\n"
    assert [path.name for path in tmp_path.iterdir()] == ["tls.prom"]
