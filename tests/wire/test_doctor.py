"""What is wrong on the way to a server is named, with what to do; the report says nothing of anybody."""

from __future__ import annotations

import json
import os
import re
import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from reconciler.diagnostics import StepExamined
from reconciler.lab import faults as lab_faults
from reconciler.lab.control import ThreadedLab, open_threaded
from reconciler.operations.doctoring import Examination, Examined, run_doctor
from reconciler.operations.failed import OperationFailed
from reconciler.operations.inputs import Surroundings
from tests.contoso import unheard

SAMPLES = Path(__file__).parents[1] / "lab" / "samples"
FOLDERS = [SAMPLES, *(Path(name) for name in [os.environ.get("EXCHANGE_CORPUS", "")] if name)]
Change = Callable[[dict[str, Any]], None]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ThreadedLab]:
    with open_threaded(tmp_path_factory.mktemp("doctor") / "lab", servers=1, edges=1) as running:
        yield running


def examine(
    lab: ThreadedLab, change: Change | None = None, *, server: str = "MBX1", now: datetime | None = None
) -> Examined:
    """Examine one server, its connection changed; the file stands beside the lab's own."""
    settings = json.loads(lab.connections().read_text("utf-8"))
    settings["servers"] = {server: settings["servers"][server]}
    if change:
        change(settings["servers"][server])
    path = lab.directory / "connections-of-doctor.yaml"
    path.write_text(json.dumps(settings), encoding="utf-8")
    surroundings = Surroundings(unheard, now=lambda: now or datetime.now(UTC))
    [examined] = run_doctor(None, path, surroundings, evidence=False).servers
    return examined


def the_bad(examined: Examined) -> StepExamined:
    """The one step that is bad; nothing comes after it."""
    [bad] = [step for step in examined.steps if step.is_bad]
    assert examined.steps[-1] is bad
    return bad


class TestAServerThatIsWell:
    @pytest.mark.parametrize("server", ["MBX1", "EDGE1"])
    def test_is_gone_to_and_read(self, lab: ThreadedLab, server: str) -> None:
        examined = examine(lab, server=server)
        assert examined.is_well
        assert not [step for step in examined.steps if step.remedy]
        assert [step.step for step in examined.steps][:7] == [
            "credential",
            "name",
            "port",
            "tls",
            "endpoint",
            "clock",
            "session",
        ]
        assert "Get-ExchangeCertificate" in {step.step for step in examined.steps}
        assert examined.steps[-1].found.startswith("Exchange SE")


class TestTheCauseIsNamed:
    def test_of_a_name_that_nobody_knows(self, lab: ThreadedLab) -> None:
        bad = the_bad(examine(lab, lambda its: its.update(url="https://no.such.host.invalid/PowerShell/")))
        assert bad.step == "name"
        assert "DNS" in bad.remedy

    def test_of_a_port_that_is_closed(self, lab: ThreadedLab) -> None:
        with closing(socket.create_server(("127.0.0.1", 0))) as taken:
            port = taken.getsockname()[1]
        bad = the_bad(examine(lab, lambda its: its.update(url=f"https://127.0.0.1:{port}/PowerShell/")))
        assert (bad.step, "443" in bad.remedy) == ("port", True)

    def test_of_an_authority_that_is_not_trusted(self, lab: ThreadedLab) -> None:
        bad = the_bad(examine(lab, lambda its: its.pop("ca")))
        assert (bad.step, "with ca" in bad.remedy) == ("tls", True)

    def test_of_a_port_that_speaks_no_tls(self, lab: ThreadedLab) -> None:
        url = lab.http("MBX1").replace("http:", "https:")
        bad = the_bad(examine(lab, lambda its: its.update(url=url)))
        assert (bad.step, "http://" in bad.remedy) == ("tls", True)

    def test_of_a_path_that_is_not_there(self, lab: ThreadedLab) -> None:
        bad = the_bad(examine(lab, lambda its: its.update(url=its["url"].replace("PowerShell", "Power"))))
        assert (bad.step, "/PowerShell/" in bad.remedy) == ("endpoint", True)

    def test_of_a_way_to_sign_on_that_is_not_offered(self, lab: ThreadedLab) -> None:
        bad = the_bad(examine(lab, lambda its: its.update(auth="credssp")))
        assert bad.step == "endpoint"
        assert "negotiate" in bad.found

    def test_of_a_reference_that_leads_nowhere(self, lab: ThreadedLab) -> None:
        bad = the_bad(examine(lab, lambda its: its.update(credential="env:NO_SUCH_VARIABLE_HERE")))
        assert bad.step == "credential"

    def test_of_a_wrong_password(self, lab: ThreadedLab) -> None:
        wrong = lab.directory / "wrong.credential"
        wrong.write_text("admin:wr0ng", encoding="utf-8")
        wrong.chmod(0o600)
        bad = the_bad(examine(lab, lambda its: its.update(credential="file:wrong.credential")))
        assert bad.step == "session"
        assert "wr0ng" not in bad.found + bad.remedy

    def test_of_clocks_that_are_apart(self, lab: ThreadedLab) -> None:
        """With Basic it does not matter, so it is told and the way goes on."""
        later = datetime.now(UTC) + timedelta(minutes=7)
        examined = examine(lab, now=later)
        [clock] = [step for step in examined.steps if step.step == "clock"]
        assert clock.is_warning
        assert "behind" in clock.found
        assert examined.is_well

        def negotiates(its: dict[str, Any]) -> None:
            its.update(auth="negotiate", url=lab.http("MBX1"))
            its.pop("ca")

        assert the_bad(examine(lab, negotiates, now=later)).step == "clock"

    def test_of_another_server_under_the_address(self, lab: ThreadedLab) -> None:
        settings = json.loads(lab.connections().read_text("utf-8"))
        edge = settings["servers"]["EDGE1"]["url"]
        bad = the_bad(examine(lab, lambda its: its.update(url=edge)))
        assert (bad.step, "/wsman" in bad.remedy) == ("session", True)

    def test_of_a_cmdlet_that_a_role_hides(self, tmp_path: Path) -> None:
        """The rest is read all the same."""
        rules = tmp_path / "rules.json"
        rules.write_text('[{"server": "MBX1", "hides": "Get-SendConnector"}]', encoding="utf-8")
        assert lab_faults.read_faults(rules)
        with open_threaded(tmp_path / "lab", servers=1, edges=0, faults=rules) as hiding:
            examined = examine(hiding)
        [bad] = [step for step in examined.steps if step.is_bad]
        assert bad.step == "Get-SendConnector"
        assert "role group" in bad.remedy
        assert "Get-ReceiveConnector" in {step.step for step in examined.steps}


def test_what_a_build_never_had_is_no_fault_of_its_server(tmp_path: Path) -> None:
    """Exchange 2010 has no auth configuration."""
    with open_threaded(tmp_path / "lab", servers=1, edges=0, exchange="2010-sp3") as old:
        steps = {step.step: step for step in examine(old).steps}
    assert "Get-AuthConfig" not in steps
    assert not steps["Get-FederationTrust"].is_bad


def test_nothing_to_examine_is_told() -> None:
    with pytest.raises(OperationFailed) as caught:
        run_doctor(None, None, Surroundings(unheard), evidence=False)
    assert [one.summary for one in caught.value.diagnostics] == ["Nothing to examine"]


class TestTheReport:
    def test_tells_what_answers_look_like(self, lab: ThreadedLab) -> None:
        examination = run_doctor(None, lab.connections(), Surroundings(unheard), evidence=True)
        mailbox, edge = (one.evidence for one in examination.servers)
        assert isinstance(mailbox, dict)
        assert isinstance(edge, dict)
        told = {answer["cmdlet"]: answer for answer in mailbox["answers"]}
        [first, *_] = told["Get-ExchangeCertificate"]["certificates"]
        assert first["serialization_data"] == "signed"
        assert first["status"] == 1
        assert "15 Tls, Integrated" in str(told["Get-ReceiveConnector"]["enumerations"]["AuthMechanism"])
        assert "99 AA (99,999,999 aaa+)" in told["Get-ReceiveConnector"]["texts"]["MaxMessageSize"]
        [partial, _] = sorted(mailbox["partial"], key=lambda one: str(one["cmdlet"]))
        assert {one["serialization_data"] for one in partial["certificates"]} == {"missing"}
        assert {one["error"] for one in mailbox["pinned"]} == {None}
        seen = {answer["cmdlet"]: answer for answer in edge["answers"]}
        assert {one["serialization_data"] for one in seen["Get-ExchangeCertificate"]["certificates"]} == {
            "missing"
        }

    def test_holds_the_experiments(self, tmp_path: Path) -> None:
        """Each that only reads, of a server and of another one through it."""
        with open_threaded(tmp_path / "lab", servers=2, edges=0) as two:
            first, _ = (one.evidence for one in examined_with_evidence(two).servers)
        assert isinstance(first, dict)
        assert first["session"] == {"protocol": "2.3", "batches": True}
        assert (first["tls"], first["offered"]) == (["TLSv1.3"], ["negotiate", "ntlm", "basic"])
        assert "Exchange SE" in first["build"][0]
        assert [one["cmdlet"] for one in first["elsewhere"]] == [
            "Get-ExchangeCertificate",
            "Get-ReceiveConnector",
            "Get-PopSettings",
            "Get-ImapSettings",
        ]
        [missed] = first["missed"]
        assert (missed["count"], missed["error"]["class"]) == (0, "ManagementObjectNotFoundException")
        assert all(isinstance(place, int) for order in first["chosen"] for place in order)
        assert first["chosen"]
        assert {one["cmdlet"] for one in first["settings"]} >= {"Get-AuthConfig", "Get-TransportService"}
        assert first["commands"]["New-SendConnector"] == {"error": "CommandNotFoundException"}

    def test_has_the_keys_that_are_documented(self, lab: ThreadedLab) -> None:
        """And no others; one is there only when something went wrong, one needs a second server."""
        found: set[str] = set()
        for one in examined_with_evidence(lab).servers:
            found |= keys(one.evidence)
        documented = set(re.findall(r"`([a-z_.]+)`(?=[^|]*\|[^|]*\|$)", DOCUMENTED, re.M))
        assert documented == found | {"elsewhere", "ended_by"}

    def test_of_a_server_that_takes_no_batches_says_so(self, tmp_path: Path) -> None:
        rules = tmp_path / "rules.json"
        rules.write_text('[{"server": "MBX1", "batches": "fault"}]', encoding="utf-8")
        with open_threaded(tmp_path / "lab", servers=1, edges=0, faults=rules) as stern:
            [one] = examined_with_evidence(stern).servers
        assert isinstance(one.evidence, dict)
        assert one.evidence["session"]["batches"] is False

    def test_says_nothing_of_anybody(self, lab: ThreadedLab) -> None:
        """No name, domain, thumbprint, account or password: whoever gets it learns nothing of the sender."""
        report = report_of(lab)
        certificates = json.dumps(lab._exchange.snapshot()["servers"])  # what is in the organization
        words = {"mbx1", "edge1", "contoso", "127.0.0.1", "first organization"}
        words |= {f'"{lab.account().name}"', lab.account().password}
        words |= {one.casefold() for one in certificates.split('"') if len(one) == 40 and one.isalnum()}
        assert not [word for word in words if word.casefold() in report]

    @pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
    def test_repeats_no_value_of_what_was_exported(self, tmp_path: Path, folder: Path) -> None:
        """Real objects hold what nobody thought of. Names of types, properties and choices are no values."""
        with open_threaded(tmp_path / "lab", edges=0, from_clixml=folder) as copy:
            report = report_of(copy)
        values, names = exported(folder)
        assert len(values) > 50
        words = {word for word in re.split(r'["\\]', report) if word}
        assert not [
            value for value in values - names if value in words or (len(value) > 15 and value in report)
        ]


DOCUMENTED = (Path(__file__).parents[2] / "docs" / "evidence.md").read_text(encoding="utf-8")
OPEN = {"members", "enumerations", "texts", "commands"}
"""Their keys are names of Exchange's."""
LIKE_ANSWERS = {"pinned", "partial", "settings", "elsewhere", "missed"}


def keys(told: object, prefix: str = "") -> set[str]:
    """The keys of a report, with dots where one is below another."""
    if isinstance(told, list):
        return {key for one in told for key in keys(one, prefix)}
    if not isinstance(told, dict):
        return set()
    found: set[str] = set()
    for name, value in told.items():
        key = f"{prefix}.{name}" if prefix else name
        found.add(key)
        if name not in OPEN:
            found |= keys(value, "answers" if name in LIKE_ANSWERS else key)
    return found


def examined_with_evidence(lab: ThreadedLab) -> Examination:
    return run_doctor(None, lab.connections(), Surroundings(unheard), evidence=True)


def report_of(lab: ThreadedLab) -> str:
    return json.dumps([one.evidence for one in examined_with_evidence(lab).servers]).casefold()


def exported(folder: Path) -> tuple[set[str], set[str]]:
    """The texts among exported objects that are longer than five characters, and what are names in them."""
    values, names = set[str](), set[str]()
    for path in folder.glob("*.xml"):
        for element in ElementTree.parse(path).iter():  # noqa: S314 - files of ours
            tag, text = element.tag.rpartition("}")[2], (element.text or "").casefold()
            names.add(element.get("N", "").casefold())
            if tag == "T":
                names.add(text)
            elif tag in ("S", "ToString", "G", "DT") and len(text) > 5:
                values.add(text)
            if element.find("./{*}I32") is not None:  # an enumeration
                names |= {(shown.text or "").casefold() for shown in element.iterfind("./{*}ToString")}
    return values, names
