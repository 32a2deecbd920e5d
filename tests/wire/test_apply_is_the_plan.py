"""The whole way on the wire: what was planned is what was sent, and afterwards there is nothing to do."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any, TypeAlias

import pytest
from cryptography.hazmat.primitives.serialization import pkcs7

from reconciler.cli import main
from reconciler.cmdlets.domain_controller import domain_controller_of
from reconciler.cmdlets.invocation import Invocation
from reconciler.lab.call import Role
from reconciler.plan.change import Action
from state.resources import Certificate
from state.values import Deferred
from tests.contoso import Contoso, contoso

Applied: TypeAlias = "tuple[Contoso, dict[str, list[Invocation]]]"

FLOOR = 5
"""HTTP requests: create and receive, command and receive, delete."""


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Contoso]:
    """A lab that nothing was applied to."""
    with contoso(tmp_path_factory.mktemp("fresh")) as made:
        yield made


@pytest.fixture(scope="module")
def applied(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Applied]:
    """A lab after the first apply, and what its plan held, by server."""
    with contoso(tmp_path_factory.mktemp("applied")) as made:
        outcome = made.apply()
        assert outcome.applied is not None
        assert outcome.applied.is_complete, outcome.applied.diagnostics
        planned: dict[str, list[Invocation]] = {}
        for change in outcome.planned.plan.changes:
            for invocation in change.invocations:
                planned.setdefault(invocation.server, []).append(invocation)
        yield made, planned


class TestAPlan:
    def test_creates_what_is_not_there(self, fresh: Contoso) -> None:
        planned = fresh.plan()
        assert not planned.diagnostics
        assert {change.action for change in planned.plan.changes} == {Action.CREATE, Action.UPDATE}

    def test_sends_nothing_that_changes_exchange(self, fresh: Contoso) -> None:
        fresh.plan()
        assert fresh.cmdlets()
        assert not fresh.cmdlets(mutating=True)

    def test_needs_no_more_than_get(self, fresh: Contoso) -> None:
        """An account whose role hides every other cmdlet on Mailbox servers plans the same."""
        limited, full = fresh.plan(Role.READER).plan, fresh.plan().plan
        assert [one.summary for one in limited.diagnostics] == ["Domain controller not named"]
        assert [change.invocations for change in limited.changes] == [
            change.invocations for change in full.changes
        ]

    def test_writes_no_record(self, fresh: Contoso) -> None:
        fresh.plan()
        assert not fresh.state.exists()


class TestApply:
    def test_is_the_plan(self, applied: Applied) -> None:
        """Per server, in order, by cmdlet and every parameter; deferred ones equal to what the lab made."""
        made, planned = applied
        known = _made_by(made)
        for server, invocations in planned.items():
            received = [one for one in made.cmdlets(mutating=True) if one["server"] == server]
            assert [(one["cmdlet"], one["parameters"]) for one in received] == [
                (invocation.cmdlet, _resolved(invocation, known)) for invocation in invocations
            ]
            assert all(one["result"] == "completed" for one in received)

    def test_answers_what_the_plan_says(self, applied: Applied) -> None:
        made, planned = applied
        asked = [one for one in made.cmdlets(mutating=True) if one["answers"]]
        foreseen = [one for invocations in planned.values() for one in invocations if one.answers]
        assert len(asked) == len(foreseen) == 3
        assert all("No" in str(one["answers"]) for one in asked)

    def test_leaves_nothing_to_do(self, applied: Applied) -> None:
        made, _ = applied
        assert main(["plan", str(made.path), "--detailed-exitcode", *made.options()]) == 0

    def test_again_sends_nothing_that_changes_exchange(self, applied: Applied) -> None:
        made, _ = applied
        before = len(made.cmdlets(mutating=True))
        assert main(["apply", str(made.path), "--auto-approve", *made.options()]) == 0
        assert len(made.cmdlets(mutating=True)) == before

    def test_keeps_the_default_smtp_certificate(self, applied: Applied) -> None:
        """The one that setup made still protects mail inside the organization."""
        made, _ = applied
        planned = made.plan()
        for server in planned.live.servers.values():
            assert len(server.certificates.objects) >= 2


class TestReadingAServer:
    def test_takes_as_few_requests_as_can_be(
        self, applied: Applied, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Requests of one no-change plan, counted by the lab."""
        made, _ = applied
        before = made.lab.status()["requests"]
        made.plan()
        after = made.lab.status()["requests"]
        counts = {server: after[server] - before[server] for server in after}
        with capsys.disabled():
            print(f"\nrequests per server for a no-change plan: {counts}")
        assert all(FLOOR <= count <= 7 for count in counts.values())

    def test_holds_one_shell_and_closes_it(self, applied: Applied) -> None:
        made, _ = applied
        status = made.lab.status()
        assert set(status["shells_open"].values()) == {0}
        assert max(status["shells_max"].values()) <= 2


def _made_by(made: Contoso) -> dict[Deferred, str]:
    """Every value that the lab made and a plan can defer, from a fresh reading and the lab's own record."""
    planned = made.plan()
    controller = planned.live.organization.domain_controller
    known = {domain_controller_of(planned.plan.organization): controller}
    for address, recorded in planned.record.resources.items():
        resource = recorded.resource
        if not isinstance(resource, Certificate):
            continue
        live = next(
            certificate
            for server in planned.live.servers.values()
            for certificate in server.certificates.objects
            if certificate.public_key == resource.public_key
        )
        known[Deferred(address, "thumbprint")] = str(live.thumbprint)
        known[Deferred(address, "tls_certificate_name")] = str(live.tls_certificate_name)
    return known


def _resolved(invocation: Invocation, known: dict[Deferred, str]) -> dict[str, Any]:
    """The parameters of an invocation as the lab's record must hold them."""

    def value(planned: Any) -> Any:
        match planned:
            case Deferred(attribute="certificate"):
                return _AnyAnswer()
            case Deferred():
                return known[planned]
            case tuple():
                return list(planned)
            case _:
                return planned

    return {name: value(planned) for name, planned in invocation.parameters.items()}


class _AnyAnswer:
    """Equal to the base64 of a PKCS#7 file with certificates."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and len(pkcs7.load_der_pkcs7_certificates(base64.b64decode(other))) == 2

    def __hash__(self) -> int:
        raise TypeError("only compared")
