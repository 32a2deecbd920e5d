"""The role groups of docs/role-groups.md allow what this tool sends, and nothing else."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from reconciler.cmdlets.capabilities import PARAMETERS
from reconciler.exchange.session.batch import SNAP_IN

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "role-groups.md").read_text(encoding="utf-8")


def listed(variable: str) -> list[str]:
    """The cmdlets of a list in the script."""
    found = re.search(rf"^\${variable} = @\(\n(.*?)^\)", PAGE, re.MULTILINE | re.DOTALL)
    assert found
    return re.findall(r"'([^']+)'", found[1])


def sent() -> set[str]:
    """What the code can send: what builds have, and what queries, invocations and commands name."""
    found = set(PARAMETERS)
    for path in (ROOT / "reconciler").rglob("*.py"):
        if "lab" in path.relative_to(ROOT).parts:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in (
                "Query",
                "Invocation",
                "Command",
            ):
                words = [*node.args, *(keyword.value for keyword in node.keywords)]
                names = [word.value for word in words if isinstance(word, ast.Constant)]
                found |= {
                    name for name in names if isinstance(name, str) and re.match(r"[A-Z]\w+-[A-Z]", name)
                }
    return found - {SNAP_IN.cmdlet}  # Edge servers know no roles


def test_readers_may_run_every_cmdlet_that_reads() -> None:
    assert listed("reads") == sorted(name for name in sent() if name.startswith("Get-"))


def test_writers_may_run_every_other_one_too() -> None:
    assert listed("writes") == sorted(name for name in sent() if not name.startswith("Get-"))
    assert "$reads + $writes" in PAGE


def test_the_search_finds_queries() -> None:
    """They need not be in the table of what builds have."""
    assert "Get-OrganizationConfig" in sent()
