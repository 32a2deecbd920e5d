"""An apply that dies at any instant: the next one converges, and nothing is made twice.

For each invocation four instants: before it is sent; executed, but the answer lost; answered, but not
journaled; journaled. And before and after the journal learns of an issued certificate, and the record is
written. In process, by raising at the port and at the store; tests/wire/test_killed.py does it with SIGKILL.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from reconciler.exchange.port import (
    Command,
    Connection,
    Endpoint,
    Outcome,
    Query,
    Reader,
    Result,
    SessionOpener,
    Writer,
)
from reconciler.operations.applying import run_apply, run_saved_plan
from reconciler.operations.importing import run_import
from reconciler.operations.inputs import Inputs, Surroundings
from reconciler.operations.planning import Planned, run_plan
from reconciler.plan.plan_file import SavedPlan
from state.address import Address
from state.errors import StateUnwritable
from state.journal import Entry, Intent
from state.journal import Outcome as Concluded
from state.lock import LockInfo
from state.record import StateRecord
from state.store import Fence, Stored
from state.stores.memory import MemoryStore
from tests.contoso import EXAMPLE, unheard
from tests.direct import NOW, DirectLab, copy_of, direct_lab

Instant = tuple[str, ...]
"""What is about to happen or has happened, and to which address by which cmdlet."""


class Killed(BaseException):
    """The process is gone."""


@dataclass
class Fate:
    """Decides when the process dies, and notes every instant that it lived through.

    Attributes:
        at: The instant of death; None to live.
    """

    at: Instant | None = None
    lived: list[Instant] = field(default_factory=list)
    is_dead: bool = False

    def pass_(self, *instant: str) -> None:
        if self.is_dead:
            raise Killed
        self.lived.append(instant)
        if instant == self.at:
            self.is_dead = True
            raise Killed


@dataclass
class MortalSessions:
    """Sessions of a process that dies."""

    lab: SessionOpener
    fate: Fate

    def reader(self, connection: Connection) -> AbstractContextManager[Reader]:
        return self.lab.reader(connection)

    @contextmanager
    def writer(self, connection: Connection) -> Iterator[Writer]:
        with self.lab.writer(connection) as session:
            yield _MortalWriter(session, self.fate)


@dataclass
class _MortalWriter:
    session: Writer
    fate: Fate

    @property
    def server(self) -> str:
        return self.session.server

    def read(self, queries: Sequence[Query]) -> tuple[Result, ...]:
        return self.session.read(queries)

    def run(self, command: Command) -> Outcome:
        which = (self.server, command.cmdlet, str(command.parameters.get("Name", "")))
        self.fate.pass_("before it is sent", *which)
        outcome = self.session.run(command)
        self.fate.pass_("executed, the answer lost", *which)
        return outcome


@dataclass
class MortalStore:
    """A store of a process that dies; what was stored stays."""

    store: MemoryStore
    fate: Fate
    _sent: dict[str, Intent] = field(default_factory=dict)

    def lock(self, info: LockInfo) -> AbstractContextManager[Fence]:
        return self.store.lock(info)

    def read(self) -> Stored:
        return self.store.read()

    def write(self, record: StateRecord, fence: Fence) -> None:
        self.fate.pass_("before the record is written")
        self.store.write(record, fence)
        self.fate.pass_("the record is written")

    def append(self, entries: Iterable[Entry], fence: Fence) -> None:
        given = tuple(entries)
        which = self._about(given)
        if which and which[0] != "intent":
            self.fate.pass_(f"not journaled: {which[0]}", *which[1:])
        elif self.fate.is_dead:
            raise Killed
        self.store.append(given, fence)
        if which and which[0] != "intent":
            self.fate.pass_(f"journaled: {which[0]}", *which[1:])

    def _about(self, entries: tuple[Entry, ...]) -> tuple[str, ...]:
        match entries[0]:
            case Intent() as intent:
                self._sent[intent.id] = intent
                return ("intent",)
            case Concluded() as outcome:
                intent = self._sent[outcome.intent]
                return ("outcome", intent.server, intent.cmdlet, str(intent.parameters.get("Name", "")))
            case learned:
                return ("what was learned", str(learned.address))


@dataclass
class World:
    """A lab and a store that outlive the processes that use them."""

    lab: DirectLab
    store: MemoryStore
    path: Path

    def surroundings(self, fate: Fate) -> Surroundings:
        def open_store(folder: Path, organization: str) -> Any:
            return MortalStore(self.store, fate)

        return Surroundings(unheard, lambda: self.lab.now, MortalSessions(self.lab, fate), open_store)

    def inputs(self) -> Inputs:
        return Inputs(self.path, connections=self.lab.connections())

    def apply(self, fate: Fate) -> bool:
        """Run apply; False when it died."""
        try:
            outcome = run_apply(self.inputs(), self.surroundings(fate), lambda planned: True)
        except Killed:
            return False
        assert outcome.applied is None or outcome.applied.is_complete, outcome.applied.diagnostics
        return True

    def plan(self) -> Planned:
        return run_plan(self.inputs(), self.surroundings(Fate()))


def first_day(folder: Path) -> World:
    """Nothing is set up."""
    return World(direct_lab(folder / "lab"), MemoryStore(), EXAMPLE)


def a_later_day(folder: Path) -> World:
    """All was set up two months ago: certificates are due, a partner moved, a connector went."""
    world = first_day(folder)
    assert world.apply(Fate())
    world.lab.now += timedelta(days=61)
    text = (EXAMPLE / "tls.yaml").read_text(encoding="utf-8")
    text = text.replace("    - adatum.com\n", "    - tailspin.com\n")
    text = text.replace("      tls_never: {to: broken}\n", "", 1)
    path = folder / "tls.yaml"
    path.write_text(text, encoding="utf-8")
    return World(world.lab, world.store, path)


def a_request_given_up(folder: Path) -> World:
    """A run died after its requests were made, and meanwhile other names are declared."""
    world = first_day(folder)
    assert not world.apply(Fate(("journaled: outcome", "MBX1", "New-ExchangeCertificate", "")))
    text = (EXAMPLE / "tls.yaml").read_text(encoding="utf-8")
    path = folder / "tls.yaml"
    path.write_text(text.replace("smtp.contoso.com]", "smtp.contoso.com, mx.contoso.com]"), encoding="utf-8")
    return World(world.lab, world.store, path)


def listeners_that_come_and_go(folder: Path) -> World:
    """One receive connector leaves its place to another, which is bound to a certificate that is due."""
    place = "bindings: ['192.0.2.5:25'], remote_ip_ranges: [10.0.0.0/8], permission_groups: [AnonymousUsers]"
    line = '      "Default Frontend MBX1": {certificate: internet}\n'
    on_edge = '      "Default internal receive connector EDGE1": {certificate: public}\n'
    text = (EXAMPLE / "tls.yaml").read_text(encoding="utf-8")
    path = folder / "tls.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text.replace(line, f"{line}      Relay: {{{place}}}\n"), encoding="utf-8")
    world = World(direct_lab(folder / "lab"), MemoryStore(), path)
    assert world.apply(Fate())
    world.lab.now += timedelta(days=61)
    more = "certificate: internet, bare_linefeed_rejection_enabled: true"
    text = text.replace(line, f"{line}      Scanners: {{{place}, {more}}}\n")
    path.write_text(text.replace(on_edge, f"{on_edge}      Partner: {{{place}}}\n"), encoding="utf-8")
    return World(world.lab, world.store, path)


def _shared_key(folder: Path) -> World:
    """Two Mailbox servers and an Edge server are to have one key; nothing is set up."""
    text = (EXAMPLE / "tls.yaml").read_text(encoding="utf-8")
    edge = text[text.index("      public:\n") : text.index("    send_connectors:")]
    text = text.replace(f"    certificates:\n{edge}", "")
    text = text.replace("certificate: public", "certificate: internet")
    text = text.replace("smtp.contoso.com]", "smtp.contoso.com, mail1.contoso.com]")
    text = text.replace(
        "    servers: [MBX1, MBX2]\n    key: per_server\n",
        "    servers: [MBX1, MBX2, EDGE1]\n    key: shared\n    exportable: true\n",
    )
    path = folder / "tls.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return World(direct_lab(folder / "lab"), MemoryStore(), path)


def a_shared_key_that_is_due(folder: Path) -> World:
    """It is renewed on three servers, one of which was rebuilt meanwhile."""
    world = _shared_key(folder)
    assert world.apply(Fate())
    world.lab.now += timedelta(days=61)
    organization = world.lab.exchange._organization
    rebuilt = organization.servers["mbx2"]
    own = tuple(one for one in rebuilt.certificates if one.is_self_signed)
    organization.put_certificates(rebuilt, own, default=rebuilt.default_thumbprint)
    return world


def a_key_that_is_used_again(folder: Path) -> World:
    """Certificates that are due keep their keys, on an Edge server too, where nothing of them can be read."""
    text = (EXAMPLE / "tls.yaml").read_text(encoding="utf-8")
    text = text.replace("        exportable: false\n", "")
    key = r"\1exportable: true\n\1tlsa: reuse_key\n\1issuer: "
    again = re.sub(r"^( +)issuer: ", key, text, flags=re.MULTILINE)
    path = folder / "tls.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(again, encoding="utf-8")
    world = World(direct_lab(folder / "lab"), MemoryStore(), path)
    assert world.apply(Fate())
    world.lab.now += timedelta(days=61)
    return world


SCENARIOS = {
    "a key that is used again": a_key_that_is_used_again,
    "a shared key": _shared_key,
    "a shared key that is due": a_shared_key_that_is_due,
    "first day": first_day,
    "a later day": a_later_day,
    "a request given up": a_request_given_up,
    "listeners that come and go": listeners_that_come_and_go,
}


def once_more(world: World, folder: Path) -> World:
    """The same lab, store and YAML in another folder: servers race, so no two preparations are alike."""
    folder.mkdir()
    lab = copy_of(world.lab.directory, folder / "lab")
    lab.now = world.lab.now
    return World(lab, _copied(world.store), world.path)


def instants_of(before: World, folder: Path) -> list[Instant]:
    fate = Fate()
    assert once_more(before, folder).apply(fate)
    return list(dict.fromkeys(fate.lived))


@pytest.mark.slow  # about 20 s a scenario: every instant is an apply, another one and a plan
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_an_apply_that_dies_converges_at_the_next(
    scenario: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = SCENARIOS[scenario](tmp_path / "before")
    instants = instants_of(before, tmp_path / "whole")
    sent_at_best = None
    for number, instant in enumerate(instants):
        world = once_more(before, tmp_path / str(number))
        assert not world.apply(Fate(instant)), instant
        assert world.apply(Fate()), instant
        after = world.plan()
        assert after.plan.is_empty, instant
        assert not [change for change in after.plan.changes if change.learned], instant
        made = sorted(
            (server, cmdlet, str(given.get("Name")))
            for server, cmdlet, given in world.lab.sent
            if _makes(cmdlet)
        )
        assert len(made) == len(set(made)), instant
        sent_at_best = sent_at_best or made
        assert made == sent_at_best, instant
    with capsys.disabled():
        print(f"\n{scenario}: {len(instants)} instants explored, all converge")
    assert len(instants) >= 40


def _copied(store: MemoryStore) -> MemoryStore:
    """Another store with the same record and journal."""
    stored, copy = store.read(), MemoryStore()
    with copy.lock(LockInfo("copy", "test", "nobody", NOW)) as fence:
        if stored.record is not None:
            copy.write(replace(stored.record, serial=1), fence)
        copy.append(stored.journal, fence)
    return copy


def _makes(cmdlet: str) -> bool:
    """True for what must not happen twice; setting and enabling the same again is harmless."""
    return cmdlet in (
        "New-ExchangeCertificate",
        "Import-ExchangeCertificate",
        "New-SendConnector",
        "Remove-SendConnector",
        "New-ReceiveConnector",
        "Remove-ReceiveConnector",
    )


class _FullDisk(MortalStore):
    """A store that takes journal entries, and no record any more."""

    def write(self, record: StateRecord, fence: Fence) -> None:
        raise StateUnwritable("memory", "No space left on device")


def test_a_record_that_cannot_be_written_at_the_end_is_told_and_nothing_is_lost(tmp_path: Path) -> None:
    """Everything was done: that is not "nothing was changed"; the journal has it."""
    world = first_day(tmp_path)
    fate = Fate()

    def full_disk(folder: Path, organization: str) -> Any:
        return _FullDisk(world.store, fate)

    surroundings = Surroundings(unheard, lambda: world.lab.now, MortalSessions(world.lab, fate), full_disk)
    outcome = run_apply(
        Inputs(EXAMPLE, connections=world.lab.connections()), surroundings, lambda planned: True
    )
    assert outcome.applied is not None
    assert outcome.applied.done == outcome.applied.total
    assert [diagnostic.summary for diagnostic in outcome.applied.diagnostics] == ["Record not written"]
    assert not outcome.applied.is_complete
    sent = len(world.lab.sent)
    assert world.apply(Fate())
    assert len(world.lab.sent) == sent
    assert world.plan().plan.is_empty


class TestBetweenTheKillAndTheNextApply:
    """Whatever else is run or done by hand, what is in doubt is not forgotten."""

    LOST = ("executed, the answer lost", "EDGE1", "New-ExchangeCertificate", "")

    @pytest.fixture
    def killed(self, tmp_path: Path) -> World:
        world = first_day(tmp_path)
        assert not world.apply(Fate(self.LOST))
        return world

    def requests(self, world: World, server: str) -> int:
        return [(where, what) for where, what, _ in world.lab.sent].count((server, "New-ExchangeCertificate"))

    def test_an_import_makes_nothing_twice(self, killed: World) -> None:
        listener = Address.parse('receive_connector.MBX1."Default Frontend MBX1"')
        run_import(killed.inputs(), listener, killed.surroundings(Fate()))
        assert killed.apply(Fate())
        assert self.requests(killed, "EDGE1") == 1
        assert killed.plan().plan.is_empty

    def test_a_plan_for_another_server_makes_nothing_twice(self, killed: World) -> None:
        target = Address.parse("certificate.MBX2.internet")
        inputs, surroundings = killed.inputs(), killed.surroundings(Fate())
        planned = run_plan(inputs, surroundings, targets=(target,))
        saved = SavedPlan(
            plan=planned.plan,
            desired=planned.snapshot,
            path=str(inputs.path),
            connections=str(inputs.connections),
            state="",
            targets=(target,),
            made_at=killed.lab.now,
            tool_version="0",
        )
        outcome = run_saved_plan(saved, surroundings, lambda planned: True)
        assert outcome.applied is not None
        assert outcome.applied.is_complete
        assert killed.apply(Fate())
        assert self.requests(killed, "EDGE1") == 1
        assert killed.plan().plan.is_empty

    def test_a_certificate_without_domains_is_requested_once(self, tmp_path: Path) -> None:
        """Its common name is sent as its only domain: that is no other request than the declared one."""
        text = (EXAMPLE / "tls.yaml").read_text(encoding="utf-8")
        path = tmp_path / "tls.yaml"
        path.write_text(text.replace("        domains: [mail1.contoso.com]\n", ""), encoding="utf-8")
        world = World(direct_lab(tmp_path / "lab"), MemoryStore(), path)
        assert not world.apply(Fate(self.LOST))
        assert not world.plan().diagnostics
        assert world.apply(Fate())
        assert self.requests(world, "EDGE1") == 1

    def test_an_import_of_the_same_certificate_makes_nothing_twice(self, tmp_path: Path) -> None:
        """A renewal whose answer was lost, and the old certificate imported meanwhile."""
        world = first_day(tmp_path)
        assert world.apply(Fate())
        world.lab.now += timedelta(days=61)
        assert not world.apply(Fate(self.LOST))
        world.lab.now += timedelta(minutes=5)
        run_import(world.inputs(), Address.parse("certificate.EDGE1.public"), world.surroundings(Fate()))
        assert world.apply(Fate())
        assert self.requests(world, "EDGE1") == 2
        assert world.plan().plan.is_empty

    def test_an_answer_that_was_not_understood_is_in_doubt(self, tmp_path: Path) -> None:
        """The key was made all the same."""
        world = first_day(tmp_path)

        class Mumbling(_MortalWriter):
            def run(self, command: Command) -> Outcome:
                outcome = super().run(command)
                is_request = (self.server, command.cmdlet) == ("EDGE1", "New-ExchangeCertificate")
                return Outcome() if is_request else outcome

        class Sessions(MortalSessions):
            @contextmanager
            def writer(self, connection: Connection) -> Iterator[Writer]:
                with self.lab.writer(connection) as session:
                    yield Mumbling(session, self.fate)

        surroundings = replace(world.surroundings(Fate()), sessions=Sessions(world.lab, Fate()))
        outcome = run_apply(world.inputs(), surroundings, lambda planned: True)
        assert outcome.applied is not None
        assert outcome.applied.in_doubt == 1
        assert [one.summary for one in outcome.applied.diagnostics] == ["Answer not understood"]
        assert world.apply(Fate())
        assert self.requests(world, "EDGE1") == 1

    def test_a_server_that_left_the_yaml_is_no_doubt_for_ever(self, killed: World) -> None:
        """Else the journal would never become a record again."""
        killed.path = killed.lab.directory.parent / "tls.yaml"
        killed.path.write_text(
            "version: 1\norganization: contoso\nconnection: {auth: basic}\n"
            "servers: {MBX1: {role: mailbox, host: mbx1.contoso.com}}\n",
            encoding="utf-8",
        )
        assert killed.apply(Fate())
        stored = killed.store.read()
        assert stored.record is not None
        assert not stored.journal

    def test_a_request_made_by_hand_is_not_taken_for_ours(self, tmp_path: Path) -> None:
        world = first_day(tmp_path)
        assert not world.apply(Fate(("before it is sent", "MBX1", "New-ExchangeCertificate", "")))
        by_hand = {"GenerateRequest": True, "SubjectName": "CN=owa.contoso.com", "FriendlyName": "by hand"}
        connection = Connection("MBX1", "https://unused/", Endpoint.EXCHANGE, "admin", "secret")
        with world.lab.writer(connection) as session:
            session.run(Command("New-ExchangeCertificate", by_hand))
        assert world.apply(Fate())
        assert world.plan().plan.is_empty


def test_an_outcome_that_cannot_be_written_is_in_doubt(tmp_path: Path) -> None:
    """It was sent: that is not "nothing was changed"."""
    world = first_day(tmp_path)

    class _NoOutcomes(MortalStore):
        def append(self, entries: Iterable[Entry], fence: Fence) -> None:
            given = tuple(entries)
            if isinstance(given[0], Concluded):
                raise StateUnwritable("memory", "No space left on device")
            super().append(given, fence)

    def full_disk(folder: Path, organization: str) -> Any:
        return _NoOutcomes(world.store, Fate())

    surroundings = Surroundings(unheard, lambda: world.lab.now, MortalSessions(world.lab, Fate()), full_disk)
    outcome = run_apply(world.inputs(), surroundings, lambda planned: True)
    assert outcome.applied is not None
    assert outcome.applied.sent == outcome.applied.in_doubt > 0
    assert [diagnostic.summary for diagnostic in outcome.applied.diagnostics] == ["Record not written"]
    made = len(world.lab.sent)
    assert world.apply(Fate())
    assert len(world.lab.sent) == made + 20 - outcome.applied.sent
    assert world.plan().plan.is_empty
