"""The table of capabilities says what Microsoft's cmdlet pages say, for every build and role."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from reconciler.cmdlets.capabilities import PARAMETERS, lacking, lacks
from reconciler.cmdlets.releases import (
    NEWEST,
    OLDEST,
    RELEASES,
    build_text,
    is_newer_than_known,
    is_older_than_known,
    newest_of,
    release_of,
)
from reconciler.lab.exchange.builds import build_of_token
from reconciler.operations.experiments import COMMANDS, SETTINGS
from state.resources import Build, Kind, ReceiveConnector, SendConnector
from tests.published import BUILDS, VERSIONS, pages
from tests.rules import rule

ROOT = Path(__file__).parents[3]
PAGES = pages()
CMDLET = re.compile(r"(?:Get|New|Set|Remove|Enable|Import|Export|Start)-[A-Z][A-Za-z]+")
EX1 = Build(15, 2, 2562, 17)


def build_of(token: str) -> Build:
    """The lab's number: its list is another one than ours."""
    return Build(*build_of_token(token).version)


class TestTheTable:
    @rule("1-2", "1-4", "2.1-3", "2.2-1", "3-15", "3-21", "4-10")
    @pytest.mark.parametrize("edge", [False, True], ids=["mailbox", "edge"])
    @pytest.mark.parametrize("token", BUILDS)
    def test_says_what_the_pages_say(self, token: str, edge: bool) -> None:
        build = build_of(token)
        for cmdlet, parameters in PARAMETERS.items():
            page = PAGES[cmdlet]
            for name, scope in parameters.items():
                published = page.has(cmdlet, name, token, edge=edge)
                assert scope.holds(build, edge=edge) is published, (cmdlet, name)

    def test_holds_every_cmdlet_that_the_program_sends(self) -> None:
        """Whole literals are: names in docstrings and messages are not, nor is what a view shows.

        What only experiments ask needs no table: it is sent to find out who has it.
        """
        sent = {
            node.value
            for path in (ROOT / "reconciler").rglob("*.py")
            if not {"lab", "views"} & set(path.relative_to(ROOT / "reconciler").parts[:-1])
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and CMDLET.fullmatch(node.value)
        }
        assert sent - {*SETTINGS, COMMANDS} <= PARAMETERS.keys()
        assert "New-SendConnector" in sent

    @pytest.mark.parametrize("kind", [SendConnector, ReceiveConnector])
    def test_holds_every_attribute_that_is_declared(
        self, kind: type[SendConnector] | type[ReceiveConnector]
    ) -> None:
        for attribute in kind.attributes().values():
            if attribute.kind is Kind.WRITABLE:
                lacks(kind, attribute.exchange, None, edge=False)


class TestWhatIsLacking:
    @rule("3-15")
    def test_is_told_by_the_build(self) -> None:
        old = OLDEST.first
        given = {"Name": "x", "TlsCertificateName": "<I>CN=a<S>CN=b"}
        assert lacking("New-SendConnector", given, old, edge=False) == ("TlsCertificateName",)
        assert lacking("New-SendConnector", given, newest_of("2013").first, edge=False) == ()

    @rule("1-4")
    def test_is_told_by_the_role(self) -> None:
        given = {"DomainController": "dc1", "SourceTransportServers": ("EX1",)}
        assert set(lacking("Set-SendConnector", given, EX1, edge=True)) == set(given)
        assert lacking("Set-SendConnector", {"SourceIPAddress": "192.0.2.1"}, EX1, edge=False)

    @rule("3-19", "4-9")
    @pytest.mark.parametrize(
        ("cmdlet", "given", "told"),
        [
            (
                "Set-SendConnector",
                {"ErrorPolicies": "DowngradeDnsFailures, DowngradeAuthFailures"},
                {"SE": "ErrorPolicies DowngradeAuthFailures"},
            ),
            (
                "Set-ReceiveConnector",
                {"TlsDomainCapabilities": ("a.example:AcceptOorgProtocol, AcceptCloudServicesMail",)},
                {"2010": "TlsDomainCapabilities AcceptCloudServicesMail"},
            ),
        ],
    )
    def test_may_be_a_value(self, cmdlet: str, given: dict[str, object], told: dict[str, str]) -> None:
        for version in ("SE", "2010"):
            expected = (told[version],) if version in told else ()
            assert lacking(cmdlet, given, newest_of(version).first, edge=False) == expected

    def test_is_nothing_where_the_build_is_not_known(self) -> None:
        assert not lacking("Set-SendConnector", {"TlsCertificateName": None}, None, edge=False)


class TestTheReleases:
    def test_are_those_that_are_promised_newest_first(self) -> None:
        assert [release.first for release in RELEASES] == [build_of(token) for token in BUILDS]
        assert list(dict.fromkeys(release.version for release in RELEASES)) == list(VERSIONS)

    def test_know_their_name_whatever_the_security_update(self) -> None:
        assert str(release_of(Build(15, 2, 1748, 39))) == "Exchange 2019 CU15"
        assert build_text(Build(15, 2, 1748, 39)) == "Exchange 2019 CU15 (15.2.1748.39)"

    def test_call_one_between_them_by_its_number(self) -> None:
        assert build_text(Build(15, 1, 2308, 8)) == "15.1.2308.8"

    @pytest.mark.parametrize(
        ("build", "newer", "older"),
        [
            (NEWEST.first, False, False),
            (Build(15, 2, 2562, 35), False, False),  # the same with a security update
            (Build(15, 2, 3000, 1), True, False),
            (Build(16, 0, 1, 1), True, False),
            (OLDEST.first, False, False),
            (Build(14, 2, 247, 5), False, True),
            (Build(8, 3, 83, 6), False, True),
        ],
        ids=str,
    )
    def test_have_a_newest_and_an_oldest(self, build: Build, newer: bool, older: bool) -> None:
        assert is_newer_than_known(build) is newer
        assert is_older_than_known(build) is older

    def test_a_newer_one_has_what_the_newest_has(self) -> None:
        for cmdlet, parameters in PARAMETERS.items():
            given = dict.fromkeys(parameters)
            for edge in (False, True):
                assert lacking(cmdlet, given, Build(16, 0, 1, 1), edge=edge) == lacking(
                    cmdlet, given, NEWEST.first, edge=edge
                )
