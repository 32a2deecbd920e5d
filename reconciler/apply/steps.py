"""One change, invocation by invocation: intent, send, outcome."""

from __future__ import annotations

import base64
from collections.abc import Mapping

from reconciler.cmdlets.certificate import (
    ANSWER,
    BOUGHT,
    PKCS12,
    RENEWED,
    THUMBPRINT,
    TLS_CERTIFICATE_NAME,
    carries_key,
)
from reconciler.cmdlets.domain_controller import PARAMETER as DOMAIN_CONTROLLER
from reconciler.cmdlets.invocation import PASSWORD, Invocation, ParameterValue
from reconciler.credentials.errors import CredentialError
from reconciler.diagnostics import Diagnostic
from reconciler.exchange.errors import CmdletFailed, CmdletMissing, ExchangeError, Garbage, TimedOut
from reconciler.exchange.port import Command, Credential, Outcome, Value, Writer
from reconciler.exchange.secrecy import SecretBytes, SecureString
from reconciler.pki.answer import read_chain
from reconciler.pki.bundle import pkcs7_of
from reconciler.pki.renewed import KeyNotUsable
from reconciler.plan.binding_problems import name_waits, names_differ
from reconciler.plan.change import Change
from reconciler.plan.retirement import is_retirement, lets_go
from state.address import Address
from state.errors import StateError
from state.journal import Intent
from state.journal import Outcome as Concluded
from state.record import Learned
from state.resources import Json
from state.values import UNSET, CredentialReference, Deferred, Thumbprint, TlsCertificateName

from . import problems
from .imported import opinion
from .issued import notices
from .issuing import answer_of
from .journey import Journey
from .known import KnownValues
from .learning import asked_by, learned_from, newly_bound, urgency_of
from .ledger import Ledger
from .renewing import keeps_key, put_together, request_under_way, requested_again
from .tools import Kept, Parked, Stopped, Tools

_BINDING = "TlsCertificateName"
_INVALID_ARGUMENT = 5


class ChangeRun:
    """The execution of one change on its server."""

    def __init__(self, change: Change, ledger: Ledger, known: KnownValues, tools: Tools) -> None:
        self._change = change
        self._ledger = ledger
        self._known = known
        self._tools = tools
        self._journey = Journey()
        self._is_bought = any(
            isinstance(value, Deferred) and value.attribute == BOUGHT
            for invocation in change.invocations
            for value in invocation.parameters.values()
        )
        self._is_renewed = keeps_key(change)
        self.told: list[Diagnostic] = []
        """Warnings so far."""

    def close(self) -> None:
        """Leave nothing of a key that was on its way."""
        self._journey.end()

    @property
    def address(self) -> Address:
        return self._change.address

    def run(self, invocation: Invocation, writer: Writer, *, is_last: bool) -> bool:
        """Send one invocation of the change, and remember it before and after.

        Returns:
            False when there was nothing to send: the name that a binding waited for is the one that is bound.

        Raises:
            Kept: Exchange does not remove a predecessor; what is known is in the journal.
            Parked: the certificates of its connector came with different names: it stays with what it has.
            Stopped: it did not succeed; everything that is known is in the journal.
            LockLost, StateUnwritable: it cannot be remembered, and was not sent.
        """
        self._check_names()
        if self._is_renewed and invocation == self._change.invocations[0]:
            self._ask_first()
        parameters = {name: self._resolved(value) for name, value in invocation.parameters.items()}
        if self._is_bound(invocation, parameters):
            self._ledger.learn(*self._learned(invocation, Outcome(), is_last=is_last))
            return False
        intent = self._intent(invocation, parameters)
        self._ledger.intend(intent)
        try:
            outcome = self._send(invocation, parameters, writer, intent)
        except Stopped as stopped:
            refused = stopped.__cause__
            if not isinstance(refused, CmdletFailed) or not self._may_stay(invocation, refused):
                raise
            self._ledger.learn(*self._learned(invocation, Outcome(), is_last=is_last))
            kept = problems.certificate_kept(self.address, parameters["Thumbprint"], refused)
            raise Kept(kept) from stopped
        if invocation.cmdlet == "Export-ExchangeCertificate" and carries_key(invocation):
            self._depart(outcome, intent)
            return True
        learned = self._learned(invocation, outcome, is_last=is_last)
        self._conclude(Concluded(intent.id, "", self._tools.now()), *learned)
        if invocation.cmdlet == "Import-ExchangeCertificate":
            thumbprint = self._known.get(Deferred(self.address, THUMBPRINT))
            if isinstance(thumbprint, Thumbprint):
                self.told += opinion(self.address, thumbprint, writer)
        return True

    def _may_stay(self, invocation: Invocation, error: CmdletFailed) -> bool:
        """Whether a removal is given up: refused, or failed while connectors had let go of a name for it."""
        if not is_retirement(self.address) or invocation.cmdlet != "Remove-ExchangeCertificate":
            return False
        return _is_final(error) or lets_go(self._change)

    def _learned(self, invocation: Invocation, outcome: Outcome, *, is_last: bool) -> tuple[Learned, ...]:
        now = self._tools.now()
        learned = learned_from(
            invocation,
            outcome,
            change=self._change,
            record=self._ledger.record,
            known=self._known,
            is_last=is_last,
            now=now,
        )
        return learned, *(newly_bound(self._change, self._ledger.record, now) if is_last else ())

    def _is_bound(self, invocation: Invocation, parameters: Mapping[str, Value]) -> bool:
        """Whether all that would be set is a name, not known to the plan, that is bound already.

        A renewal by the same authority for the same subject leaves it as it was [3-15].
        """
        if invocation.cmdlet not in ("Set-SendConnector", "Set-ReceiveConnector"):
            return False
        if parameters.keys() - {"Identity", DOMAIN_CONTROLLER} != {_BINDING}:
            return False
        bound = self._change.attributes.get(TLS_CERTIFICATE_NAME)
        return (
            isinstance(invocation.parameters[_BINDING], Deferred)
            and bound is not None
            and isinstance(bound.before, TlsCertificateName)
            and parameters[_BINDING] == str(bound.before)
        )

    def _depart(self, exported: Outcome, intent: Intent) -> None:
        """Take a key that is to be imported next; nobody remembers more of it than that it left.

        Where it is to have another certificate, its request is signed and remembered.
        """
        why = self._journey.begin(exported)
        learned: tuple[Learned, ...] = ()
        if self._is_renewed and not why:
            try:
                learned = requested_again(
                    self._change, intent.server, self._journey, self._ledger.record, self._tools.now()
                )
            except KeyNotUsable as error:
                why = error.reason
        self._conclude(Concluded(intent.id, why, self._tools.now()), *learned)
        if why:
            raise Stopped(problems.not_carried(self.address, intent.server, why), was_sent=True)

    def _conclude(self, outcome: Concluded, *learned: Learned) -> None:
        """Write an outcome; one that cannot be written is in doubt: it was sent."""
        try:
            self._ledger.conclude(outcome, *learned)
        except StateError as error:
            raise Stopped(problems.not_remembered(error), was_sent=True, in_doubt=True) from error

    def _send(
        self, invocation: Invocation, parameters: Mapping[str, Value], writer: Writer, intent: Intent
    ) -> Outcome:
        try:
            return writer.run(Command(invocation.cmdlet, parameters, invocation.answers))
        except ExchangeError as error:
            passing = error if _may_pass(error, invocation) else None
            if error.outcome_unknown:
                lost = problems.answer_lost(self.address, invocation.cmdlet, error)
                raise Stopped(lost, was_sent=True, in_doubt=True, passing=passing) from error
            records = error.records if isinstance(error, CmdletFailed) else ()
            error_id = records[0].fully_qualified_id if records else ""
            self._conclude(Concluded(intent.id, error_id or str(error), self._tools.now()))
            failed = problems.cmdlet_failed(self.address, error)
            was_sent = isinstance(error, CmdletFailed | CmdletMissing)
            raise Stopped(failed, was_sent=was_sent, passing=passing) from error

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
            case Deferred() if value.attribute == RENEWED:
                return self._renewed(self._answer())
            case Deferred(attribute=attribute) if attribute == BOUGHT:
                parcel = self._tools.bought[self.address]
                self._known.learn(self.address, read_chain(parcel.chain)[0])
                self._tell_of(parcel.chain)
                return parcel.content
            case Deferred(attribute=attribute) if attribute == PASSWORD:
                bought = self._tools.bought[self.address] if self._is_bought else None
                return bought.password if bought is not None else self._journey.password
            case Deferred(attribute=attribute) if attribute == PKCS12:
                self._known.take_over(self.address, value.address, asked_by(self._change).thumbprint)
                return self._journey.content
            case Deferred():
                return str(self._known[value])
            case CredentialReference():
                try:
                    return self._tools.credential(value)
                except CredentialError as error:
                    raise Stopped(problems.secret_missing(self.address, error), was_sent=False) from error
            case _:
                return value

    def _ask_first(self) -> None:
        """Where its issuer has a request for the key already, no key leaves before that is answered."""
        if request_under_way(self._change, self._ledger.record) is not None:
            answer_of(self.address, asked_by(self._change), self._ledger, self._tools)

    def _answer(self) -> str:
        """What the issuer gave; other changes learn its name by that."""
        asked, urgent = asked_by(self._change), urgency_of(self._change)
        chain = answer_of(self.address, asked, self._ledger, self._tools, urgent=urgent)
        self._known.learn(self.address, read_chain(chain)[0])
        self._tell_of(chain)
        return chain

    def _renewed(self, chain: str) -> SecretBytes:
        """The issued certificate with the key that was exported."""
        try:
            put_together(self._journey, chain)
        except KeyNotUsable as error:
            server = self._change.invocations[0].server
            raise Stopped(problems.not_carried(self.address, server, error.reason), was_sent=False) from error
        return self._journey.content

    def _tell_of(self, chain: str) -> None:
        self.told += notices(
            self.address,
            asked_by(self._change),
            chain,
            self._tools.trusted(),
            self._tools.now(),
            is_for_mutual_tls=self.address in self._tools.for_mutual_tls,
        )

    def _check_names(self) -> None:
        """A connector is bound by one name on all its source servers, or not at all [3-15]."""
        recorded = self._change.learned.recorded if self._change.learned else None
        certificates = getattr(recorded.resource, "certificates", UNSET) if recorded else UNSET
        names = self._known.names(certificates) if isinstance(certificates, tuple) else ()
        if len(names) <= 1:
            return
        told, bound = [str(name) for name in names], self._change.attributes.get(TLS_CERTIFICATE_NAME)
        if bound is not None and isinstance(bound.before, TlsCertificateName):
            raise Parked(name_waits(self.address, str(bound.before), told))
        raise Stopped(names_differ(self.address, told), was_sent=False)


def _is_final(error: CmdletFailed) -> bool:
    """Whether Exchange refuses to remove a certificate, for it is in use [2.4-4]; else it only failed."""
    return any(one.category == _INVALID_ARGUMENT for one in error.records)


def _may_pass(error: ExchangeError, invocation: Invocation) -> bool:
    """Whether the apply may go on after reading Exchange."""
    if isinstance(error, TimedOut) and invocation.cmdlet == "New-ExchangeCertificate":
        return False  # the key may still be in the making: what is read now is not what will be there
    # Nonsense from a server that spoke sense when its session was opened is somebody between.
    return error.is_transient or isinstance(error, Garbage)


def _journaled(value: Value) -> Json:
    """A parameter as the journal keeps it: no secret; bytes, which are public certificates, as base64."""
    match value:
        case Credential() | SecureString() | SecretBytes():
            return {"secret": True}
        case bytes():
            return base64.b64encode(value).decode("ascii")
        case tuple():
            return list(value)
        case _:
            return value
