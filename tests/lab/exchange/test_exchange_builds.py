"""Servers of several builds in one organization, and what each of them shows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reconciler.lab.exchange.builds import UnknownBuild, build_of_token, builds_of_texts, every_build, newest
from tests.lab.exchange.conftest import Lab
from tests.published import BUILDS
from tests.rules import rule

LabMaker = Callable[..., Lab]
BOUND = "<I>CN=House CA<S>CN=mail.contoso.com"


class TestBuildsAsTheyAreWritten:
    def test_are_all_there(self) -> None:
        assert [build_of_token(token).token for token in BUILDS] == list(BUILDS)

    def test_are_the_newest_where_nothing_is_said(self) -> None:
        assert builds_of_texts([]).of("MBX1") == newest("SE") == every_build()[0]

    def test_are_for_all_servers_or_for_one(self) -> None:
        builds = builds_of_texts(["2019-cu11", "mbx2=2016-CU23", "EDGE1=2013"])
        assert [builds.of(name).token for name in ("MBX1", "MBX2", "EDGE1")] == [
            "2019-cu11",
            "2016-cu23",
            "2013-cu23",
        ]

    @pytest.mark.parametrize(
        ("texts", "told"),
        [
            (["2019-cu99"], "unknown Exchange build '2019-cu99'; known: SE-rtm, 2019-cu15"),
            (["MBX1=1999"], "unknown Exchange build '1999'"),
            (["2019", "SE"], "second build for all servers"),
            (["MBX1=2019", "mbx1=SE"], "second build for mbx1"),
        ],
    )
    def test_are_refused(self, texts: list[str], told: str) -> None:
        with pytest.raises(UnknownBuild, match=told):
            builds_of_texts(texts)

    def test_are_for_servers_that_there_are(self, new_lab: LabMaker) -> None:
        with pytest.raises(UnknownBuild, match="'mbx9', and the servers are: MBX1, EDGE1"):
            new_lab(edges=1, build=["MBX9=2019"])


class TestAMixedOrganization:
    @pytest.fixture
    def mixed(self, new_lab: LabMaker) -> Lab:
        return new_lab(servers=3, edges=1, build=["2016", "MBX1=2010", "EDGE1=2013", "MBX3=SE"])

    def test_tells_the_build_of_each_server(self, mixed: Lab) -> None:
        assert [facts.build for facts in mixed.exchange.servers()] == [
            "2010-sp3",
            "2016-cu23",
            "SE-rtm",
            "2013-cu23",
        ]
        shown = {
            name: mixed.run("Get-ExchangeServer", name)["AdminDisplayVersion"] for name in ("MBX1", "MBX3")
        }
        assert shown == {"MBX1": "Version 14.3 (Build 123.4)", "MBX3": "Version 15.2 (Build 2562.17)"}

    def test_is_the_same_when_it_is_opened_again(self, mixed: Lab) -> None:
        before = [facts.build for facts in mixed.exchange.servers()]
        assert [facts.build for facts in mixed.reopened().servers()] == before

    @rule("1-3", "3-15")
    def test_has_one_list_that_each_server_shows_as_far_as_it_knows_it(self, mixed: Lab) -> None:
        mixed.run(
            "New-SendConnector", Name="a", AddressSpaces=["a.example"], TlsCertificateName=BOUND, on="MBX2"
        )
        assert "TlsCertificateName" not in (mixed.run("Get-SendConnector", on="MBX1").one.properties or {})
        assert mixed.run("Get-SendConnector", on="MBX2")["TlsCertificateName"] == BOUND

    @rule("3-15")
    def test_shows_what_an_old_server_made_as_a_new_one_knows_it(self, mixed: Lab) -> None:
        mixed.run("New-SendConnector", Name="a", AddressSpaces=["a.example"], on="MBX1")
        assert mixed.run("Get-SendConnector", on="MBX3")["TlsCertificateName"] is None
        assert mixed.run("Set-SendConnector", "a", TlsCertificateName=BOUND, on="MBX1").error_id == (
            "NamedParameterNotFound,Set-SendConnector"
        )
        assert not mixed.run("Set-SendConnector", "a", TlsCertificateName=BOUND, on="MBX3").errors

    @rule("1-7", "4-9")
    def test_shows_receive_connectors_as_the_asked_server_knows_them(self, mixed: Lab) -> None:
        properties = mixed.run("Get-ReceiveConnector", "MBX3\\Default MBX3", on="MBX1").one.properties or {}
        assert "TlsCertificateName" not in properties
        assert (
            mixed.run("Get-ReceiveConnector", "MBX1\\Default MBX1", on="MBX3")["TlsCertificateName"] is None
        )

    @rule("1-2", "1-4")
    def test_has_edge_servers_with_the_parameters_of_their_build(self, mixed: Lab) -> None:
        asked: dict[str, Any] = {"Name": "a", "AddressSpaces": ["a.example"], "on": "EDGE1"}
        assert mixed.run("New-SendConnector", **asked, ConnectorType="Default").has_terminated
        assert not mixed.run("New-SendConnector", **asked, FrontendProxyEnabled=False).errors


class TestAValueOfSomeBuilds:
    @rule("3-19")
    @pytest.mark.parametrize(("build", "is_known"), [("2010", True), ("2013", False), ("SE", False)])
    def test_may_be_an_error_policy(self, new_lab: LabMaker, build: str, is_known: bool) -> None:
        asked: dict[str, Any] = {"Name": "a", "AddressSpaces": ["a.example"]}
        result = new_lab(build=build).run(
            "New-SendConnector", **asked, ErrorPolicies="DowngradeDnsFailures, DowngradeAuthFailures"
        )
        assert bool(result.errors) is not is_known
        if not is_known:
            assert result.error_id == "ParameterArgumentTransformationError,New-SendConnector"

    @rule("4-9")
    @pytest.mark.parametrize(("build", "is_known"), [("2010", False), ("2013", True), ("SE", True)])
    def test_may_be_a_capability(self, new_lab: LabMaker, build: str, is_known: bool) -> None:
        result = new_lab(build=build).run(
            "Set-ReceiveConnector",
            "MBX1\\Default MBX1",
            TlsDomainCapabilities=["fabrikam.com:AcceptCloudServicesMail"],
        )
        assert bool(result.errors) is not is_known


class TestAnExport:
    SAMPLES = Path(__file__).parents[1] / "samples"

    def test_takes_a_build_for_a_server_that_is_only_mentioned(self, new_lab: LabMaker) -> None:
        copy = new_lab(servers=0, build=["MBX7=2016-cu22"], from_clixml=self.SAMPLES)
        assert {s.name: s.build for s in copy.exchange.servers()} == {
            "MBX1": "2019-cu11",
            "MBX7": "2016-cu22",
        }

    def test_counts_more_than_what_is_asked_for(self, new_lab: LabMaker) -> None:
        copy: Any = new_lab(servers=0, build=["MBX1=2016-cu22"], from_clixml=self.SAMPLES)
        assert {s.build for s in copy.exchange.servers() if s.name == "MBX1"} == {"2019-cu11"}
        assert any("the exports say 2019-cu11" in remark for remark in copy.exchange.remarks())
