"""docs/unverified.md: every assumption has an experiment, and whoever cites one finds it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "unverified.md").read_text(encoding="utf-8")
KEYS = set(re.findall(r"`([a-z_.]+)`", (ROOT / "docs" / "evidence.md").read_text(encoding="utf-8")))
RULES_OF_ASSUMPTIONS = (
    *("1-3", "1-6", "2.1-4", "2.2-2", "2.2-3", "2.3-3", "3-4", "3-5", "3-7", "3-9", "3-12", "3-23", "4-4"),
    *("5-1", "5-4", "5-6", "5-7", "6.1-3", "6.1-4", "6.3-3", "6.4-1", "6.4-2", "6.4-3", "6.4-5", "6.4-6"),
)
"""Rules that say of themselves, or of a part, that they are inferred or only experience."""
ENTRY = re.compile(
    r"(?P<text>.+?)\nMatters to: (?P<matters>.+?)\.\n\n```powershell\n(?P<paste>.+?)\n```\n\n"
    r"Look for: (?P<look>.+?)\.(?:\nIn the report of `doctor --evidence`: (?P<keys>.+?)\.)?\n*",
    re.DOTALL,
)
CMDLET = re.compile(r"\b[A-Z][a-z]+-[A-Z]\w+\b")
HARMLESS = ("Get-", "Format-", "Select-", "Export-Clixml", "Where-Object")
CITED = re.compile(r"\[(?:inf|exp)(?:: ([^\]]*))?\]")


@dataclass(frozen=True)
class Entry:
    """One entry; ``parts`` is None where it does not have all of them, in order."""

    id: str
    parts: re.Match[str] | None


def entries() -> list[Entry]:
    sections = re.split(r"^### `([^`]+)`\n\n", PAGE, flags=re.MULTILINE)[1:]
    bodies = (re.split(r"^## ", body, flags=re.MULTILINE)[0] for body in sections[1::2])
    return [Entry(id_, ENTRY.fullmatch(body)) for id_, body in zip(sections[::2], bodies, strict=True)]


def test_ids_are_short_and_unique() -> None:
    ids = [entry.id for entry in entries()]
    assert len(ids) == len(set(ids)) == PAGE.count("\n### ") > 50
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+){0,2}", id_) for id_ in ids)


@pytest.mark.parametrize("entry", entries(), ids=lambda entry: entry.id)
class TestAnEntry:
    def test_has_its_parts(self, entry: Entry) -> None:
        assert entry.parts is not None

    def test_that_is_in_the_report_names_its_keys_and_only_reads(self, entry: Entry) -> None:
        assert entry.parts is not None
        if not entry.parts["keys"]:
            return
        assert set(re.findall(r"`([^`]+)`", entry.parts["keys"])) <= KEYS
        pasted = re.sub(r"#.*", "", entry.parts["paste"])
        assert [name for name in CMDLET.findall(pasted) if not name.startswith(HARMLESS)] == []


@pytest.mark.parametrize("rule", RULES_OF_ASSUMPTIONS)
def test_a_rule_that_nobody_could_verify_has_an_entry(rule: str) -> None:
    assert f"[{rule}]" in PAGE


def test_what_the_code_cites_is_there() -> None:
    """Nothing in it is inferred without an entry; one place speaks of the tags themselves."""
    known = {entry.id for entry in entries()}
    cited = {
        (path.relative_to(ROOT).as_posix(), found)
        for path in (ROOT / "reconciler").rglob("*.py")
        for found in CITED.findall(path.read_text(encoding="utf-8"))
    }
    assert {path for path, id_ in cited if id_ not in known} == {"reconciler/config/checks/__init__.py"}
    assert len(cited) > 10
