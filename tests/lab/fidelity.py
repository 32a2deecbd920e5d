"""Makes docs/lab-fidelity.md: which test holds which rule of Exchange, and why a rule has none in the lab.

Run by ``make fidelity``. The rules with their titles are in rules.json beside this file; a rule that the
lab does not hold has a ``reason`` there.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
PAGE = ROOT / "docs" / "lab-fidelity.md"
RULES = Path(__file__).parent / "rules.json"
SECTIONS = {
    "1": "Scope and identity",
    "2": "Certificates",
    "3": "Send connectors",
    "4": "Receive connectors",
    "5": "Connection",
    "6": "Wire",
}
INTRODUCTION = """\
# Lab fidelity

Made by `make fidelity` from the `@rule` markers of the tests; do not edit.

The lab must not be an echo of the client: what it does is held by tests that name a rule of Exchange. A
rule is a fact of the cmdlet pages, of exported objects or of a public report, with an id. Beside these

- the lab's objects are compared with exports of real servers, property by property:
  `tests/lab/exchange/test_exchange_corpus.py`, with the differences that are known;
- its bytes with files written by hand from Microsoft's documents: `tests/lab/expected`;
- its parameter binding with PowerShell's, for every parameter of every build:
  `tests/lab/exchange/test_exchange_every_parameter.py`;
- and two foreign clients complete sessions: `tests/lab/wire`.

What nobody could verify is in [unverified.md](unverified.md).
"""


@dataclass(frozen=True)
class Rule:
    """A rule; ``reason`` says why no test of the lab holds it, and is empty where one does."""

    id: str
    title: str
    reason: str = ""


@dataclass(frozen=True)
class Holder:
    """A test that holds a rule."""

    file: str
    name: str

    @property
    def is_of_the_lab(self) -> bool:
        return self.file.startswith("tests/lab/")


def rules() -> list[Rule]:
    return [Rule(**facts) for facts in json.loads(RULES.read_text(encoding="utf-8"))]


def holders(folder: Path = ROOT / "tests") -> dict[str, list[Holder]]:
    """Rule id to the tests that name it, by file and place in it."""
    found: dict[str, list[Holder]] = {}
    for path in sorted(folder.rglob("test_*.py")):
        file = path.relative_to(folder.parent).as_posix()
        for name, ids in _marked(ast.parse(path.read_text(encoding="utf-8")).body, ""):
            for each in ids:
                found.setdefault(each, []).append(Holder(file, name))
    return found


def _marked(body: Sequence[ast.stmt], prefix: str) -> Iterator[tuple[str, list[str]]]:
    for node in body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            if ids := [text for decorator in node.decorator_list for text in _ids(decorator)]:
                yield prefix + node.name, ids
            if isinstance(node, ast.ClassDef):
                yield from _marked(node.body, f"{prefix}{node.name}.")


def _ids(decorator: ast.expr) -> list[str]:
    if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) in ("rule", "pytest.mark.rule"):
        return [ast.literal_eval(argument) for argument in decorator.args]
    return []


def complaints(every: Sequence[Rule], held: Mapping[str, Sequence[Holder]]) -> list[str]:
    """What is wrong: unknown ids, rules without test and reason, reasons that a test contradicts."""
    known = {rule.id for rule in every}
    found = [
        f"{holder.file}: {holder.name} names the rule {each}, which is not in rules.json"
        for each in held.keys() - known
        for holder in held[each]
    ]
    for rule in every:
        in_lab = any(holder.is_of_the_lab for holder in held.get(rule.id, ()))
        if not in_lab and not rule.reason:
            found.append(f"[{rule.id}] {rule.title}: no test of the lab holds it, and no reason says why")
        if in_lab and rule.reason:
            found.append(f"[{rule.id}] {rule.title}: a test of the lab holds it, yet a reason says why not")
    return found


def page(every: Sequence[Rule], held: Mapping[str, Sequence[Holder]]) -> str:
    in_lab = sum(not rule.reason for rule in every)
    parts = [INTRODUCTION, f"{in_lab} of {len(every)} rules are held in the lab; the others say why not.\n"]
    section = ""
    for rule in every:
        if rule.id[0] != section:
            section = rule.id[0]
            parts.append(f"## {section}. {SECTIONS[section]}\n")
        parts.append(_entry(rule, held.get(rule.id, ())))
    return "\n".join(parts)


def _entry(rule: Rule, held: Sequence[Holder]) -> str:
    lines = [f"### [{rule.id}] {rule.title}\n"]
    if rule.reason:
        lines.append(f"Not in the lab: {rule.reason}\n")
    for file in dict.fromkeys(holder.file for holder in held):
        names = [f"`{holder.name}`" for holder in held if holder.file == file]
        lines.append(f"- [{file}](../{file}): {', '.join(names)}")
    return "\n".join(lines).rstrip() + "\n"


def main() -> None:
    every, held = rules(), holders()
    if wrong := complaints(every, held):
        raise SystemExit("\n".join(wrong))
    PAGE.write_text(page(every, held), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
