"""Whatever is wrong with what a person gives: a diagnostic, exit 1, and nothing changed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from reconciler.cli import main
from tests.contoso import EXAMPLE, Contoso, contoso

TEXT = (EXAMPLE / "tls.yaml").read_text(encoding="utf-8")
BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)

YAMLS = {
    "empty": ("", "Empty file"),
    "not YAML": ("servers: {EX1: [", "Not YAML"),
    "a YAML bomb": (BOMB, "YAML too large"),
    "an unknown version": (TEXT.replace("version: 1", "version: 7"), "Version not supported"),
    "a server twice": (TEXT.replace("  MBX2:\n", "  MBX1:\n"), "Key given twice"),
    "a typo in a key": (TEXT.replace("renew_before: 30d", "renew_befor: 30d"), "Unknown key"),
}


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Contoso]:
    with contoso(tmp_path_factory.mktemp("bad")) as made:
        yield made


@pytest.fixture
def outcome(fresh: Contoso, capfd: pytest.CaptureFixture[str]) -> Callable[[Path, Path], str]:
    """What ``plan`` and ``apply`` say about a path; both must fail and change nothing."""

    def of(path: Path, connections: Path) -> str:
        options = ["--connections", str(connections), "--state", str(fresh.state)]
        said = []
        for command in (["plan"], ["apply", "--auto-approve"]):
            assert main([*command, str(path), *options]) == 1
            said.append(capfd.readouterr().err)
        assert not fresh.cmdlets(mutating=True)
        assert not (fresh.state / "contoso" / "record.json").exists()
        return said[1]

    return of


class TestAYamlThatCannotBeUsed:
    def test_is_told_when_it_is_missing(
        self, fresh: Contoso, outcome: Callable[[Path, Path], str], tmp_path: Path
    ) -> None:
        assert "error: " in outcome(tmp_path / "missing.yaml", fresh.lab.connections())

    @pytest.mark.parametrize("case", YAMLS)
    def test_is_told(
        self, case: str, fresh: Contoso, outcome: Callable[[Path, Path], str], tmp_path: Path
    ) -> None:
        text, summary = YAMLS[case]
        path = tmp_path / "tls.yaml"
        path.write_text(text, encoding="utf-8")
        said = outcome(path, fresh.lab.connections())
        assert f"error: {summary}" in said
        assert "Traceback" not in said


class TestAServerThatCannotBeUsed:
    """Everything else of the organization is in order; only EDGE1 is not."""

    @pytest.fixture
    def changed(self, fresh: Contoso, tmp_path: Path) -> Callable[..., Path]:
        """A connections file with other settings for EDGE1."""

        def write(**settings: Any) -> Path:
            document = json.loads(fresh.lab.connections().read_bytes())
            for server in document["servers"].values():
                for key in ("ca", "credential"):
                    server[key] = server[key].replace("file:", f"file:{fresh.lab.directory}/")
                server["ca"] = str(fresh.lab.directory / server["ca"])
            for issuer in document["issuers"].values():
                for key in ("certificate", "key"):
                    issuer[key] = str(fresh.lab.directory / issuer[key])
            document["servers"]["EDGE1"].update(settings)
            path = tmp_path / "connections.yaml"
            path.write_text(json.dumps(document), encoding="utf-8")
            return path

        return write

    def test_is_told_when_it_cannot_be_reached(
        self, changed: Callable[..., Path], outcome: Callable[[Path, Path], str]
    ) -> None:
        said = outcome(EXAMPLE, changed(url="https://127.0.0.1:1/wsman"))
        assert "error: Server not read" in said
        assert "EDGE1" in said

    def test_is_told_when_the_password_is_wrong(
        self, changed: Callable[..., Path], outcome: Callable[[Path, Path], str], tmp_path: Path
    ) -> None:
        secret = tmp_path / "wrong.credential"
        secret.write_text("admin:wrong-password", encoding="utf-8")
        secret.chmod(0o600)
        said = outcome(EXAMPLE, changed(credential=f"file:{secret}"))
        assert "authentication failed" in " ".join(said.split())
        assert "wrong-password" not in said

    def test_is_told_when_its_certificate_is_not_trusted(
        self, changed: Callable[..., Path], outcome: Callable[[Path, Path], str], fresh: Contoso
    ) -> None:
        said = outcome(EXAMPLE, changed(ca=str(fresh.lab.directory / "issuer.pem")))
        assert "not trusted" in " ".join(said.split())

    def test_is_told_when_it_answers_garbage(
        self,
        changed: Callable[..., Path],
        outcome: Callable[[Path, Path], str],
        tmp_path_factory: pytest.TempPathFactory,
    ) -> None:
        rules = tmp_path_factory.mktemp("rules") / "faults.json"
        rules.write_text(json.dumps([{"cmdlet": "Get-ExchangeServer", "action": "garbage"}]))
        with contoso(rules.parent, faults=rules, servers=0, edges=1) as nonsense:
            lab = nonsense.lab
            said = outcome(
                EXAMPLE,
                changed(
                    url=lab.url("EDGE1"),
                    ca=str(lab.ca),
                    credential=f"file:{lab.directory}/admin.credential",
                ),
            )
        assert "nonsense" in said
