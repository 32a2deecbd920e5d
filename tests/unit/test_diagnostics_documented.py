"""Every diagnostic is on docs/diagnostics.md with its cause and its remedy, and nothing else is."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "diagnostics.md"
ROW = re.compile(r"\| \*\*(?P<summary>[^|*]+)\*\* \| (?P<cause>[^|]+) \| (?P<remedy>[^|]+) \|")


@dataclass(frozen=True)
class Site:
    """A place in the code that makes a diagnostic."""

    place: str
    summary: str
    has_hint: bool


@dataclass
class Takers:
    """What takes a summary: classes that have one, and functions that pass one on.

    Attributes:
        by_name: Positions of summary and hint among the arguments; None where there is no such argument.
    """

    by_name: dict[str, tuple[int, int | None]] = field(default_factory=dict)

    def learn(self, node: ast.AST) -> None:
        match node:
            case ast.ClassDef():
                names = [
                    part.target.id
                    for part in node.body
                    if isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name)
                ]
            case ast.FunctionDef():
                names = [argument.arg for argument in node.args.args if argument.arg != "self"]
            case _:
                return
        if "summary" in names:
            self.by_name[node.name] = names.index("summary"), names.index("hint") if "hint" in names else None


def trees() -> Iterator[tuple[str, ast.Module]]:
    """The program without the lab, which has errors of its own and no diagnostics."""
    for path in sorted((ROOT / "reconciler").rglob("*.py")):
        if "lab" not in path.relative_to(ROOT).parts[1:-1]:
            yield str(path.relative_to(ROOT)), ast.parse(path.read_text(encoding="utf-8"))


def called(call: ast.Call) -> str:
    match call.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return ""


def argument(call: ast.Call, name: str, position: int | None) -> ast.expr | None:
    for keyword in call.keywords:
        if keyword.arg == name:
            return keyword.value
    return call.args[position] if position is not None and position < len(call.args) else None


def is_passed_on(summary: ast.expr) -> bool:
    """A parameter that is called so, or another diagnostic's: its text is found where it was given."""
    match summary:
        case ast.Name(id="summary") | ast.Attribute(attr="summary"):
            return True
        case _:
            return False


def sites() -> list[Site]:
    parsed = list(trees())
    public = Takers()
    for _, tree in parsed:
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_"):
                public.learn(node)
    found = []
    for path, tree in parsed:
        here = Takers(dict(public.by_name))
        for node in ast.walk(tree):  # what is private counts in its own module
            here.learn(node)
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or called(node) not in here.by_name:
                continue
            at_summary, at_hint = here.by_name[called(node)]
            summary = argument(node, "summary", at_summary)
            if summary is None or is_passed_on(summary):
                continue
            assert isinstance(summary, ast.Constant), (
                f"{path}:{node.lineno}: a summary is a text, always the same"
            )
            hint = argument(node, "hint", at_hint)
            has_hint = hint is not None and not (isinstance(hint, ast.Constant) and not hint.value)
            found.append(Site(f"{path}:{node.lineno}", summary.value, has_hint))
    return found


def documented() -> list[re.Match[str]]:
    return list(ROW.finditer(PAGE.read_text(encoding="utf-8")))


def test_every_diagnostic_is_documented_and_nothing_else() -> None:
    """What is told at night is looked up by its summary."""
    made = {site.summary for site in sites()}
    page = {row["summary"] for row in documented()}
    assert made - page == set()
    assert page - made == set()


def test_the_search_for_them_finds_each_way_of_making_one() -> None:
    """One by its class, one through a method, one through a function, one through a class of its own."""
    made = {site.summary for site in sites()}
    assert {"Server not read", "Unknown issuer", "File not found", "AuthMechanism incomplete"} <= made
    assert len(made) > 100


def test_each_has_one_entry() -> None:
    """One summary is one problem: who looks it up must not have to choose."""
    assert [
        summary for summary, times in Counter(row["summary"] for row in documented()).items() if times > 1
    ] == []


def test_each_has_a_hint() -> None:
    """The next thing to try stands with the problem; the page says more."""
    assert [site.place for site in sites() if not site.has_hint] == []


def test_a_summary_has_no_end_and_no_names() -> None:
    for site in sites():
        assert re.fullmatch(r"[A-Z][^.\"]{2,47}", site.summary), site.place
