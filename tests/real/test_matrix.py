"""The main job by every way in: a certificate and three connectors, planned, applied, nothing left to do."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from functools import cache
from itertools import count
from pathlib import Path

import pytest

from reconciler.lab import authority, process
from reconciler.lab.accounts import Account, credential_file, open_accounts
from reconciler.lab.call import Role
from reconciler.lab.control import ThreadedLab
from reconciler.lab.emulator import utc_now
from reconciler.lab.exchange import open_exchange
from reconciler.operations.applying import run_apply
from reconciler.operations.inputs import Inputs, Surroundings
from reconciler.operations.planning import run_plan
from tests.authority import rsa_key
from tests.contoso import unheard
from tests.kdc import NEEDS, REALM, TicketOffice, is_missing, ticket_office
from tests.matrix import BUILDS, Run, every, runs, table

README = Path(__file__).parents[2] / "README.md"
DECLARED = """
version: 1
organization: contoso
issuers: {{house: {{type: local, certificate: ca.pem, key: ca.key}}}}
partners: {{trusted: [fabrikam.com], broken: [oldmail.example]}}
servers:
  {server}:
    role: {role}
    certificates:
      public: {{subject: "CN=mail.contoso.com", domains: [mail.contoso.com], services: [SMTP], issuer: house}}
    send_connectors:
      tls_required: {{to: trusted, {presents}}}
      tls_never: {{to: broken}}
      opportunistic: {{to: ["*"], {presents}}}
"""


class Prepared:
    """Folders to copy labs from: making accounts, authorities and servers anew costs more than a run."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._base = folder / "base"
        process.make_private_directory(self._base)
        authority.open_authorities(self._base, utc_now())
        self.accounts = open_accounts(self._base)
        authority.open_client_certificates(self._base, [one.name for one in self.accounts], utc_now())
        self.organization = cache(self._organization)

    def _organization(self, build: str, is_edge: bool) -> Path:
        """The folder of a lab of one server."""
        keys = count()
        folder = shutil.copytree(self._base, self._folder / f"{build}-{is_edge}")
        open_exchange(
            folder,
            servers=int(not is_edge),
            edges=int(is_edge),
            build=build,
            from_clixml=None,
            now=utc_now,
            new_key=lambda bits: rsa_key(next(keys) % 40, bits),
        )
        return folder

    def lab(self, run: Run, directory: Path) -> ThreadedLab:
        """A lab of its own for one run."""
        shutil.copytree(self.organization(run.build, run.endpoint == "winrm"), directory)
        keys = count(20)
        exchange = open_exchange(
            directory,
            servers=0,
            edges=0,
            build=run.build,
            from_clixml=None,
            now=utc_now,
            new_key=lambda bits: rsa_key(next(keys) % 40, bits),
        )
        return ThreadedLab(exchange, directory)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    return Prepared(tmp_path_factory.mktemp("prepared"))


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory, prepared: Prepared) -> Iterator[TicketOffice]:
    with ticket_office(tmp_path_factory.mktemp("office")) as running:
        running.know(administrator(prepared))
        running.fetch_ticket(administrator(prepared))
        yield running


def administrator(prepared: Prepared) -> Account:
    return next(account for account in prepared.accounts if account.role is Role.ADMIN)


def connections(run: Run, lab: ThreadedLab, server: str) -> Path:
    """A connections file that leads to the lab by the way of a run."""
    url = lab.url(server) if run.scheme == "https" else lab.http(server)
    account = lab.account()
    how: dict[str, str] = {"auth": run.sign_on, "credential": f"file:{credential_file(Role.ADMIN)}"}
    if run.sign_on == "certificate":
        how["credential"] = f"file:{authority.client_certificate(account.name)}"
    elif run.sign_on == "kerberos":
        process.write_private(
            lab.directory / "principal.credential", f"{account.name}@{REALM}:{account.password}".encode()
        )
        how["credential"] = "file:principal.credential"
    elif run.sign_on == "kerberos, tickets":
        how = {"auth": "kerberos"}
    entry = {
        "url": url.replace("127.0.0.1", "localhost"),  # what tickets are for
        "endpoint": run.endpoint,
        "ca": authority.CA,
        **how,
    }
    issuer = {"type": "local", "certificate": authority.ISSUER, "key": authority.ISSUER_KEY}
    path = lab.directory / "way.yaml"
    path.write_text(json.dumps({"servers": {server: entry}, "issuers": {"*": issuer}}))
    return path


def declared(run: Run, path: Path, server: str) -> Path:
    """2010 knows no binding by name: there a connector presents what fits its FQDN."""
    presents = "fqdn: mail.contoso.com" if run.build.startswith("2010") else "certificate: public"
    role = "edge" if run.endpoint == "winrm" else "mailbox"
    path.write_text(DECLARED.format(server=server, role=role, presents=presents))
    return path


@pytest.mark.parametrize("run", runs(), ids=str)
def test_the_main_job_is_done(
    run: Run, prepared: Prepared, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """One server, few objects: what differs is how it is reached and what it is."""
    if run.sign_on.startswith("kerberos"):
        if is_missing:
            pytest.skip(NEEDS)
        request.getfixturevalue("office")
    server = "EDGE1" if run.endpoint == "winrm" else "MBX1"
    with prepared.lab(run, tmp_path / "lab") as lab:
        file = declared(run, tmp_path / "tls.yaml", server)
        inputs = Inputs(file, connections=connections(run, lab, server), state=tmp_path / "state")
        assert {change.action.value for change in run_plan(inputs, Surroundings(unheard)).plan.changes} == {
            "create"
        }
        outcome = run_apply(inputs, Surroundings(unheard), lambda planned: True)
        assert outcome.applied is not None
        assert run_plan(inputs, Surroundings(unheard)).plan.is_empty
        made = [one["cmdlet"] for one in lab.status()["cmdlets"] if one["mutating"]]
        assert made.count("New-SendConnector") == 3
        assert made.count("Import-ExchangeCertificate") == 1


class TestTheMatrix:
    def test_has_every_way_on_the_newest_build_and_every_build_by_one_way(self) -> None:
        assert set(every(BUILDS[0])) <= set(runs())
        assert {run.build for run in runs() if (run.endpoint, run.sign_on) == ("exchange", "basic")} == set(
            BUILDS
        )

    def test_has_every_pair(self) -> None:
        """What goes wrong between two of build, endpoint, scheme and sign-on goes wrong here."""
        possible = {pair for build in BUILDS for run in every(build) for pair in run.pairs}
        assert possible == {pair for run in runs() for pair in run.pairs}

    def test_is_what_the_readme_shows(self) -> None:
        """``python -m tests.matrix`` prints the table."""
        assert table() in README.read_text(encoding="utf-8")
