"""Apply, then plan: empty. For any two desired states in a row, whatever was done by hand between."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler.cmdlets.invocation import Invocation
from reconciler.exchange.port import Command, Connection, Endpoint
from reconciler.operations.applying import ApplyOutcome, run_apply
from reconciler.operations.inputs import Inputs, Surroundings
from reconciler.operations.planning import run_plan
from state.values import Deferred
from tests.contoso import unheard
from tests.direct import DirectLab, copy_of, direct_lab

DOMAINS = ["fabrikam.com", "adatum.com", "woodgrovebank.com", "tailspintoys.com", "northwind.example"]
GROUPS = [
    {},
    {"tls_auth_level": "CertificateValidation"},
    {"tls_auth_level": "DomainValidation", "tls_domain": "mail.protection.outlook.com"},
    {"via": {"smart_hosts": ["relay.contoso.com", "192.0.2.7"]}},
]
ROUTES: list[Any] = ["dns", {"smart_hosts": ["hub.contoso.com"], "auth": "None"}]


@st.composite
def connectors(draw: st.DrawFn, certificate: str, partners: dict[str, Any], name: str) -> dict[str, Any]:
    """Some of the three, each with some attributes; the partners of two kinds never meet."""
    order = draw(st.permutations(DOMAINS))
    cut = draw(st.integers(0, len(order)))
    declared: dict[str, Any] = {}
    if order[:cut]:
        partners[f"trusted {name}"] = [
            {"domain": domain, **draw(st.sampled_from(GROUPS))} for domain in order[:cut]
        ]
        declared["tls_required"] = {"to": f"trusted {name}", **draw(attributes)}
    if order[cut:] and draw(st.booleans()):
        declared["tls_never"] = {"to": order[cut:], **draw(attributes)}
    if draw(st.booleans()):
        declared["opportunistic"] = {"to": ["*"], **draw(attributes)}
    for kind in ("tls_required", "opportunistic"):
        if kind in declared and certificate and draw(st.booleans()):
            declared[kind]["certificate"] = certificate
    return declared


attributes = st.fixed_dictionaries(
    {},
    optional={
        "cost": st.integers(1, 100),
        "comment": st.sampled_from(["", "by hand", 'quoted "text"']),
        "protocol_logging": st.sampled_from(["None", "Verbose"]),
        "port": st.sampled_from([25, 2525]),
        "fqdn": st.sampled_from(["mail.contoso.com", None]),
        "connection_inactivity_timeout": st.sampled_from(["00:05:00", "01:00:00"]),
        "via": st.sampled_from(ROUTES),
    },
)


@st.composite
def desired_states(draw: st.DrawFn) -> dict[str, Any]:
    """An organization of MBX1 and EDGE1, more or less declared."""
    certificate = {
        "subject": "CN=mail.contoso.com",
        "domains": draw(st.sampled_from([["mail.contoso.com"], ["mail.contoso.com", "smtp.contoso.com"]])),
        "issuer": "house",
        "services": draw(st.sampled_from([["SMTP"], ["SMTP", "IMAP"]])),
    }
    has_certificate = draw(st.booleans())
    edge: dict[str, Any] = {"role": "edge", "host": "edge1.contoso.com"}
    mailbox: dict[str, Any] = {"role": "mailbox", "host": "mbx1.contoso.com"}
    if has_certificate:
        edge["certificates"] = {"public": {**certificate, "services": ["SMTP"]}}
        mailbox["certificates"] = {"public": certificate}
        if draw(st.booleans()):
            mailbox["receive_connectors"] = {"Default Frontend MBX1": {"certificate": "public"}}
    bound_to = "public" if has_certificate else ""
    partners: dict[str, Any] = {}
    edge["send_connectors"] = draw(connectors(bound_to, partners, "EDGE1"))
    mailbox["send_connectors"] = draw(connectors(bound_to, partners, "MBX1"))
    return {
        "version": 1,
        "organization": "contoso",
        "connection": {"auth": "basic"},
        "issuers": {"house": {"type": "local", "certificate": "ca.pem", "key": "ca.key"}},
        "partners": partners,
        "servers": {"MBX1": mailbox, "EDGE1": edge},
    }


BY_HAND = [
    ("Set-SendConnector", {"Enabled": False}),
    ("Set-SendConnector", {"Port": 26, "Comment": "changed by hand"}),
    ("Set-SendConnector", {"AddressSpaces": ("elsewhere.example",)}),
    ("Remove-SendConnector", {"Confirm": False}),
]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> DirectLab:
    return direct_lab(tmp_path_factory.mktemp("convergence") / "lab", servers=1)


@pytest.mark.slow  # about 10 s: each example is two applies and two plans
@given(
    first=desired_states(),
    second=desired_states(),
    by_hand=st.sampled_from([None, *range(len(BY_HAND))]),
    at=st.integers(0, 7),
)
@settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow])
def test_apply_then_plan_is_empty(
    template: DirectLab, first: dict[str, Any], second: dict[str, Any], by_hand: int | None, at: int
) -> None:
    with organization(template) as (lab, inputs):
        for number, desired in enumerate((first, second)):
            inputs.path.write_text(json.dumps(desired), encoding="utf-8")
            _converges(lab, inputs)
            if number == 0 and by_hand is not None:
                _changed_by_hand(lab, by_hand, at)


def _only_rebinds(invocation: Invocation) -> bool:
    """What is not sent when the name that was not known is the one that is bound already."""
    return invocation.cmdlet.startswith("Set-") and isinstance(
        invocation.parameters.get("TlsCertificateName"), Deferred
    )


def _converges(lab: DirectLab, inputs: Inputs) -> None:
    surroundings = Surroundings(unheard, lambda: lab.now, lab)
    before = len(lab.sent)
    outcome: ApplyOutcome = run_apply(inputs, surroundings, lambda planned: True)
    assert outcome.applied is None or outcome.applied.is_complete, outcome.applied.diagnostics
    planned = [invocation for change in outcome.planned.plan.changes for invocation in change.invocations]
    mutating = [one for one in planned if not one.cmdlet.startswith("Export-")]
    rebinding = [one for one in mutating if _only_rebinds(one)]
    assert len(mutating) - len(rebinding) <= len(lab.sent) - before <= len(mutating)
    again = run_plan(inputs, surroundings)
    assert again.plan.is_empty, again.plan.changes
    assert not again.plan.drift
    assert not [change for change in again.plan.changes if change.learned]


def _changed_by_hand(lab: DirectLab, which: int, at: int) -> None:
    """Somebody changes one of the connectors in the shell."""
    partitions = lab.exchange.snapshot()["send_connectors"]
    everything = sorted((key, name) for key, named in partitions.items() for name in named)
    if not everything:
        return
    key, name = everything[at % len(everything)]
    on_edge = "EDGE1" in key
    connection = Connection(
        "EDGE1" if on_edge else "MBX1",
        "https://unused/",
        Endpoint.WINRM if on_edge else Endpoint.EXCHANGE,
        "admin",
        "secret",
    )
    cmdlet, given_ = BY_HAND[which]
    with lab.writer(connection) as session:
        session.run(Command(cmdlet, {"Identity": name, **given_}))


@contextmanager
def organization(template: DirectLab) -> Iterator[tuple[DirectLab, Inputs]]:
    """A copy of the template lab, in a folder that goes with the block."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lab = copy_of(template.directory, folder / "lab")
        yield lab, Inputs(folder / "tls.yaml", connections=lab.connections(), state=folder / "state")
