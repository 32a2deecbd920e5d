"""Files and folders of desired state, good and bad."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

import pytest

from reconciler.config import Loaded, load
from reconciler.config.files import LARGEST

TODAY = date(2026, 7, 1)
MINIMAL = "version: 1\norganization: contoso\nservers: {EX1: {role: mailbox}}\n"


def loaded(path: Path, **files: str | bytes) -> Loaded:
    """Write files into a folder, and load it; a name ``a_yaml`` is the file ``a.yaml``."""
    for name, content in files.items():
        file = path / name.replace("_y", ".y")
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return load(path, today=TODAY)


def summaries(outcome: Loaded) -> list[str]:
    return [diagnostic.summary for diagnostic in outcome.diagnostics]


class TestAFolder:
    def test_is_merged_section_by_section(self, tmp_path: Path) -> None:
        """Each server may have a file of its own; hidden files and other suffixes are left alone."""
        outcome = loaded(
            tmp_path,
            a_yaml="version: 1\norganization: contoso\npartners: {trusted: [a.example]}\n",
            b_yml="version: 1\nservers: {EX1: {role: mailbox}}\n",
            c_yaml="servers: {EX2: {role: mailbox}}\npartners: {broken: [b.example]}\n",
            notes_txt="servers: [",
        )
        (tmp_path / ".draft.yaml").write_text("[")
        assert outcome.desired is not None
        assert [str(name) for name in outcome.desired.servers] == ["EX1", "EX2"]
        assert not load(tmp_path, today=TODAY).diagnostics

    def test_keeps_the_place_of_everything_in_its_own_file(self, tmp_path: Path) -> None:
        """A problem in the second file is told there."""
        outcome = loaded(tmp_path, a_yaml=MINIMAL, b_yaml="servers:\n  EX2: {hots: ex2}\n")
        assert [str(d.where) for d in outcome.diagnostics] == [
            f"{tmp_path}/b.yaml:2:3",
            f"{tmp_path}/b.yaml:2:9",
        ]

    @pytest.mark.parametrize(
        ("second", "place"),
        [
            ("servers: {EX1: {role: edge}}", "1:11"),
            ("organization: fabrikam", "1:1"),
            ("version: 2", "1:1"),
        ],
    )
    def test_gives_no_key_twice(self, tmp_path: Path, second: str, place: str) -> None:
        """Neither file would know of the other: both places are named."""
        outcome = loaded(tmp_path, a_yaml=MINIMAL, b_yaml=second)
        assert summaries(outcome) == ["Key given twice"]
        assert str(outcome.diagnostics[0].where) == f"{tmp_path}/b.yaml:{place}"
        assert f"{tmp_path}/a.yaml:" in outcome.diagnostics[0].detail

    def test_lists_are_not_joined(self, tmp_path: Path) -> None:
        """A list has no names by which two could be told apart."""
        endpoints = "endpoints: [{name: a.example, servers: [EX1]}]\n"
        outcome = loaded(tmp_path, a_yaml=MINIMAL + endpoints, b_yaml=endpoints)
        assert summaries(outcome) == ["Key given twice"]

    def test_without_yaml_is_told(self, tmp_path: Path) -> None:
        """Most likely a wrong path."""
        assert summaries(loaded(tmp_path, notes_txt="x")) == ["No desired state"]

    def test_with_one_unreadable_file_tells_of_that_alone(self, tmp_path: Path) -> None:
        """What it declares would be missed everywhere else, and every reference to it told as wrong."""
        set_of_both = "send_connectors: {both: {servers: [EX1, EX2], opportunistic: {}}}\n"
        outcome = loaded(tmp_path, a_yaml=MINIMAL + set_of_both, b_yaml="servers: {EX2: [")
        assert summaries(outcome) == ["Not YAML"]


class TestABadFile:
    @pytest.mark.parametrize(
        ("content", "summary", "place"),
        [
            (b"", "Empty file", "1:1"),
            (b"# nothing yet\n", "Empty file", "1:1"),
            (b"---\n", "Empty file", "2:1"),
            (b"- a\n- b\n", "Not a mapping", "1:1"),
            (b"Hello\n", "Not a mapping", "1:1"),
            (b"version: 1\nlegal_name: Caf\xe9\n", "Not UTF-8", "2:16"),
            (MINIMAL.encode("utf-16"), "Not UTF-8", "1:1"),
            (b"servers:\n\tEX1: {}\n", "Not YAML", "2:1"),
            (MINIMAL.encode() + b"---\n" + MINIMAL.encode(), "Several documents in one file", "4:1"),
            (MINIMAL.replace("1", "2", 1).encode(), "Version not supported", "1:10"),
            (MINIMAL.encode() + b"version: 1\n", "Key given twice", "4:1"),
            (b"[" * 5000, "Nested too deeply", "1:33"),
            (b" " * (LARGEST + 1), "File too large", None),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    def test_gives_one_diagnostic(
        self, tmp_path: Path, content: bytes, summary: str, place: str | None
    ) -> None:
        """Never an exception, and no list of follow-on problems."""
        file = tmp_path / "tls.yaml"
        file.write_bytes(content)
        outcome = load(file, today=TODAY)
        assert summaries(outcome) == [summary]
        assert outcome.desired is None
        where = outcome.diagnostics[0].where
        assert (None if where is None else str(where)) == (None if place is None else f"{file}:{place}")

    @pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
    def test_in_utf_16_is_told_with_what_wrote_it(self, tmp_path: Path, encoding: str) -> None:
        """Without its mark, too: it would be told of zero bytes in YAML otherwise."""
        file = tmp_path / "tls.yaml"
        file.write_bytes(MINIMAL.encode(encoding))
        (told,) = load(file, today=TODAY).diagnostics
        assert told.summary == "Not UTF-8"
        assert "UTF-16" in told.detail
        assert "Set-Content -Encoding UTF8" in told.hint

    def test_that_is_missing_is_told_by_its_path(self, tmp_path: Path) -> None:
        """The path as it was given."""
        outcome = load(tmp_path / "tsl.yaml", today=TODAY)
        assert summaries(outcome) == ["File not found"]
        assert "tsl.yaml" in outcome.diagnostics[0].detail

    def test_that_is_no_file_is_not_opened(self) -> None:
        """A device never ends."""
        assert summaries(load(Path(os.devnull), today=TODAY)) == ["Not a file"]

    @pytest.mark.parametrize("name", ["a\0b", "x" * 5000, "\ud800"])
    def test_whose_name_cannot_be_one_is_told(self, name: str) -> None:
        """A zero byte, or thousands of letters, are refused by the operating system, in its own way."""
        (summary,) = summaries(load(Path(name), today=TODAY))
        assert summary in ("File cannot be read", "File not found", "Folder cannot be read")

    def test_may_begin_with_a_byte_order_mark(self, tmp_path: Path) -> None:
        """Windows editors write one."""
        file = tmp_path / "tls.yaml"
        file.write_bytes(MINIMAL.encode("utf-8-sig").replace(b"\n", b"\r\n"))
        assert load(file, today=TODAY).desired is not None

    @pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
    def test_has_its_problems_at_the_same_place_whatever_ends_its_lines(
        self, tmp_path: Path, end: str
    ) -> None:
        """And the line that is shown is that line, without its end."""
        file = tmp_path / "tls.yaml"
        file.write_bytes((MINIMAL + "organisation: x\n").replace("\n", end).encode("utf-8-sig"))
        (told,) = load(file, today=TODAY).diagnostics
        assert told.where is not None
        assert (told.where.line, told.where.column, told.where.text) == (4, 1, "organisation: x")

    def test_may_lie_in_a_folder_whose_name_is_not_ascii(self, tmp_path: Path) -> None:
        """Paths in it count from there, whatever the locale's encoding is."""
        folder = tmp_path / "Büro Zürich 東京"
        folder.mkdir()
        file = folder / "tls.yaml"
        file.write_text(
            MINIMAL + "connection: {ca: Wurzel-ä.pem, credential: 'file:Zugang-ß.txt'}\n", encoding="utf-8"
        )
        desired = load(file, today=TODAY).desired
        assert desired is not None
        (connection,) = desired.connections.values()
        assert connection.ca == folder / "Wurzel-ä.pem"
        assert connection.base / str(connection.credential).removeprefix("file:") == folder / "Zugang-ß.txt"

    def test_with_a_bad_version_is_still_checked(self, tmp_path: Path) -> None:
        """All problems of a run, not the first."""
        outcome = loaded(tmp_path, a_yaml="version: 7\nservers: {EX1: {role: mailbox, hosst: a}}\n")
        assert summaries(outcome) == ["Key missing", "Version not supported", "Unknown key"]
