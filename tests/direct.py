"""The lab's Exchange without its wire: the same cmdlets and objects, much quicker.

A second implementation of the session port, for tests that try everything. What goes over the wire is
tested on the wire.
"""

from __future__ import annotations

import itertools
import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock

from cryptography import x509

from reconciler.exchange import clixml
from reconciler.exchange.errors import CmdletFailed, CmdletMissing, ErrorRecord, UnexpectedPrompt
from reconciler.exchange.port import (
    Command,
    Connection,
    Credential,
    Outcome,
    Query,
    Reader,
    Result,
    Value,
    Writer,
)
from reconciler.exchange.secrecy import SecretBytes, SecureString
from reconciler.exchange.session.batch import failure
from reconciler.exchange.session.prompts import choice_of
from reconciler.lab import authority, call, process
from reconciler.lab.exchange import LabExchange, open_exchange
from reconciler.lab.exchange.keys import KeySource
from reconciler.lab.faults import Faults, read_faults
from reconciler.verify.chain import Authorities
from reconciler.verify.starttls import Fault, Handshake, HandshakeProblem, judged
from state.values import Fqdn
from tests.authority import der, rsa_key

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
"""The clock of labs that tests run without a wire."""


@dataclass
class DirectLab:
    """An organization, and how to reach it without a wire.

    Attributes:
        now: Its clock; may be moved.
        sent: Server, cmdlet and parameters of each mutating command, in order.
        faults: What is shown wrongly and hidden; may be exchanged.
    """

    directory: Path
    exchange: LabExchange
    now: datetime = NOW
    sent: list[tuple[str, str, dict[str, Value]]] = field(default_factory=list)
    faults: Faults = field(default_factory=lambda: Faults(()))
    one_at_a_time: Lock = field(default_factory=Lock)

    def disturb(self, *rules: dict[str, object]) -> None:
        """Show and hide from now on what these rules say, and no more what earlier ones said."""
        path = self.directory / "faults.json"
        path.write_text(json.dumps(rules), encoding="utf-8")
        self.faults = read_faults(path)
        self.exchange.replicate(self.faults.replication)

    @contextmanager
    def reader(self, connection: Connection) -> Iterator[Reader]:
        yield _Session(self, connection)

    @contextmanager
    def writer(self, connection: Connection) -> Iterator[Writer]:
        yield _Session(self, connection)

    def shake(
        self,
        host: str,
        port: int,
        name: Fqdn,
        trusted: Authorities,
        now: datetime,
        *,
        public_keys: frozenset[str] = frozenset(),
        seconds: float = 0,
    ) -> Handshake:
        """What a server presents on the port that `connections` names for it."""
        facts = self.exchange.servers()[port - 1]
        with self.one_at_a_time:
            identity = self.exchange.smtp_identity(facts.name)
        if identity is None:
            return Handshake(problems=(HandshakeProblem(Fault.NO_STARTTLS),))
        chain = tuple(der(one) for one in x509.load_pem_x509_certificates(identity.chain_pem))
        return judged(chain, name, trusted, now, public_keys)

    def connections(self) -> Path:
        """A connections file in the lab's folder, as the lab on the wire writes it; nobody is at port 25."""
        servers = {
            facts.name: {
                "url": f"https://{facts.fqdn}/",
                "endpoint": "winrm" if facts.is_edge else "exchange",
                "auth": "basic",
                "credential": "file:admin.credential",
                "smtp": f"127.0.0.1:{port}",
            }
            for port, facts in enumerate(self.exchange.servers(), 1)
        }
        issuers = {"*": {"type": "local", "certificate": "issuer.pem", "key": "issuer.key"}}
        path = self.directory / "connections.yaml"
        path.write_text(json.dumps({"servers": servers, "issuers": issuers}), encoding="utf-8")
        credential = self.directory / "admin.credential"
        credential.write_text("admin:secret", encoding="utf-8")
        credential.chmod(0o600)
        return path


def direct_lab(
    directory: Path,
    *,
    servers: int = 2,
    edges: int = 1,
    subscribed: int = 0,
    build: str | Sequence[str] = "2019",
    new_key: KeySource | None = None,
) -> DirectLab:
    """Make an organization in a folder, or open the one that is there."""
    return _opened(
        directory, servers=servers, edges=edges, subscribed=subscribed, build=build, new_key=new_key
    )


def lab_of_exports(directory: Path, exports: Path) -> DirectLab:
    """Make an organization of the Export-Clixml files in a folder."""
    return _opened(directory, servers=0, edges=0, subscribed=0, build="2019", exports=exports)


def _opened(
    directory: Path,
    *,
    servers: int,
    edges: int,
    subscribed: int,
    build: str | Sequence[str],
    exports: Path | None = None,
    new_key: KeySource | None = None,
) -> DirectLab:
    process.make_private_directory(directory)
    authority.open_authorities(directory, NOW)
    numbers = itertools.count(len(list(directory.rglob("*.pem"))))
    lab: DirectLab | None = None
    exchange = open_exchange(
        directory,
        servers=servers,
        edges=edges,
        subscribed=subscribed,
        build=build,
        from_clixml=exports,
        now=lambda: lab.now if lab else NOW,
        new_key=new_key or (lambda bits: rsa_key(next(numbers) % 40, bits)),
    )
    lab = DirectLab(directory, exchange)
    return lab


def understood(xml: str) -> Sequence[clixml.Primitive | clixml.Object]:
    """What one output of a cmdlet is, as it comes over the wire."""
    return clixml.read(xml).values


def copy_of(directory: Path, to: Path) -> DirectLab:
    """The same organization once more."""
    shutil.copytree(directory, to)
    return direct_lab(to)


class _Session:
    """Implements Reader and Writer."""

    def __init__(self, lab: DirectLab, connection: Connection) -> None:
        self._lab = lab
        self._connection = connection

    @property
    def server(self) -> str:
        return self._connection.server

    def read(self, queries: Sequence[Query]) -> tuple[Result, ...]:
        results = []
        for query in queries:
            try:
                outcome = self._run(Command(query.cmdlet, query.parameters))
            except (CmdletFailed, CmdletMissing) as failure:
                results.append(Result(failure=failure))
            else:
                results.append(Result(outcome.outputs))
        return tuple(results)

    def run(self, command: Command) -> Outcome:
        if not command.cmdlet.startswith(("Get-", "Export-")):
            self._lab.sent.append((self.server, command.cmdlet, dict(command.parameters)))
        return self._run(command)

    def _run(self, command: Command) -> Outcome:
        with self._lab.one_at_a_time:
            return self._run_alone(command)

    def _run_alone(self, command: Command) -> Outcome:
        is_edge = self._connection.endpoint.value == "winrm"
        asked = call.Call(
            server=self.server,
            account="admin",
            endpoint="winrm" if is_edge else "exchange",
            full=not is_edge,
            cmdlet=command.cmdlet,
            arguments=tuple(
                call.Argument(name, _on_the_wire(value), is_switch=value is None)
                for name, value in command.parameters.items()
            ),
            view=self._lab.faults.view(self.server, "admin", command.cmdlet, has_roles=not is_edge),
        )
        steps = self._lab.exchange.run(asked)
        outputs: list[clixml.Primitive | clixml.Object] = []
        errors: list[ErrorRecord] = []
        try:
            emission = next(steps)
            while True:
                answer: int | None = None
                match emission:
                    case call.Output(xml):
                        outputs += understood(xml)
                    case call.Failed(error):
                        errors.append(_record(error))
                    case call.Prompt():
                        answer = self._answered(command, emission)
                emission = steps.send(answer)
        except StopIteration:
            pass
        except call.Terminated as ended:
            errors.append(_record(ended.error))
        if not errors:
            return Outcome(tuple(outputs))
        raise failure(self.server, command, tuple(errors))

    def _answered(self, command: Command, prompt: call.Prompt) -> int:
        labels = [label.replace("&", "").casefold() for label, _ in prompt.choices]
        for answer in command.answers:
            if (index := choice_of(answer.answer, labels)) is not None:
                return index
        raise UnexpectedPrompt(self.server, command.cmdlet, "PromptForChoice", prompt.message, ())


def _on_the_wire(value: Value) -> object:
    match value:
        case tuple():
            return list(value)
        case Credential():
            return call.Credential(value.user, call.Secret(value.password))
        case SecureString():
            return call.Secret(value.reveal())
        case SecretBytes():
            return value.reveal()
        case _:
            return value


def _record(error: call.ErrorRecord) -> ErrorRecord:
    return ErrorRecord(
        fully_qualified_id=error.fully_qualified_id,
        category=error.category,
        activity=error.activity,
        target=error.target,
        reason=error.exception_type.rpartition(".")[2],
        message=error.message,
    )
