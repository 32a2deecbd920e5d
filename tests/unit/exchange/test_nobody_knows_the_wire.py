"""Nothing above the session knows PowerShell remoting: not its libraries, its messages or its errors."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[3]
WIRE = {"psrpcore", "pypsrp", "requests", "spnego", "urllib3"}
SESSION = "reconciler.exchange.session"
ALLOWED = {
    "reconciler/operations/inputs.py": {SESSION},  # opens sessions, for everybody
    "reconciler/exchange/way.py": {f"{SESSION}.trust"},  # whom TLS trusts, to look at a server with it
}


ACME = "reconciler/issuers/acme/network.py"
"""The library of ACME sends with requests, to authorities and never to a server."""


def imports(path: Path) -> Iterator[str]:
    """Names of modules that a file imports, whole."""
    package = ".".join(path.relative_to(ROOT).parent.parts)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Import():
                yield from (alias.name for alias in node.names)
            case ast.ImportFrom(module=module, level=level):
                above = package.rsplit(".", level - 1)[0] if level > 1 else package
                yield ".".join(filter(None, [above if level else "", module]))


def others() -> Iterator[Path]:
    """The program without the session, and without the lab, which has a wire of its own."""
    for room in ("reconciler", "state"):
        for path in sorted((ROOT / room).rglob("*.py")):
            place = path.relative_to(ROOT).as_posix()
            if not place.startswith(("reconciler/exchange/session/", "reconciler/lab/", ACME)):
                yield path


def test_no_other_module_imports_what_the_wire_is_made_of() -> None:
    """Another way to reach a server, files perhaps, must not find it everywhere."""
    found = {path for path in others() if WIRE & {name.partition(".")[0] for name in imports(path)}}
    assert found == set()


def test_the_session_is_known_to_who_opens_it_alone() -> None:
    found = {
        path.relative_to(ROOT).as_posix(): {name for name in imports(path) if name.startswith(SESSION)}
        for path in others()
    }
    assert {place: names for place, names in found.items() if names} == ALLOWED
