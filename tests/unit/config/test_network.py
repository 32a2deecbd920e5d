"""Where a server is reached: what is taken can be connected to, and holds no password."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from reconciler.config import Loaded, load
from reconciler.config.models.network import (
    host_and_port,
    parse_address,
    parse_host,
    parse_safe_url,
    parse_url,
)
from state.errors import InvalidValue
from state.values import Name

TODAY = date(2026, 7, 1)


def is_taken(parse: Callable[[str], str], text: str) -> bool:
    try:
        return parse(text) == text
    except InvalidValue:
        return False


@pytest.mark.parametrize(
    ("parse", "right", "wrong"),
    [
        (
            parse_host,
            ["ex1", "ex1.corp.contoso.local", "192.0.2.1", "2001:db8::25", "ex1.contoso.com."],
            ["", "a b", "a/b", "[2001:db8::25]", "a:b", ":::", "a..b", "x" * 64, "user@host", "a%20b"],
        ),
        (
            parse_address,
            ["mail.contoso.com:25", "127.0.0.1:1", "[2001:db8::25]:65535"],
            ["host", "host:", ":25", "host:0", "host:65536", "127.0.0.1:99999", "host:٢٥", "2001:db8::25:25",
             "[host]:25", "[]:25", "user:word@host:25"],
        ),
        (
            parse_url,
            ["https://ex1/PowerShell/", "HTTP://ex1:5985/wsman", "https://[2001:db8::25]", "https://a/b?c=d"],
            ["ftp://ex1/", "ex1", "https://", "https://[oops/PowerShell/", "https://[a:b]/", "https://a:0/",
             "https://a:99999/", "https://a:b/", "https://admin:word@host/", "https://@host/", "https://a b/",
             "https://a/#b", "https:///PowerShell/"],
        ),
        (
            parse_safe_url,
            ["https://acme.example/directory", "HTTPS://acme.example:14000/dir"],
            ["http://acme.example/directory", "https://acme.example/verzeichnis/ä", "https://a:b@acme.example/"],
        ),
    ],
)  # fmt: skip
def test_what_is_taken_and_what_is_not(
    parse: Callable[[str], str], right: list[str], wrong: list[str]
) -> None:
    assert [text for text in right if not is_taken(parse, text)] == []
    assert [text for text in wrong if is_taken(parse, text)] == []


@given(st.text(st.sampled_from("ab:/[]@?#%.0159 \\") | st.characters(), max_size=12))
@example("[oops")
def test_what_is_taken_can_be_taken_apart_again(text: str) -> None:
    """Nobody who connects meets an exception that was not told here."""
    if is_taken(parse_url, url := f"https://{text}/PowerShell/"):
        parts = urlsplit(url)
        assert parts.hostname
        assert parts.username is None
        assert parts.port is None or parts.port > 0
    if is_taken(parse_address, text):
        host, port = host_and_port(text)
        assert 1 <= port <= 65535
        assert parse_host(host) == host


def loaded(folder: Path, server: str) -> Loaded:
    file = folder / "tls.yaml"
    file.write_text(f"version: 1\norganization: contoso\nservers:\n  {server}\n")
    return load(file, today=TODAY)


@pytest.mark.parametrize(
    "connection",
    [
        'url: "https://[oops/PowerShell/"',
        'url: "https://admin:hunter2@host/"',
        'url: "https://admin:hun/ter2@host/"',
        'url: "admin:hunter2@host"',
        'smtp: "127.0.0.1:99999"',
        'smtp: "admin:hunter2@host:25"',
    ],
)
def test_what_is_not_is_told_without_a_password(tmp_path: Path, connection: str) -> None:
    (found,) = loaded(tmp_path, f"EX1: {{role: mailbox, connection: {{{connection}}}}}").diagnostics
    assert found.summary == "Value not allowed"
    assert "ter2" not in repr(found)
    assert found.where is not None
    assert found.where.line == 4


class TestAServerWithoutHost:
    def test_is_reached_under_its_name(self, tmp_path: Path) -> None:
        (found,) = loaded(tmp_path, '"EX 1": {role: mailbox}').diagnostics
        assert (found.summary, str(found.where)) == ("Host missing", f"{tmp_path}/tls.yaml:4:3")

    @pytest.mark.parametrize("reached", ["host: ex1.contoso.com", 'connection: {url: "https://ex1/wsman"}'])
    def test_may_have_any_name_where_another_way_is_given(self, tmp_path: Path, reached: str) -> None:
        outcome = loaded(tmp_path, f'"EX 1": {{role: mailbox, {reached}}}')
        assert outcome.desired is not None
        assert "ex1" in outcome.desired.connections[Name("EX 1")].url

    def test_that_is_wrong_is_told_for_its_host_alone(self, tmp_path: Path) -> None:
        (found,) = loaded(tmp_path, '"EX 1": {role: mailbox, host: "a:b"}').diagnostics
        assert found.summary == "Value not allowed"
