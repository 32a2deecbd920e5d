"""Every rule of an audit is on docs/audit.md, and nothing else is."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from reconciler.audit import rules
from reconciler.audit.finding import Rule, Weight

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "audit.md"
ROW = re.compile(
    r"^\| `(?P<id>[a-z-]+)` \| (?P<weight>[^|]+) \| (?P<meaning>[^|]+) \| (?P<rests>[^|]*)\|$", re.M
)


def test_every_rule_is_documented_and_nothing_else() -> None:
    """In the same order."""
    rows = ROW.findall(PAGE.read_text(encoding="utf-8"))
    assert [row[0] for row in rows] == [rule.id for rule in rules.RULES]
    assert all(
        weight.split(";")[0].strip() in {"as above", *(one.value for one in Weight)} for _, weight, *_ in rows
    )


def test_no_rule_is_left_out() -> None:
    """One that is defined and not in the list would never be documented."""
    defined = [one for one in vars(rules).values() if isinstance(one, Rule)]
    assert defined == list(rules.RULES)
    assert len({rule.id for rule in rules.RULES}) == len(rules.RULES)


def test_every_rule_is_looked_for() -> None:
    names = {name for name, one in vars(rules).items() if isinstance(one, Rule)}
    used = {
        node.attr
        for path in (ROOT / "reconciler" / "audit").glob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "rules"
    }
    assert names <= used


def test_every_rule_has_an_organization_that_shows_it() -> None:
    """And each near miss stands beside it."""
    cases = (ROOT / "tests" / "cases" / "test_audit.py").read_text(encoding="utf-8")
    assert [rule.id for rule in rules.RULES if f" {rule.id}" not in cases] == []
