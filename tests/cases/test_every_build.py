"""The main job on every build, and on organizations of several: apply, then plan: empty."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from reconciler.exchange.errors import CmdletMissing, ErrorRecord
from reconciler.exchange.port import Command, Connection, Endpoint, Query, Reader, Result, Writer
from reconciler.operations.applying import run_apply
from reconciler.operations.inputs import Inputs, Surroundings
from reconciler.operations.planning import run_plan
from reconciler.plan.change import Plan
from state.values import UNKNOWN
from tests.contoso import unheard
from tests.direct import DirectLab, direct_lab
from tests.published import BUILDS
from tests.rules import rule

CERTIFICATE = {
    "subject": "CN=mail.contoso.com",
    "domains": ["mail.contoso.com"],
    "services": ["SMTP"],
    "issuer": "house",
}
BOUND = "<I>O=Exchange lab, CN=Lab issuing CA<S>CN=mail.contoso.com"
OLD = "2010-sp3"


def connectors(certificate: str) -> dict[str, Any]:
    bound = {"certificate": certificate} if certificate else {"fqdn": "mail.contoso.com"}
    return {
        "tls_required": {"to": ["fabrikam.com", "adatum.com"], **bound},
        "tls_never": {"to": ["oldmail.example"]},
        "opportunistic": {"to": ["*"], **bound},
    }


def desired(**more: Any) -> dict[str, Any]:
    return {
        "version": 1,
        "organization": "contoso",
        "connection": {"auth": "basic"},
        "issuers": {"house": {"type": "local", "certificate": "ca.pem", "key": "ca.key"}},
        **more,
    }


def one_of_each(token: str) -> dict[str, Any]:
    """A Mailbox server and an Edge server of one build, with all that may be declared there."""
    certificate = "" if token == OLD else "public"
    listener = {"banner": "220 contoso", **({"certificate": "public"} if certificate else {})}
    name = "Default MBX1" if token == OLD else "Default Frontend MBX1"
    version = token.partition("-")[0]
    return desired(
        servers={
            "MBX1": {
                "role": "mailbox",
                "version": version,
                "certificates": {"public": CERTIFICATE},
                "send_connectors": connectors(certificate),
                "receive_connectors": {name: listener},
            },
            "EDGE1": {
                "role": "edge",
                "version": version,
                "certificates": {"public": CERTIFICATE},
                "send_connectors": connectors(certificate),
                "receive_connectors": {"Default internal receive connector EDGE1": listener},
            },
        }
    )


def a_set(*names: str, **attributes: Any) -> dict[str, Any]:
    """One set for several Mailbox servers."""
    of_set = connectors("shared")
    of_set["tls_required"] |= attributes
    return desired(
        servers={name: {"role": "mailbox"} for name in names},
        certificates={"shared": {**CERTIFICATE, "servers": list(names), "key": "per_server"}},
        send_connectors={"internet": {"servers": list(names), **of_set}},
    )


def applied(lab: DirectLab, folder: Path, state: dict[str, Any]) -> tuple[Plan, Plan]:
    """The plan that was applied, and the next one."""
    inputs = Inputs(folder / "tls.yaml", connections=lab.connections(), state=folder / "state")
    inputs.path.write_text(json.dumps(state), encoding="utf-8")
    surroundings = Surroundings(unheard, lambda: lab.now, lab)
    outcome = run_apply(inputs, surroundings, lambda planned: True)
    assert outcome.applied is not None
    assert outcome.applied.is_complete, outcome.applied.diagnostics
    return outcome.planned.plan, run_plan(inputs, surroundings).plan


def converges(lab: DirectLab, folder: Path, state: dict[str, Any]) -> Plan:
    first, second = applied(lab, folder, state)
    assert not first.is_empty
    assert second.is_empty, second.changes
    assert not second.drift
    assert not [change for change in second.changes if change.learned]
    return first


@rule("2.1-3", "2.2-1", "3-15")
@pytest.mark.parametrize("token", BUILDS)
def test_a_build_is_made_as_declared(tmp_path: Path, token: str) -> None:
    lab = direct_lab(tmp_path / "lab", servers=1, build=token)
    first = converges(lab, tmp_path, one_of_each(token))
    assert not [one for one in first.diagnostics if one.subject.startswith("receive_connector")]
    snapshot = lab.exchange.snapshot()
    bound = {
        connector.get("TlsCertificateName")
        for partition in snapshot["send_connectors"].values()
        for connector in partition.values()
    }
    assert bound == ({None} if token == OLD else {None, BOUND})


@rule("1-3", "3-15", "3-21")
@pytest.mark.parametrize(
    ("builds", "names", "runs_on"),
    [
        (["SE", "MBX2=2016-cu22"], ["MBX1", "MBX2"], "MBX1"),
        (["SE", "MBX1=2013"], ["MBX1", "MBX2"], "MBX1"),
        (["2016-cu23", "MBX1=2010"], ["MBX1", "MBX2"], "MBX2"),
        (["2013", "MBX2=2010"], ["MBX2", "MBX1"], "MBX1"),
        (["2019-cu11", "MBX1=2010", "MBX2=2013"], ["MBX1", "MBX2", "MBX3"], "MBX3"),
    ],
    ids=str,
)
def test_a_set_of_several_builds_is_made_as_declared(
    tmp_path: Path, builds: list[str], names: list[str], runs_on: str
) -> None:
    """Its connectors are made where their parameters are, and read where they are shown."""
    lab = direct_lab(tmp_path / "lab", servers=len(names), edges=0, build=builds)
    first = converges(lab, tmp_path, a_set(*names))
    made_on = {server for server, cmdlet, _ in lab.sent if cmdlet == "New-SendConnector"}
    assert runs_on in made_on
    with_a_name = [
        server
        for server, cmdlet, parameters in lab.sent
        if cmdlet == "New-SendConnector" and "TlsCertificateName" in parameters
    ]
    assert set(with_a_name) == {runs_on}
    told = [one.summary for one in first.diagnostics if one.summary == "Not on every source server"]
    assert bool(told) is any("2010" in build for build in builds)


@rule("3-15")
def test_a_binding_is_seen_though_an_old_server_is_asked_first(tmp_path: Path) -> None:
    lab = direct_lab(tmp_path / "lab", servers=2, edges=0, build=["2016-cu23", "MBX1=2010"])
    converges(lab, tmp_path, a_set("MBX1", "MBX2"))
    connection = Connection("MBX2", "https://unused/", Endpoint.EXCHANGE, "admin", "secret")
    with lab.writer(connection) as session:
        name = "internet opportunistic"
        session.run(Command("Set-SendConnector", {"Identity": name, "TlsCertificateName": None}))
    inputs = Inputs(tmp_path / "tls.yaml", connections=lab.connections(), state=tmp_path / "state")
    planned = run_plan(inputs, Surroundings(unheard, lambda: lab.now, lab)).plan
    (change,) = [change for change in planned.changes if change.action.is_mutating]
    assert list(change.attributes) == ["tls_certificate_name"]
    assert [invocation.server for invocation in change.invocations] == ["MBX2"]


class Hiding:
    """Sessions in which one server's Get-SendConnector is hidden from the account."""

    def __init__(self, lab: DirectLab, server: str) -> None:
        self._lab = lab
        self._server = server

    @contextmanager
    def reader(self, connection: Connection) -> Iterator[Reader]:
        with self._lab.reader(connection) as session:
            yield _HidingReader(session) if connection.server == self._server else session

    @contextmanager
    def writer(self, connection: Connection) -> Iterator[Writer]:
        with self._lab.writer(connection) as session:
            yield session


class _HidingReader:
    def __init__(self, session: Reader) -> None:
        self._session = session
        self.server = session.server

    def read(self, queries: Sequence[Query]) -> tuple[Result, ...]:
        missing = CmdletMissing(
            self.server,
            "Get-SendConnector",
            ErrorRecord("CommandNotFoundException", 13, "", "Get-SendConnector", "", "not recognized"),
        )
        results = self._session.read(queries)
        return tuple(
            Result(failure=missing) if query.cmdlet == "Get-SendConnector" else result
            for query, result in zip(queries, results, strict=True)
        )


@rule("3-15")
def test_what_an_old_server_told_counts_where_the_new_one_tells_nothing(tmp_path: Path) -> None:
    """The binding is unknown then, not absent: as it was recorded, it is not set again."""
    lab = direct_lab(tmp_path / "lab", servers=2, edges=0, build=["2016-cu23", "MBX1=2010"])
    converges(lab, tmp_path, a_set("MBX1", "MBX2"))
    inputs = Inputs(tmp_path / "tls.yaml", connections=lab.connections(), state=tmp_path / "state")
    surroundings = Surroundings(unheard, lambda: lab.now, Hiding(lab, "MBX2"))
    planned = run_plan(inputs, surroundings)
    assert planned.plan.is_empty, planned.plan.changes
    assert planned.live.organization.send_connectors.objects[0].tls_certificate_name is UNKNOWN


@rule("3-21")
def test_a_parameter_that_one_source_server_has_is_enough(tmp_path: Path) -> None:
    lab = direct_lab(tmp_path / "lab", servers=2, edges=0, build=["2013", "MBX2=SE"])
    converges(lab, tmp_path, a_set("MBX1", "MBX2", connector_type="Default"))


@rule("3-15")
def test_a_binding_that_no_server_has_is_told_and_nothing_is_sent(tmp_path: Path) -> None:
    """Exchange 2010 presents the certificate that is enabled for SMTP and holds the connector's FQDN."""
    lab = direct_lab(tmp_path / "lab", servers=1, edges=0, build="2010")
    inputs = Inputs(tmp_path / "tls.yaml", connections=lab.connections(), state=tmp_path / "state")
    inputs.path.write_text(json.dumps(a_set("MBX1")), encoding="utf-8")
    planned = run_plan(inputs, Surroundings(unheard, lambda: lab.now, lab)).plan
    told = [one for one in planned.diagnostics if one.summary == "Not on this build"]
    assert {one.subject for one in told} == {
        "send_connector.internet.tls_required",
        "send_connector.internet.opportunistic",
    }
    assert not [change for change in planned.changes if str(change.address) in {one.subject for one in told}]
