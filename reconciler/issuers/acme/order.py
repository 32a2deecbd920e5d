"""One order: from names to a certificate, from wherever an earlier run left it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, NoReturn

from acme import messages
from acme.challenges import DNS01, HTTP01, KeyAuthorizationChallenge
from cryptography import x509
from josepy.errors import Error as JoseError
from josepy.json_util import field

from reconciler.issuers.port import Issued, RequestRefused
from reconciler.pki.answer import read_chain
from reconciler.pki.certificate import NotACertificate
from reconciler.pki.request import RequestFacts
from reconciler.pki.sent import NotAnAnswer, read_answer

from .faults import NotAcme, Told, words_of
from .network import Answer, Conversation, a_url
from .patience import Patience
from .validation import Proof, ProofFailed, Validation

_MOST: Final = 200
"""Authorizations of one order; authorities allow 100 names."""

_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{22,200}", re.ASCII)
_KINDS: Final[Mapping[str, type[KeyAuthorizationChallenge]]] = {"http-01": HTTP01, "dns-01": DNS01}


class _NewOrder(messages.NewOrder):
    """The library's, which does not know yet what else an order may name (RFC 9773 5)."""

    replaces: str | None = field("replaces", omitempty=True)


class Order:
    """An order under way.

    Attributes:
        url: What the authority calls it; "" until it has one.
    """

    def __init__(
        self,
        issuer: str,
        conversation: Conversation,
        request: RequestFacts,
        names: Sequence[str],
        validation: Validation,
        patience: Patience,
    ) -> None:
        """Nothing is ordered yet.

        Args:
            issuer: Its name under ``issuers``, for messages.
            request: What is ordered.
            names: Of the certificate.
        """
        self._issuer = issuer
        self._conversation = conversation
        self._request = request
        self._names = tuple(names)
        self._validation = validation
        self._patience = patience
        self.url = ""

    def issued(self, reference: str, replaces: str = "") -> Issued:
        """Order, or go on with an order, until there is a certificate.

        Args:
            reference: URL of an order that may be this one; "" where there is none.
            replaces: What the authority calls the certificate whose place it takes; "" where there is none.

        Raises:
            RequestRefused: not for this request.
            OutOfPatience: the authority takes longer; :attr:`url` is what it calls the order.
            Told, Unreachable, NotAcme: it is not in order.
        """
        answer = self._resumed(reference)
        if answer is not None:
            status = answer.document.get("status")
            if status == "valid" and (issued := self._downloaded(answer.document)) is not None:
                return issued
            if status in ("valid", "invalid"):
                answer = None  # of an earlier request, or failed: this one is ordered anew
        return self._carried_through(self._opened(replaces) if answer is None else answer)

    def _resumed(self, reference: str) -> Answer | None:
        """The order that an earlier run made; None where there is none that this account can go on with."""
        if not reference:
            return None
        self.url = reference
        try:
            answer = self._conversation.post(reference)
        except (Told, NotAcme) as error:
            if isinstance(error, Told) and error.is_busy:
                raise
            answer = None
        if answer is None or _names_of(answer.document) != frozenset(self._names):
            self.url = ""
            return None
        return answer

    def _opened(self, replaces: str) -> Answer:
        """A new order. What it replaces is named only to an authority that gives renewal information.

        One that does not take the name (it was replaced before, or is of another account) gets the order
        without: what it says then is about the order.
        """
        self.url = ""
        order = self._ordered(replaces if "renewalInfo" in self._conversation.directory else "")
        self.url = a_url(order.location)
        return order

    def _ordered(self, replaces: str) -> Answer:
        identifiers = [messages.Identifier(typ=messages.IDENTIFIER_FQDN, value=name) for name in self._names]
        message = _NewOrder(identifiers=identifiers, replaces=replaces or None)
        try:
            return self._conversation.post(self._conversation.directory.get("newOrder"), message)
        except Told as told:
            if not replaces or told.is_busy:
                raise
            return self._ordered("")

    def _carried_through(self, answer: Answer) -> Issued:
        is_validated = False
        while True:
            status = answer.document.get("status")
            if status == "valid":
                issued = self._downloaded(answer.document)
                if issued is None:
                    raise NotAcme("it answers with a certificate for another key")
                return issued
            if status == "invalid":
                self._refuse(words_of(answer.document.get("error")) or "the order failed")
            if status == "ready":
                answer = self._finalized(answer)
                if answer.document.get("status") == "valid":
                    continue
            elif status == "pending" and not is_validated:
                self._validate(answer.document)
                is_validated = True
                answer = self._conversation.post(self.url)
                continue
            elif status not in ("pending", "processing"):
                raise NotAcme("the order has a status that RFC 8555 does not know")
            self._patience.pause(answer.retry_after)
            answer = self._conversation.post(self.url)

    def _finalized(self, answer: Answer) -> Answer:
        csr = x509.load_pem_x509_csr(self._request.pem.encode("ascii"))
        message = messages.CertificateRequest(csr=csr)
        try:
            return self._conversation.post(answer.document.get("finalize"), message)
        except Told as told:
            if told.kind == "orderNotReady":
                return answer
            raise

    def _downloaded(self, order: Mapping[str, Any]) -> Issued | None:
        """The certificate; None where it is for another key than the request's."""
        answer = self._conversation.post(order.get("certificate"))
        try:
            chain = read_answer(answer.text.encode("utf-8", "replace"), self._request.public_key)
            return Issued(chain, read_chain(chain)[0].not_after)
        except (NotAnAnswer, NotACertificate):
            return None

    def _validate(self, order: Mapping[str, Any]) -> None:
        """Show that the names are ours.

        Raises:
            RequestRefused: the authority does not believe it.
        """
        urls = order.get("authorizations")
        if not isinstance(urls, list) or not 1 <= len(urls) <= _MOST:
            raise NotAcme("the order does not say what has to be validated")
        pending: dict[str, tuple[Mapping[str, Any], Proof]] = {}
        for url in map(a_url, urls):
            authorization = self._conversation.post(url).document
            if authorization.get("status") == "pending":
                pending[url] = self._challenge(authorization)
            elif authorization.get("status") != "valid":
                self._refuse(_why(authorization))
        proofs = [proof for _, proof in pending.values()]
        try:
            with self._validation.shown(proofs, self._patience.pause):
                for challenge, proof in pending.values():
                    if challenge.get("status") == "pending":
                        self._conversation.post(challenge.get("url"), self._response(proof))
                for url in pending:
                    self._await(url)
        except ProofFailed as failed:
            raise RequestRefused(self._issuer, failed.reason, failed.hint) from failed

    def _await(self, url: str) -> None:
        while True:
            answer = self._conversation.post(url)
            status = answer.document.get("status")
            if status == "valid":
                return
            if status != "pending":
                self._refuse(_why(answer.document))
            self._patience.pause(answer.retry_after)

    def _challenge(self, authorization: Mapping[str, Any]) -> tuple[Mapping[str, Any], Proof]:
        """The challenge of an authorization that we can meet, and how."""
        domain = _domain(authorization)
        offered = authorization.get("challenges")
        known = [one for one in offered if isinstance(one, dict)] if isinstance(offered, list) else []
        for challenge in known:
            if challenge.get("type") == self._validation.type:
                token = challenge.get("token")
                if not isinstance(token, str) or not _TOKEN.fullmatch(token):
                    raise NotAcme("the token of a challenge is none")
                thumbprint = self._kind(token).key_authorization(self._conversation.key)
                digest = DNS01(token=self._kind(token).token).validation(self._conversation.key)
                return challenge, Proof(domain, token, thumbprint, digest)
        name = f"*.{domain}" if authorization.get("wildcard") is True else domain
        hint = "validate by dns01" if self._validation.type != "dns-01" else "validate by http01"
        raise RequestRefused(self._issuer, f"it does not validate {name} by {self._validation.type}", hint)

    def _kind(self, token: str) -> KeyAuthorizationChallenge:
        kind = _KINDS[self._validation.type]
        try:
            read = kind.from_json({"type": self._validation.type, "token": token})
        except JoseError as error:
            raise NotAcme("the token of a challenge is none") from error
        if not isinstance(read, KeyAuthorizationChallenge):
            raise NotAcme("the token of a challenge is none")
        return read

    def _response(self, proof: Proof) -> Any:
        return self._kind(proof.token).response(self._conversation.key)

    def _refuse(self, words: str) -> NoReturn:
        raise RequestRefused(
            self._issuer, f"the authority says: {words}", "put right what it names, and apply again"
        )


def _domain(authorization: Mapping[str, Any]) -> str:
    identifier = authorization.get("identifier")
    value = identifier.get("value") if isinstance(identifier, Mapping) else None
    if not isinstance(value, str) or not re.fullmatch(r"[a-z0-9._-]{1,255}", value.lower(), re.ASCII):
        raise NotAcme("an authorization names no domain")
    return value.lower()


def _names_of(order: Mapping[str, Any]) -> frozenset[str]:
    identifiers = order.get("identifiers")
    return frozenset(
        str(one.get("value")).lower()
        for one in (identifiers if isinstance(identifiers, list) else ())
        if isinstance(one, Mapping)
    )


def _why(authorization: Mapping[str, Any]) -> str:
    """Why a name is not believed to be ours, in the authority's words."""
    challenges = authorization.get("challenges")
    for challenge in challenges if isinstance(challenges, list) else ():
        if isinstance(challenge, Mapping) and (words := words_of(challenge.get("error"))):
            return f"{_domain(authorization)}: {words}"
    return f"{_domain(authorization)} is not validated"
