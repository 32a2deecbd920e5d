"""Issuers that other packages bring: found by their entry points, and held to what they promise."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from textwrap import dedent

import pytest

from reconciler.config.desired import IssuerSettings, Loaded
from reconciler.config.loading import load
from reconciler.issuers.port import (
    CertificateRequest,
    Issuer,
    IssuerFailed,
    IssuerUnusable,
    RequestRefused,
    Waiting,
)
from reconciler.operations.issuers import open_issuer
from state.address import Address

NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
REQUEST = CertificateRequest(Address.of("certificate", "EX1", "internet"), "", frozenset())
DESIRED = """\
version: 1
organization: contoso
issuers:
  house: {issuer}
servers:
  EX1: {{role: mailbox, host: ex1.contoso.com, connection: {{auth: kerberos}}}}
"""
LANTERN = """\
from pydantic import BaseModel, ConfigDict
from reconciler.issuers.port import Waiting

class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    tower: str
    colour: str = "red"

class Lantern:
    def __init__(self, opening):
        self.opening = opening

    def issue(self, request):
        settings = self.opening.settings
        return Waiting(settings.tower, f"the {settings.colour} lantern is not lit", self.opening.clock())

class Kind:
    type = "lantern"
    settings = Settings

    def open(self, opening):
        return Lantern(opening)

kind = Kind()
"""
Install = Callable[..., None]


def answering(statement: str) -> str:
    """The same package, with another answer."""
    more = """
from datetime import datetime, timezone, timedelta
from reconciler.issuers.port import Issued, IssuerUnusable, RequestRefused
LATEST = datetime.max.replace(tzinfo=timezone(timedelta(hours=-1)))
"""
    return more + LANTERN.replace("settings = self.opening.settings\n", statement + "\n")


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Puts a package where Python finds it, as pip would."""
    made: list[str] = []

    def install(source: str = LANTERN, *, package: str = "lantern", object: str = "kind") -> None:
        site = tmp_path / f"site-{package}"
        information = site / f"{package}-1.0.dist-info"
        information.mkdir(parents=True)
        (site / f"{package}.py").write_text(dedent(source), encoding="utf-8")
        (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        (information / "entry_points.txt").write_text(
            f"[reconciler.issuers]\nlantern = {package}:{object}\n", encoding="utf-8"
        )
        monkeypatch.syspath_prepend(site)
        made.append(package)

    yield install
    for package in made:
        sys.modules.pop(package, None)


def declared(folder: Path, issuer: str = "{type: lantern, tower: north}") -> Loaded:
    path = folder / "tls.yaml"
    path.write_text(DESIRED.format(issuer=issuer), encoding="utf-8")
    return load(path, today=NOW.date())


def settings(loaded: Loaded) -> IssuerSettings:
    assert loaded.desired is not None, loaded.diagnostics
    return loaded.desired.issuers["house"]


def opened(loaded: Loaded) -> Issuer:
    return open_issuer(settings(loaded), lambda: NOW)


def told(loaded: Loaded) -> tuple[str, str, str]:
    [diagnostic] = loaded.diagnostics
    assert diagnostic.where is not None
    assert diagnostic.where.line == 4
    return diagnostic.summary, diagnostic.detail, diagnostic.hint


class TestAPackageThatIsInstalled:
    def test_opens_its_issuer_with_what_is_declared(self, install: Install, tmp_path: Path) -> None:
        install()
        found = settings(declared(tmp_path))
        assert (found.name, found.type, found.base) == ("house", "lantern", tmp_path)
        said = opened(declared(tmp_path, "{type: lantern, tower: north, colour: green}")).issue(REQUEST)
        assert said == Waiting("north", "the green lantern is not lit", NOW)

    @pytest.mark.parametrize(
        ("issuer", "summary", "hint"),
        [
            ("{type: lantern}", "Key missing", ""),
            ("{type: lantern, tower: north, color: red}", "Unknown key", 'did you mean "colour"?'),
            ("{type: lantern, tower: 5}", "Value not allowed", 'write it in quotes: "5"'),
        ],
    )
    def test_has_its_settings_checked_like_all_others(
        self, install: Install, tmp_path: Path, issuer: str, summary: str, hint: str
    ) -> None:
        install()
        loaded = declared(tmp_path, issuer)
        assert loaded.desired is None
        assert (told(loaded)[0], told(loaded)[2]) == (summary, hint)

    def test_is_not_run_when_no_file_names_it(self, install: Install, tmp_path: Path) -> None:
        """What is installed beside this program is no business of those who do not use it."""
        install("raise SystemExit('run')")
        assert declared(tmp_path, "{type: local, certificate: ca.pem, key: ca.key}").desired is not None

    def test_is_named_where_a_type_is_misspelt(self, install: Install, tmp_path: Path) -> None:
        install()
        summary, _, hint = told(declared(tmp_path, "{type: lanten, tower: north}"))
        assert (summary, hint) == ("Unknown type of issuer", 'did you mean "lantern"?')


class TestAPackageThatIsNot:
    def test_is_told_with_the_types_that_there_are(self, tmp_path: Path) -> None:
        summary, detail, hint = told(declared(tmp_path, "{type: hsm, slot: 5}"))
        assert summary == "Unknown type of issuer"
        assert '"hsm"' in detail
        assert "local" in hint

    def test_as_a_name_of_another_case(self, tmp_path: Path) -> None:
        assert told(declared(tmp_path, "{type: Local, certificate: ca.pem, key: ca.key}"))[2] == (
            'did you mean "local"?'
        )


class TestAPackageThatIsBroken:
    @pytest.mark.parametrize(
        ("source", "reason"),
        [
            ("import nowhere_to_be_found", "cannot be loaded: ModuleNotFoundError: No module named"),
            ("raise RuntimeError('a\\nb \\x1b[31m' + 'c' * 500)", "cannot be loaded: RuntimeError: a b "),
            ("raise SystemExit(3)", "cannot be loaded: SystemExit: 3"),
            ("", "cannot be loaded: AttributeError"),
            ("def", "cannot be loaded: SyntaxError"),
            ("kind = 5", 'does not say type = "lantern"'),
            (LANTERN.replace('"lantern"', '"candle"'), 'does not say type = "lantern"'),
            (LANTERN.replace("settings = Settings", "settings = Settings.__name__"), "has no pydantic model"),
            (LANTERN.replace("def open", "def shut"), "has no open()"),
        ],
    )
    def test_is_told_and_ends_nothing(
        self, install: Install, tmp_path: Path, source: str, reason: str
    ) -> None:
        install(source)
        summary, detail, _ = told(declared(tmp_path))
        assert summary == "Issuer plug-in not usable"
        assert reason in detail
        assert "\x1b" not in detail
        assert len(detail) < 400

    def test_is_told_where_two_bring_the_same(self, install: Install, tmp_path: Path) -> None:
        """Which one is used must not depend on the order of a path."""
        install()
        install(package="candles")
        assert "candles and lantern both bring it" in told(declared(tmp_path))[1]

    def test_is_told_where_it_does_not_open(self, install: Install, tmp_path: Path) -> None:
        install(LANTERN.replace("return Lantern(opening)", "raise OSError('no\\nlamp oil')"))
        with pytest.raises(IssuerUnusable, match=r"issuer house: opening it failed: OSError: no lamp oil$"):
            opened(declared(tmp_path))

    @pytest.mark.parametrize(
        ("answer", "reason"),
        [
            ("return None", "but NoneType$"),
            ("return 1 / 0", "it broke: ZeroDivisionError: division by zero$"),
            ("return Waiting(None, 'x')", "calls the request is no printable text"),
            ("return Waiting('a\\nb', 'x')", "calls the request is no printable text"),
            ("return Waiting('a' * 2000, 'x')", "calls the request is no printable text"),
            ("return Waiting('a', None)", "does not say what for$"),
            ("return Waiting('a', ' ')", "does not say what for$"),
            (
                "return Waiting('a', 'x', datetime(2027, 1, 1))",
                "its next try is no instant with a time zone$",
            ),
            ("return Waiting('a', 'x', 'soon')", "its next try is no instant with a time zone$"),
            ("return Waiting('a', 'x', LATEST)", "its next try is no instant that there is$"),
            ("return Issued(b'-----BEGIN', LATEST)", "its certificate is no text, but bytes$"),
            ("return Issued(None, LATEST)", "its certificate is no text, but NoneType$"),
            ("return Issued('', None)", "the end of its certificate is no instant with a time zone$"),
        ],
    )
    def test_is_told_where_it_does_not_answer(
        self, install: Install, tmp_path: Path, answer: str, reason: str
    ) -> None:
        install(answering(answer))
        with pytest.raises(RequestRefused, match=reason):
            opened(declared(tmp_path)).issue(REQUEST)

    def test_is_quoted_on_one_line_that_is_not_long(self, install: Install, tmp_path: Path) -> None:
        install(answering("return Waiting('a', 'x\\x1b[31m\\n' + 'y' * 100_000)"))
        said = opened(declared(tmp_path)).issue(REQUEST)
        assert isinstance(said, Waiting)
        assert said.reason.isprintable()
        assert len(said.reason) <= 200

    @pytest.mark.parametrize("kind", [IssuerUnusable, RequestRefused])
    def test_is_quoted_so_also_where_it_fails(
        self, install: Install, tmp_path: Path, kind: type[IssuerFailed]
    ) -> None:
        install(answering(f"raise {kind.__name__}(None, 'x\\n' * 100_000, b'y')"))
        with pytest.raises(kind) as caught:
            opened(declared(tmp_path)).issue(REQUEST)
        assert (caught.value.issuer, caught.value.hint) == ("house", "b'y'")
        assert len(caught.value.reason) <= 200
