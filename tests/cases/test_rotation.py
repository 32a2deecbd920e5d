"""A rotation on four servers that dies at any instant: after every step a good certificate is presented.

Among the connectors are some that are somebody else's, and only follow their certificate.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from reconciler.exchange.port import Command, Connection, Outcome, Result, Writer
from reconciler.lab.exchange.enums import SMTP
from reconciler.lab.exchange.organization import Server, Stored
from reconciler.lab.exchange.x500 import CertificateName
from reconciler.operations.inputs import Surroundings
from state.stores.memory import MemoryStore
from tests.cases.test_every_crash_instant import Fate, MortalSessions, World, instants_of, once_more
from tests.direct import DirectLab, direct_lab
from tests.life import Remembering, remember_what_was_read
from tests.organizations import Organization
from tests.stored import organization_of

SERVERS = [f"MBX{number}" for number in range(1, 5)]
LISTENERS = {
    "Default Frontend": {"certificate": "internet"},
    "Client Frontend": {"follow": ["certificate"], "certificate": "internet"},
}
HYBRID = "Outbound to Office 365"


def bound_connectors(lab: DirectLab) -> Iterator[tuple[Server, Stored]]:
    """Every connector with a name of a certificate, once for each server that has to hold it."""
    for server in organization_of(lab).servers.values():
        for listener in server.receive_connectors.values():
            if listener["TlsCertificateName"]:
                yield server, listener
        for connector in server.partition.send_connectors.values():
            sources = [text.rpartition("/")[2] for text in connector.texts("SourceTransportServers")]
            if connector["TlsCertificateName"] and server.name in sources:
                yield server, connector


Bound = frozenset[tuple[str, str]]
"""Servers, and their connectors that are bound to a certificate."""


def bound_in(lab: DirectLab) -> Bound:
    return frozenset((server.name, connector.name) for server, connector in bound_connectors(lab))


def dangling(lab: DirectLab, bound: Bound) -> list[str]:
    """Where a connector's name leads to no certificate that can be presented, or is not there any more."""
    keys = organization_of(lab).keys
    lost = [f"{connector} on {server} has no name" for server, connector in bound - bound_in(lab)]
    return lost + [
        f"{connector.name} on {server.name}"
        for server, connector in bound_connectors(lab)
        if not any(
            one.name == CertificateName.parse(str(connector["TlsCertificateName"]))
            and one.is_current(lab.now)
            and one.services & SMTP
            and not one.is_pending
            and keys.of(one.certificate) is not None
            for one in server.certificates
        )
    ]


@dataclass
class Looking:
    """Sessions after each of whose commands somebody looks at all connectors."""

    lab: DirectLab
    sessions: MortalSessions
    steps: list[int]
    bound: Bound

    def reader(self, connection: Connection) -> Any:
        return self.sessions.reader(connection)

    @contextmanager
    def writer(self, connection: Connection) -> Iterator[Writer]:
        with self.sessions.writer(connection) as session:
            yield _LookingWriter(session, self)


@dataclass
class _LookingWriter:
    session: Writer
    sessions: Looking

    @property
    def server(self) -> str:
        return self.session.server

    def read(self, queries: Any) -> tuple[Result, ...]:
        return self.session.read(queries)

    def run(self, command: Command) -> Outcome:
        try:
            return self.session.run(command)
        finally:
            lab = self.sessions.lab
            with lab.one_at_a_time:
                self.sessions.steps[0] += 1
                assert not dangling(lab, self.sessions.bound), command.cmdlet


class Rotation(World):
    """A world in which every step is looked at."""

    def __init__(self, world: World, steps: list[int], bound: Bound) -> None:
        super().__init__(world.lab, world.store, world.path)
        self._steps = steps
        self._bound = bound
        self._remembering = Remembering(world.lab)

    def surroundings(self, fate: Fate) -> Surroundings:
        sessions = Looking(self.lab, MortalSessions(self._remembering, fate), self._steps, self._bound)
        return replace(super().surroundings(fate), sessions=sessions)


SENDS = {
    "tls_required": {"to": "trusted", "certificate": "internet"},
    "tls_never": {"to": "broken"},
    "opportunistic": {"to": ["*"], "certificate": "internet"},
}


def of_each_server() -> tuple[dict[str, Any], dict[str, Any]]:
    """Three send connectors on each server: twelve, with one source server each."""
    return {"send_connectors": SENDS}, {}


def of_all_servers() -> tuple[dict[str, Any], dict[str, Any]]:
    """Three send connectors, each of all servers: bound once all of them have the certificate."""
    return {}, {"internet": {"servers": SERVERS, **SENDS}}


Sets = Callable[[], tuple[dict[str, Any], dict[str, Any]]]
"""What is declared of send connectors: below each server, and beside them."""


def declared(subject: str, sets: Sets) -> str:
    of_each, of_all = sets()
    text = {
        "version": 1,
        "organization": "contoso",
        "connection": {"auth": "basic"},
        "issuers": {"house": {"type": "local", "certificate": "ca.pem", "key": "ca.key"}},
        "partners": {"trusted": ["fabrikam.com"], "broken": ["oldmail.example"]},
        "certificates": {
            "internet": {
                "servers": SERVERS,
                "subject": subject,
                "domains": ["mail.contoso.com"],
                "issuer": "house",
            }
        },
        "servers": {
            name: {
                "role": "mailbox",
                "host": f"{name.lower()}.contoso.com",
                **of_each,
                "receive_connectors": {f"{kind} {name}": keys for kind, keys in LISTENERS.items()},
            }
            for name in SERVERS
        },
        "send_connectors": {
            HYBRID: {"kind": "other", "follow": ["certificate"], "certificate": "internet"},
            **of_all,
        },
    }
    return json.dumps(text)


def under_the_same_name(subject: str) -> str:
    return subject


def under_another_name(subject: str) -> str:
    """The text that connectors are bound by changes with the subject."""
    return subject.replace("O=Contoso Ltd", "O=Contoso Corporation")


@pytest.mark.slow  # every instant is an apply that dies, another one and a plan, on four servers
@pytest.mark.parametrize(
    ("renamed", "sets"),
    [
        (under_the_same_name, of_each_server),
        (under_another_name, of_each_server),
        (under_another_name, of_all_servers),
    ],
)
def test_a_rotation_that_dies_converges_and_leaves_no_connector_without_a_certificate(
    renamed: Callable[[str], str],
    sets: Sets,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    remember_what_was_read(monkeypatch)
    path = tmp_path / "tls.yaml"
    subject = "C=US, O=Contoso Ltd, CN=mail.contoso.com"
    path.write_text(declared(subject, sets), encoding="utf-8")
    steps = [0]
    before = World(direct_lab(tmp_path / "lab", servers=4, edges=0), MemoryStore(), path)
    Organization(before.lab).run(
        "MBX1",
        "New-SendConnector",
        Name=HYBRID,
        AddressSpaces=("contoso.mail.onmicrosoft.com",),
        SourceTransportServers=tuple(SERVERS),
    )
    assert before.apply(Fate())
    bound = bound_in(before.lab)
    assert len(bound) == 4 * 2 + 4 * 2 + 4
    sends = {name for _, name in bound if "Frontend" not in name}
    assert len(sends) == (4 * 2 if sets is of_each_server else 2) + 1
    before.lab.now += timedelta(days=61)
    path.write_text(declared(renamed(subject), sets), encoding="utf-8")
    instants = instants_of(before, tmp_path / "whole")
    # Where nothing is bound anew, what happens on one server has nothing to do with the others.
    chosen = instants if renamed is under_another_name else [one for one in instants if "MBX1" in one]
    for number, instant in enumerate(chosen):
        world = Rotation(once_more(before, tmp_path / str(number)), steps, bound)
        assert not world.apply(Fate(instant)), instant
        assert world.apply(Fate()), instant
        assert world.plan().plan.is_empty, instant
        assert not dangling(world.lab, bound)
    with capsys.disabled():
        told = f"{renamed.__name__}, send connectors {sets.__name__}"
        print(f"\n{told}: {len(chosen)} instants and {steps[0]} steps explored, all converge")
    assert len(chosen) >= (40 if renamed is under_another_name else 10)
