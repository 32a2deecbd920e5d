"""One change, invocation by invocation: intent, send, outcome."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime

from reconciler.cmdlets.certificate import ANSWER
from reconciler.cmdlets.invocation import Invocation, ParameterValue
from reconciler.credentials.errors import CredentialError
from reconciler.diagnostics import Diagnostic
from reconciler.events import IssueFinished, IssueStarted, Listener
from reconciler.exchange.clixml import Object, Primitive
from reconciler.exchange.errors import CmdletFailed, CmdletMissing, ExchangeError
from reconciler.exchange.port import Command, Credential, Outcome, Value, Writer
from reconciler.exchange.reading import read_certificate, read_resource
from reconciler.issuers.port import CertificateRequest, Issuer, IssuerFailed
from reconciler.pki.answer import check_answer, read_chain
from reconciler.pki.asked import asked_domains
from reconciler.pki.bundle import pkcs7_of
from reconciler.pki.request import NotARequest, check_request, parse_request
from reconciler.plan.change import Change
from reconciler.plan.problems import names_differ
from state.address import Address
from state.journal import Intent
from state.journal import Outcome as Concluded
from state.record import Learned, Recorded, Request
from state.resources import Certificate, Json, SendConnector
from state.resources.attribute import INSTANT
from state.values import UNSET, CredentialReference, Deferred, Name, Thumbprint

from . import problems
from .known import KnownValues
from .ledger import Ledger


@dataclass(frozen=True, slots=True)
class Tools:
    """What an applier works with.

    Attributes:
        writer: Opens a session that may change one server, by its declared name.
        issuers: By their names in the YAML.
        credential: Fetches what a reference names.
        existing: Thumbprints on each server when the plan was made, for the intents of requests.
        now: The clock; UTC, aware.
        new_id: A text that is unique within the journal.
    """

    writer: Callable[[str], AbstractContextManager[Writer]]
    issuers: Mapping[str, Issuer]
    credential: Callable[[CredentialReference], Credential]
    existing: Mapping[str, tuple[str, ...]]
    listener: Listener
    now: Callable[[], datetime]
    new_id: Callable[[], str]


class Stopped(Exception):
    """A step that did not succeed.

    Attributes:
        in_doubt: It was sent, and nobody knows what came of it.
        was_sent: A cmdlet reached the server.
    """

    def __init__(self, diagnostic: Diagnostic, *, was_sent: bool, in_doubt: bool = False) -> None:
        super().__init__(diagnostic.summary)
        self.diagnostic = diagnostic
        self.was_sent = was_sent
        self.in_doubt = in_doubt


class ChangeRun:
    """The execution of one change on its server."""

    def __init__(self, change: Change, ledger: Ledger, known: KnownValues, tools: Tools) -> None:
        self._change = change
        self._ledger = ledger
        self._known = known
        self._tools = tools

    @property
    def address(self) -> Address:
        return self._change.address

    def run(self, invocation: Invocation, writer: Writer, *, is_last: bool) -> None:
        """Send one invocation of the change, and remember it before and after.

        Raises:
            Stopped: it did not succeed; everything that is known is in the journal.
            LockLost, StateUnwritable: it cannot be remembered.
        """
        self._check_names()
        parameters = {name: self._resolved(value) for name, value in invocation.parameters.items()}
        intent = self._intent(invocation, parameters)
        self._ledger.intend(intent)
        outcome = self._send(invocation, parameters, writer, intent)
        learned = self._learned(invocation, outcome, is_last=is_last)
        self._ledger.conclude(Concluded(intent.id, "", self._tools.now()), learned)

    def _send(
        self, invocation: Invocation, parameters: Mapping[str, Value], writer: Writer, intent: Intent
    ) -> Outcome:
        try:
            return writer.run(Command(invocation.cmdlet, parameters, invocation.answers))
        except ExchangeError as error:
            if error.outcome_unknown:
                lost = problems.answer_lost(self.address, invocation.cmdlet, error)
                raise Stopped(lost, was_sent=True, in_doubt=True) from error
            records = error.records if isinstance(error, CmdletFailed) else ()
            error_id = records[0].fully_qualified_id if records else ""
            self._ledger.conclude(Concluded(intent.id, error_id or str(error), self._tools.now()))
            failed = problems.cmdlet_failed(self.address, error)
            raise Stopped(failed, was_sent=isinstance(error, CmdletFailed | CmdletMissing)) from error

    def _intent(self, invocation: Invocation, parameters: Mapping[str, Value]) -> Intent:
        makes_key = invocation.cmdlet == "New-ExchangeCertificate"
        return Intent(
            id=self._tools.new_id(),
            address=self.address,
            server=invocation.server,
            cmdlet=invocation.cmdlet,
            parameters={name: _journaled(value) for name, value in parameters.items()},
            known=self._tools.existing.get(invocation.server, ()) if makes_key else (),
            at=self._tools.now(),
        )

    def _resolved(self, value: ParameterValue) -> Value:
        match value:
            case Deferred() if value.attribute == ANSWER:
                return pkcs7_of(self._answer())
            case Deferred():
                return str(self._known[value])
            case CredentialReference():
                try:
                    return self._tools.credential(value)
                except CredentialError as error:
                    raise Stopped(problems.secret_missing(self.address, error), was_sent=False) from error
            case _:
                return value

    def _check_names(self) -> None:
        """A connector is bound by one name on all its source servers, or not at all [3-15]."""
        recorded = self._change.learned.recorded if self._change.learned else None
        certificates = getattr(recorded.resource, "certificates", UNSET) if recorded else UNSET
        names = self._known.names(certificates) if isinstance(certificates, tuple) else ()
        if len(names) > 1:
            raise Stopped(names_differ(self.address, [str(name) for name in names]), was_sent=False)

    # What the record learns

    def _learned(self, invocation: Invocation, outcome: Outcome, *, is_last: bool) -> Learned:
        match invocation.cmdlet:
            case "New-ExchangeCertificate" | "Export-ExchangeCertificate":
                return self._requested(invocation, outcome)
            case "Import-ExchangeCertificate":
                return self._imported(outcome, is_last=is_last)
            case "New-SendConnector":
                return self._created(outcome)
            case _:
                return self._done()

    def _done(self) -> Learned:
        """The change is complete: what the plan says the record becomes."""
        learned = self._change.learned
        if learned is None or learned.recorded is None:
            return Learned(self.address, None)
        resource = self._known.resolved(learned.recorded.resource)
        if isinstance(resource, Certificate) and resource.public_key is UNSET:
            was = self._ledger.record.resources.get(self.address)
            if was is not None and isinstance(was.resource, Certificate):
                resource = resource.with_(public_key=was.resource.public_key)
        return Learned(self.address, replace(learned.recorded, resource=resource, at=self._tools.now()))

    def _created(self, outcome: Outcome) -> Learned:
        """A new connector, with the identity that Exchange gave it; without, its mark finds it again."""
        learned = self._done()
        if learned.recorded is None or not isinstance(learned.recorded.resource, SendConnector):
            return learned
        for output in outcome.outputs:
            guid = read_resource(SendConnector, output)[0].guid if isinstance(output, Object) else UNSET
            if isinstance(guid, str):
                resource = learned.recorded.resource.with_(guid=guid)
                return replace(learned, recorded=replace(learned.recorded, resource=resource))
        return learned

    def _requested(self, invocation: Invocation, outcome: Outcome) -> Learned:
        asked = self._asked()
        texts = [output.text for output in outcome.outputs if isinstance(output, Primitive)]
        try:
            facts = parse_request("".join(texts))
        except NotARequest as error:
            told = problems.no_output(self.address, invocation.cmdlet, f"a certificate request ({error})")
            raise Stopped(told, was_sent=True) from error
        pending = invocation.parameters.get("Thumbprint")
        request = Request(
            server=Name(invocation.server),
            asked=asked,
            public_key=facts.public_key,
            csr=facts.pem,
            pending=Thumbprint.parse(pending) if isinstance(pending, str) else None,
            since=self._tools.now(),
        )
        return Learned(self.address, self._ledger.record.resources.get(self.address), request)

    def _imported(self, outcome: Outcome, *, is_last: bool) -> Learned:
        request = self._ledger.record.requests[self.address]
        leaf = read_chain(request.answer)[0]
        for output in outcome.outputs:
            found = read_certificate(output)[0].thumbprint if isinstance(output, Object) else UNSET
            if isinstance(found, Thumbprint) and found != leaf.thumbprint:
                wrong = problems.other_certificate(self.address, str(leaf.thumbprint), str(found))
                raise Stopped(wrong, was_sent=True)
        learned = self._done()
        if learned.recorded is None or not isinstance(learned.recorded.resource, Certificate):
            return learned
        resource = learned.recorded.resource.with_(public_key=leaf.public_key)
        if not is_last:
            resource = resource.with_(services=UNSET)
        return Learned(self.address, replace(learned.recorded, resource=resource))

    # The issuer

    def _asked(self) -> Certificate:
        learned = self._change.learned
        resource = learned.recorded.resource if learned and learned.recorded else None
        if not isinstance(resource, Certificate):
            raise TypeError(f"the change of {self.address} is not one of a certificate")
        return resource

    def _answer(self) -> str:
        """The issued certificate: the one that the journal holds, or a new one from the issuer."""
        request = self._ledger.record.requests[self.address]
        asked = self._asked()
        issuer_name = str(asked.issuer)
        if not request.answer or check_answer(request.answer, request.public_key, asked, self._tools.now()):
            request = replace(request, answer=self._issued(request, asked, issuer_name))
            recorded: Recorded | None = self._ledger.record.resources.get(self.address)
            self._ledger.learn(Learned(self.address, recorded, request))
        self._known.learn(self.address, read_chain(request.answer)[0])
        return request.answer

    def _issued(self, request: Request, asked: Certificate, issuer_name: str) -> str:
        """Ask the issuer, once the request is what was declared.

        Raises:
            Stopped: it is not, or there is no certificate, or it is not one to this request.
        """
        tell, address = self._tools.listener, str(self.address)
        if wrong := check_request(request.csr, asked):
            raise Stopped(problems.request_wrong(self.address, wrong), was_sent=False)
        tell(IssueStarted(address, issuer_name))
        try:
            issued = self._tools.issuers[issuer_name].issue(
                CertificateRequest(self.address, request.csr, asked_domains(asked))
            )
        except IssuerFailed as error:
            tell(IssueFinished(address, issuer_name, error=error.reason))
            failed = problems.issuer_failed(self.address, error, error.hint)
            raise Stopped(failed, was_sent=False) from error
        if wrong := check_answer(issued.chain, request.public_key, asked, self._tools.now()):
            tell(IssueFinished(address, issuer_name, error=str(wrong[0])))
            raise Stopped(problems.answer_wrong(self.address, issuer_name, wrong), was_sent=False)
        tell(IssueFinished(address, issuer_name, not_after=INSTANT.text(issued.not_after)))
        return issued.chain


def _journaled(value: Value) -> Json:
    """A parameter as the journal keeps it: no secret; bytes, which are public certificates, as base64."""
    match value:
        case Credential():
            return {"secret": True}
        case bytes():
            return base64.b64encode(value).decode("ascii")
        case tuple():
            return list(value)
        case _:
            return value
