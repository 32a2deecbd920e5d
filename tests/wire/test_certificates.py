"""The `certificates` command on the wire, once in each form, read by those who know the form."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import icalendar
import pytest
from cryptography.hazmat.primitives import hashes
from prometheus_client.parser import text_string_to_metric_families

from reconciler.cli import main
from reconciler.lab.control import ThreadedLab
from tests.contoso import ONE_SERVER, Contoso, contoso
from tests.wire.clocked import served

PUBLIC = "certificate.MBX1.public"


@pytest.fixture(scope="module")
def organization(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Contoso]:
    """One server where all is applied."""
    folder = tmp_path_factory.mktemp("certificates")
    path = folder / "tls.yaml"
    path.write_text(ONE_SERVER, encoding="utf-8")
    with contoso(folder, path, servers=1, edges=0) as running:
        assert running.apply().applied
        yield running


@pytest.fixture
def lab(organization: Contoso) -> ThreadedLab:
    return organization.lab


@pytest.fixture
def asked(organization: Contoso) -> list[str]:
    """The command, with what it needs."""
    return ["certificates", str(organization.path), *organization.options()]


def shown(asked: list[str], *options: str) -> None:
    assert main([*asked, *options]) == 0


def told(asked: list[str], capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    """The certificate as `--json` has it: what the other forms are held against."""
    shown(asked, "--json")
    document = json.loads(capsys.readouterr().out)
    [one] = [one for one in document["certificates"] if one["address"] == PUBLIC]
    found: dict[str, str] = one
    return found


def test_the_table_names_its_end(asked: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    one = told(asked, capsys)
    shown(asked)
    table = capsys.readouterr().out
    assert PUBLIC.removeprefix("certificate.") in table
    assert one["expires"][: len("2027-02-22")] in table


def test_json_is_what_exchange_and_the_world_have(
    asked: list[str], lab: ThreadedLab, capsys: pytest.CaptureFixture[str]
) -> None:
    one, there = told(asked, capsys), served(*lab.smtp("MBX1"))
    assert one["state"] == "bound"
    assert one["thumbprint"] == there.fingerprint(hashes.SHA1()).hex().upper()  # noqa: S303
    assert datetime.fromisoformat(one["expires"]) == there.not_valid_after_utc


def test_prometheus_is_what_its_own_parser_takes(
    asked: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    one = told(asked, capsys)
    shown(asked, "--as", "prometheus")
    families = list(text_string_to_metric_families(capsys.readouterr().out))
    assert {family.type for family in families} == {"gauge"}
    samples = {family.name.removeprefix("exchange_tls_certificate_"): family.samples for family in families}
    labels = {name: one[name] for name in ("server", "issuer", "thumbprint")} | {"address": PUBLIC}
    for name, key in (("expiry", "expires"), ("renewal", "renewal"), ("deadline", "deadline")):
        [sample] = samples.pop(f"{name}_timestamp_seconds")
        assert sample.labels == labels
        assert sample.value == datetime.fromisoformat(one[key]).timestamp()
    [state] = samples.pop("state")
    assert (state.labels, state.value) == ({**labels, "state": "bound"}, 1)
    assert samples.keys() == {"state_since_timestamp_seconds"}


def test_the_calendar_is_what_a_calendar_library_takes(
    asked: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """From the file that --out writes, as a calendar that subscribes to it gets it."""
    one, file = told(asked, capsys), tmp_path / "certificates.ics"
    shown(asked, "--as", "icalendar", "--out", str(file))
    calendar = icalendar.Calendar.from_ical(file.read_bytes())
    events = {str(event["summary"]): event for event in calendar.walk("VEVENT")}
    assert {name: event["dtstart"].dt for name, event in events.items()} == {
        f"Renewal due: {PUBLIC}": datetime.fromisoformat(one["renewal"]),
        f"Expires: {PUBLIC}": datetime.fromisoformat(one["expires"]),
    }
    assert len({str(event["uid"]) for event in events.values()}) == len(events)
    assert not [event.errors for event in events.values() if event.errors]


def test_a_server_that_lets_nobody_in_loses_nothing_in_a_feed(
    organization: Contoso, asked: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its numbers are the record's then, and the exit code says that not all could be read."""
    file, credential = tmp_path / "certificates.prom", tmp_path / "wrong.credential"
    shown(asked, "--as", "prometheus", "--out", str(file))
    before = [line for line in file.read_text().splitlines() if "_expiry_" in line or "_renewal_" in line]
    credential.write_text("admin:wrong", encoding="utf-8")
    credential.chmod(0o600)
    connections = organization.lab.connections()
    wrong = connections.with_name("wrong.yaml")
    wrong.write_text(re.sub(r"file:[^,}\s\"']+credential", f"file:{credential}", connections.read_text()))
    options = [str(wrong) if word == str(connections) else word for word in asked]
    assert main([*options, "--as", "prometheus", "--out", str(file)]) == 1
    after = file.read_text()
    assert [line for line in after.splitlines() if "_expiry_" in line or "_renewal_" in line] == before
    assert 'state="unknown"' in after
    assert "--target" not in capsys.readouterr().err
