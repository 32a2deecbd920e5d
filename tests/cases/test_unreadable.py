"""What cannot be read never makes a plan: whatever a server shows wrongly, in every situation of a record."""

from __future__ import annotations

import random
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from reconciler.diagnostics import Severity
from reconciler.lab.call import Look
from reconciler.operations.applying import ApplyOutcome, run_apply
from reconciler.operations.inputs import Inputs, Surroundings
from reconciler.operations.planning import Planned, run_plan
from reconciler.plan.change import Action, Change
from state.address import Address
from state.resources import Kind, ReceiveConnector, SendConnector
from state.values import UNKNOWN
from tests.contoso import EXAMPLE, unheard
from tests.direct import DirectLab, copy_of, direct_lab
from tests.rules import rule

Rule = dict[str, Any]


@dataclass(frozen=True)
class Organization:
    """The example organization on a lab without a wire."""

    lab: DirectLab
    inputs: Inputs

    def plan(self, *rules: Rule) -> Planned:
        self.lab.disturb(*rules)
        return run_plan(self.inputs, self.surroundings)

    def apply(self, *rules: Rule) -> ApplyOutcome:
        self.lab.disturb(*rules)
        return run_apply(self.inputs, self.surroundings, lambda planned: True)

    @property
    def surroundings(self) -> Surroundings:
        return Surroundings(unheard, lambda: self.lab.now, self.lab)


def organization(lab: DirectLab, state: Path) -> Organization:
    return Organization(lab, Inputs(EXAMPLE, connections=lab.connections(), state=state))


SITUATIONS = ("fresh", "applied", "lost")


@dataclass(frozen=True, repr=False)
class Prepared:
    """The same organization before the first apply, after it, and after it without its record.

    Attributes:
        whole: What is planned of each when everything can be read.
    """

    organizations: Mapping[str, Organization]
    whole: Mapping[str, Mapping[Address, Change]]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """Tests only plan here."""
    folder = tmp_path_factory.mktemp("unreadable")
    fresh = organization(direct_lab(folder / "fresh"), folder / "no-state")
    applied = organization(copy_of(fresh.lab.directory, folder / "applied"), folder / "state")
    outcome = applied.apply()
    assert outcome.applied is not None
    assert outcome.applied.is_complete
    lost = organization(copy_of(applied.lab.directory, folder / "lost"), folder / "lost-state")
    organizations = dict(zip(SITUATIONS, (fresh, applied, lost), strict=True))
    whole = {
        name: {change.address: change for change in one.plan().plan.changes}
        for name, one in organizations.items()
    }
    return Prepared(organizations, whole)


@pytest.fixture
def fresh(prepared: Prepared, tmp_path: Path) -> Organization:
    """One to apply to."""
    return organization(
        copy_of(prepared.organizations["fresh"].lab.directory, tmp_path / "lab"), tmp_path / "state"
    )


@pytest.fixture
def applied(prepared: Prepared, tmp_path: Path) -> Organization:
    """One that was applied to, to go on with."""
    source = prepared.organizations["applied"]
    assert source.inputs.state is not None
    shutil.copytree(source.inputs.state, tmp_path / "state")
    return organization(
        copy_of(prepared.organizations["applied"].lab.directory, tmp_path / "lab"), tmp_path / "state"
    )


READ = (
    "Get-ExchangeServer",
    "Get-ExchangeCertificate",
    "Get-SendConnector",
    "Get-ReceiveConnector",
    "Get-AcceptedDomain",
    "Get-OrganizationConfig",
    "Get-EdgeSubscription",
    "Get-AuthConfig",
)
PARAMETERS = (
    "Get-ExchangeServer -Identity",
    "Get-ExchangeCertificate -Server",
    "Get-ReceiveConnector -Server",
    "Get-ExchangeCertificate -DomainController",
    "Get-ReceiveConnector -DomainController",
)
IDENTITIES = ("Guid", "Name", "Identity", "Comment", "Server", "RawData", "SerializationData")
DECLARED = (
    "AddressSpaces",
    "SourceTransportServers",
    "RequireTLS",
    "IgnoreSTARTTLS",
    "TlsAuthLevel",
    "TlsDomain",
    "TlsCertificateName",
    "AdminDisplayVersion",
    "IsEdgeServer",
    "DomainName",
    "OriginatingServer",
)
EVERY = sorted(
    attribute.exchange
    for kind in (SendConnector, ReceiveConnector)
    for attribute in kind.attributes().values()
    if attribute.kind is not Kind.SETTING and attribute.exchange
)
LOOKS = [look for look in Look if look not in (Look.MISSING, Look.MISTYPED)]
RULES: list[Rule] = [
    *({"shows": look.value} for look in LOOKS),
    *(
        {"shows": kind, "properties": [name]}
        for kind in ("missing", "mistyped")
        for name in (*IDENTITIES, *DECLARED)
    ),
    *({"hides": name} for name in (*READ, *PARAMETERS)),
    {"shows": "missing", "properties": list(IDENTITIES[:4])},
    {"shows": "missing", "properties": ["Guid", "Comment"], "cmdlet": "Get-SendConnector"},
    {"shows": "missing", "properties": ["RawData", "SerializationData"]},
    {"shows": "mistyped", "properties": EVERY},
]


def label(rule: Rule) -> str:
    return " ".join(str(value) if isinstance(value, str) else "+".join(value)[:40] for value in rule.values())


def mutating(planned: Planned) -> list[Change]:
    return [change for change in planned.plan.changes if change.action.is_mutating and change.invocations]


def told(planned: Planned) -> list[str]:
    return [diagnostic.summary for diagnostic in planned.diagnostics]


def errors(planned: Planned) -> list[str]:
    return [one.summary for one in planned.diagnostics if one.severity is Severity.ERROR]


def sent(change: Change) -> list[Any]:
    """Its invocations; whether they name a domain controller is for another test."""
    return [
        (one.server, one.cmdlet, {**one.parameters, "DomainController": None}) for one in change.invocations
    ]


def check(prepared: Prepared, name: str, *rules: Rule) -> Planned:
    """Plan under rules, and hold it against what is planned when everything can be read."""
    whole = prepared.whole[name]
    planned = prepared.organizations[name].plan(*rules)
    for change in planned.plan.changes:
        assert change.action is not Action.FORGET
        if change.invocations and sent(change) != sent(whole[change.address]):
            # The one thing that is done without being seen: what is declared is set once.
            assert change.action.is_mutating
            assert name == "lost", change
            assert change.action is Action.UPDATE, change
            expected = whole[change.address].attributes
            for key, each in change.attributes.items():
                assert each.before is UNKNOWN or expected.get(key) == each, (key, each)
            assert "Attribute not readable" in told(planned)
    if name == "applied":  # what is known stays known
        assert not [change for change in planned.plan.changes if change.learned]
    left = whole.keys() - {change.address for change in planned.plan.changes}
    assert not left or errors(planned), left
    for diagnostic in planned.diagnostics:
        text = diagnostic.detail + diagnostic.hint
        assert "unknown.unknown" not in text.lower()
        assert diagnostic.hint
    return planned


@pytest.mark.parametrize("name", SITUATIONS)
@pytest.mark.parametrize("shown", RULES, ids=label)
def test_nothing_is_planned_of_what_was_not_seen(prepared: Prepared, shown: Rule, name: str) -> None:
    check(prepared, name, shown)


@pytest.mark.slow  # each is three plans
@pytest.mark.parametrize("seed", range(20))
def test_nor_of_any_of_it_together(prepared: Prepared, seed: int) -> None:
    drawn = random.Random(seed)  # noqa: S311 - the same subsets every time
    rules = drawn.sample(RULES, drawn.randint(2, 6))
    for name in SITUATIONS:
        check(prepared, name, *rules)


class TestTheRest:
    """What could be read is planned all the same."""

    def test_of_a_server_whose_certificates_are_hidden_is_planned(self, prepared: Prepared) -> None:
        planned = check(prepared, "fresh", {"server": "MBX1", "hides": "Get-ExchangeCertificate"})
        changed = {str(change.address) for change in mutating(planned)}
        assert "certificate.MBX2.internet" in changed
        assert "send_connector.EDGE1.opportunistic" in changed
        assert "certificate.MBX1.internet" not in changed

    def test_of_connectors_goes_on_without_serialization_data(self, prepared: Prepared) -> None:
        """Names are in the bytes of a certificate: what covers nothing stands in nobody's way."""
        planned = check(prepared, "fresh", {"shows": "no-serialization-data"})
        assert not errors(planned)
        assert len(mutating(planned)) == sum(
            change.action.is_mutating for change in prepared.whole["fresh"].values()
        )


class TestWhatIsTold:
    @rule("6.1-1")
    @pytest.mark.parametrize(
        ("look", "cause", "remedy"),
        [
            ("no-serialization-data", "the session carries no", "serializationLevel=Full"),
            ("plain-values", "the session carries no", "serializationLevel=Full"),
            ("missing-auth-certificate", "is not on this server", "renew the auth certificate"),
            ("expired-auth-certificate", "ended 2026-10-25", "renew the auth certificate"),
        ],
    )
    def test_of_undescribed_certificates_is_why(
        self, prepared: Prepared, look: str, cause: str, remedy: str
    ) -> None:
        planned = check(prepared, "applied", {"shows": look})
        found = [one for one in planned.diagnostics if one.summary == "Certificates not described"]
        assert [one.subject for one in found] == ["MBX1", "MBX2"]
        assert all(cause in one.detail and remedy in one.hint for one in found)

    def test_of_undescribed_certificates_is_both_causes_where_the_config_is_hidden(
        self, prepared: Prepared
    ) -> None:
        rules = [{"shows": "expired-auth-certificate"}, {"hides": "Get-AuthConfig"}]
        (first, _) = [
            one
            for one in check(prepared, "applied", *rules).diagnostics
            if one.summary == "Certificates not described"
        ]
        assert "Get-AuthConfig" in first.hint
        assert "serializationLevel=Full" in first.hint

    @pytest.mark.parametrize("name", READ[:5])
    def test_of_a_hidden_cmdlet_is_who_may_run_it(self, prepared: Prepared, name: str) -> None:
        planned = check(prepared, "applied", {"hides": name})
        found = [one for one in planned.diagnostics if name in one.detail + one.hint]
        assert found
        assert any("View-Only Organization Management" in one.hint or name in one.hint for one in found)

    @rule("5-4")
    @pytest.mark.parametrize("name", PARAMETERS[:3])
    @pytest.mark.parametrize("language", ["english", "german", "japanese", "mojibake"])
    def test_of_a_hidden_parameter_is_which(self, prepared: Prepared, name: str, language: str) -> None:
        cmdlet, _, parameter = name.partition(" ")
        spoken = [{"shows": language}] if language != "english" else []
        planned = check(prepared, "applied", {"hides": name}, *spoken)
        texts = [one.detail + one.hint for one in planned.diagnostics]
        assert any(f"{parameter} of {cmdlet} does not exist or is not allowed" in text for text in texts)

    def test_of_what_is_set_and_not_shown_is_that_it_is_not_compared(self, prepared: Prepared) -> None:
        planned = check(prepared, "applied", {"shows": "missing", "properties": ["TlsCertificateName"]})
        found = [one for one in planned.diagnostics if one.summary == "Attribute not compared"]
        assert "send_connector.internet.opportunistic" in {one.subject for one in found}
        assert all("TlsCertificateName" in one.detail for one in found)

    def test_of_numbers_is_that_their_names_are_not_known(self, prepared: Prepared) -> None:
        planned = check(prepared, "applied", {"shows": "unknown-numbers"})
        assert any("whose name is not known" in one.detail for one in planned.diagnostics)

    def test_of_connectors_without_identity_is_that_nothing_is_planned(self, prepared: Prepared) -> None:
        hidden = {"shows": "missing", "properties": ["Guid", "Name", "Comment"]}
        assert "Object not identified" in errors(check(prepared, "applied", hidden))

    @pytest.mark.parametrize(
        "quiet", ["signed", "unsigned", "plain-values", "joined-lists", "bare-smart-hosts", "german"]
    )
    def test_of_what_can_be_read_all_the_same_is_nothing(self, prepared: Prepared, quiet: str) -> None:
        """Strings for objects, blobs of either frame, addresses in brackets or not: all the same values."""
        planned = check(prepared, "applied", {"shows": quiet})
        assert set(told(planned)) <= {"Certificates not described"}


class TestAnApply:
    """A role that may not write all of it: what it lacks is named, and the next run goes on from there."""

    @pytest.mark.parametrize(
        "hidden",
        [
            "New-SendConnector",
            "Set-ReceiveConnector",
            "New-ExchangeCertificate",
            "Import-ExchangeCertificate",
            "Enable-ExchangeCertificate",
            "New-SendConnector -TlsCertificateName",
            "Set-ReceiveConnector -TlsCertificateName",
            "New-ExchangeCertificate -SubjectName",
            "Import-ExchangeCertificate -FriendlyName",
            "Enable-ExchangeCertificate -Server",
        ],
    )
    @pytest.mark.parametrize("language", [[], [{"shows": "japanese"}]], ids=["english", "japanese"])
    def test_stops_where_a_role_ends(self, fresh: Organization, hidden: str, language: list[Rule]) -> None:
        outcome = fresh.apply({"hides": hidden}, *language)
        assert outcome.applied is not None
        assert not outcome.applied.is_complete
        assert not outcome.applied.in_doubt
        cmdlet, _, parameter = hidden.partition(" ")
        (stopped, *_) = outcome.applied.diagnostics
        assert cmdlet in stopped.detail
        assert "role group Organization Management" in stopped.hint
        if parameter:
            assert parameter in stopped.hint
        again = fresh.apply()
        assert again.applied is not None
        assert again.applied.is_complete
        assert not mutating(fresh.plan())

    @pytest.mark.parametrize(
        "shown", ["no-serialization-data", "plain-values", "expired-auth-certificate", "unknown-numbers"]
    )
    def test_converges_without_what_is_not_needed(self, fresh: Organization, shown: str) -> None:
        """From nothing to everything on servers that show their certificates' bytes alone."""
        outcome = fresh.apply({"shows": shown})
        assert outcome.applied is not None
        assert outcome.applied.is_complete, outcome.applied.diagnostics
        assert not mutating(fresh.plan({"shows": shown}))
        assert not mutating(fresh.plan())

    @pytest.mark.parametrize("language", ["german", "japanese", "mojibake"])
    def test_answers_questions_in_any_language(self, fresh: Organization, language: str) -> None:
        """Whether to replace the default SMTP certificate is asked in the server's words [2.3-3]."""
        outcome = fresh.apply({"shows": language})
        assert outcome.applied is not None
        assert outcome.applied.is_complete, outcome.applied.diagnostics
