"""An authority that speaks ACME."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from acme import messages
from cryptography import x509
from josepy.errors import Error as JoseError

from reconciler.issuers.orderly import read_request
from reconciler.issuers.port import CertificateRequest, Issued, IssuerUnusable, RequestRefused, Waiting
from reconciler.pki.common_names import common_domains
from reconciler.pki.renewal_info import SuggestedWindow
from reconciler.pki.request import RequestFacts
from reconciler.told import one_line

from .account import account_key, default_path
from .faults import NotAcme, Told, Unreachable
from .network import Conversation, Reading, Session, a_url, plain_session
from .order import Order
from .patience import OutOfPatience, Patience
from .renewal_info import suggested_window
from .validation import Validation

_BUSY: Final = timedelta(hours=1)
"""When an authority is asked again that says it is busy, and not for how long."""

_SOON: Final = timedelta(minutes=5)
_SECONDS: Final = 4.0
"""How long an answer about renewals may take: a plan does without."""

_REASONS: Final = {"superseded": 4, "compromise": 1, "cessation": 5, "unspecified": 0}
"""Of RFC 5280 5.3.1."""


@dataclass(frozen=True, slots=True)
class ExternalAccount:
    """An account with the authority that the ACME account is bound to (RFC 8555 7.3.4).

    Attributes:
        kid: Identifier of its key.
        hmac: Gives its key, base64url; raises IssuerUnusable where it cannot.
    """

    kid: str
    hmac: Callable[[], str]


@dataclass(frozen=True, slots=True)
class AcmeSettings:
    """What an authority is asked with.

    Attributes:
        directory: URL.
        validation: How names are shown to be ours.
        contact: Mail addresses that the authority may write to.
        is_agreed: To its terms of service.
        account: File of the account's key; None: one in the user's own configuration folder.
        ca: Certificates that the directory's is checked against; None: the public ones.
    """

    directory: str
    validation: Validation
    contact: tuple[str, ...] = ()
    is_agreed: bool = False
    account: Path | None = None
    ca: Path | None = None
    external_account: ExternalAccount | None = None


class AcmeIssuer:
    """Orders what is requested, shows that the names are ours, and takes the certificate.

    What an order is called, its URL, is the request's reference: any machine with the account's key goes on.
    """

    def __init__(
        self,
        name: str,
        settings: AcmeSettings,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        session: Callable[[], Session] = plain_session,
        patience: Callable[[], Patience] = Patience,
    ) -> None:
        """Nothing is sent, read or made yet.

        Args:
            name: Its name under ``issuers``, for messages.

        Raises:
            IssuerUnusable: the directory is not at an https URL, or there is no file ``ca``.
        """
        self._name = name
        self._settings = settings
        self._clock = clock
        self._session = session
        self._patience = patience
        try:
            a_url(settings.directory)
        except NotAcme as error:
            raise IssuerUnusable(
                name, "its directory has no https URL", "write the URL that the authority names"
            ) from error
        if settings.ca is not None and not settings.ca.is_file():
            raise IssuerUnusable(name, f"there is no file {settings.ca}", "correct ca")

    def issue(self, request: CertificateRequest) -> Issued | Waiting:
        """Order a certificate, or go on with the order that the request's reference names.

        Raises:
            RequestRefused: the authority turns this request down.
            IssuerUnusable: there is no account with it, or it does not answer.
        """
        facts = read_request(self._name, request)
        with self._conversation() as conversation:
            patience = self._patience()
            names = _names(facts)
            order = Order(self._name, conversation, facts, names, self._settings.validation, patience)
            try:
                self._sign_in(conversation)
                return order.issued(request.reference, request.replaces)
            except OutOfPatience as error:
                next_try = self._next(error.retry_after, _SOON)
                return Waiting(order.url, "the authority is at work on the order", next_try)
            except Told as told:
                if told.is_busy:
                    reference = order.url or request.reference
                    return Waiting(
                        reference, f"the authority says: {told}", self._next(told.retry_after, _BUSY)
                    )
                raise RequestRefused(self._name, f"the authority says: {told}", _hint(told)) from told
            except NotAcme as error:
                raise self._unusable(error) from error
            except Unreachable as error:
                if not order.url:
                    raise self._unusable(error) from error
                return Waiting(order.url, f"an order is open, but {error}", self._next(None, _SOON))

    def revoke(self, certificate_pem: str, reason: str) -> None:
        """Have a certificate revoked that this account was issued.

        Args:
            reason: ``compromise``, ``superseded``, ``cessation`` or ``unspecified``.

        Raises:
            RequestRefused: the authority does not do it. That it did before is no failure.
            IssuerUnusable: it does not answer.
        """
        certificate = x509.load_pem_x509_certificate(certificate_pem.encode("ascii"))
        message = messages.Revocation(certificate=certificate, reason=_REASONS[reason])
        with self._conversation() as conversation:
            try:
                self._sign_in(conversation)
                conversation.post(conversation.directory.get("revokeCert"), message)
            except Told as told:
                if told.kind != "alreadyRevoked":
                    raise RequestRefused(self._name, f"the authority says: {told}", _hint(told)) from told
            except Unreachable as error:
                raise self._unusable(error) from error

    def suggested(self, renewal_ids: Sequence[str]) -> Iterator[tuple[str, SuggestedWindow]]:
        """Ask when it wants certificates renewed (RFC 9773); what it does not say is left out."""
        settings = self._settings
        reading = Reading(settings.directory, self._session(), settings.ca, self._clock, seconds=_SECONDS)
        with closing(reading):
            try:
                reading.open()
                if "renewalInfo" not in reading.directory:
                    return
                base = a_url(reading.directory["renewalInfo"]).rstrip("/")
                for one in renewal_ids:
                    if (window := _window(reading, f"{base}/{one}")) is not None:
                        yield one, window
            except (Told, Unreachable):
                return

    @contextmanager
    def _conversation(self) -> Iterator[Conversation]:
        settings = self._settings
        path = settings.account or default_path(self._name, settings.directory, settings.contact)
        key = account_key(self._name, path)
        conversation = Conversation(settings.directory, key, self._session(), settings.ca, self._clock)
        try:
            yield conversation
        finally:
            conversation.close()

    def _sign_in(self, conversation: Conversation) -> None:
        """Use the account of the key, or open one.

        Raises:
            IssuerUnusable: the terms are not agreed to, or the authority gives no account.
        """
        conversation.open()
        if not self._settings.is_agreed:
            page = conversation.meta.get("termsOfService")
            where = f": {one_line(page)}" if isinstance(page, str) and page else ""
            raise IssuerUnusable(
                self._name,
                f"its terms of service are not agreed to{where}",
                "read them, and write agree_to_terms: true",
            )
        url = conversation.directory.get("newAccount")
        try:
            existing = messages.NewRegistration(only_return_existing=True)
            answer = conversation.post(url, existing)
        except Told as told:
            if told.kind != "accountDoesNotExist":
                raise self._no_account(told) from told
            try:
                answer = conversation.post(url, self._registration(conversation))
            except Told as refused:
                raise self._no_account(refused) from refused
        conversation.use_account(a_url(answer.location))

    def _registration(self, conversation: Conversation) -> messages.NewRegistration:
        external = self._settings.external_account
        if external is None and conversation.meta.get("externalAccountRequired") is True:
            raise IssuerUnusable(
                self._name,
                "it opens accounts only for those who have one with it already",
                "ask it for a key for external account binding, and write eab: {kid: ..., hmac: ...}",
            )
        binding = None
        if external is not None:
            secret = external.hmac()
            try:
                binding = messages.ExternalAccountBinding.from_data(
                    conversation.key.public_key(),
                    external.kid,
                    secret,
                    messages.Directory(conversation.directory),
                )
            except (ValueError, TypeError, JoseError):
                # Without its cause: it may hold the key.
                raise IssuerUnusable(
                    self._name, "the key of eab is no base64url", "give it as the authority does"
                ) from None
        contact = tuple(
            address if address.startswith("mailto:") else f"mailto:{address}"
            for address in self._settings.contact
        )
        return messages.NewRegistration(
            contact=contact, terms_of_service_agreed=True, external_account_binding=binding
        )

    def _no_account(self, told: Told) -> Exception:
        if told.is_busy:
            return told
        return IssuerUnusable(self._name, f"it gives no account, and says: {told}", "correct contact or eab")

    def _unusable(self, error: Unreachable) -> IssuerUnusable:
        hint = "see that this machine reaches the directory, and that ca holds its authority"
        if isinstance(error, NotAcme):
            hint = "see that directory is the URL of an ACME directory"
        return IssuerUnusable(self._name, f"{self._settings.directory}: {error}", hint)

    def _next(self, seconds: float | None, otherwise: timedelta) -> datetime:
        wanted = otherwise if seconds is None else timedelta(seconds=seconds)
        return self._clock().replace(microsecond=0) + max(wanted, timedelta(seconds=1))


def _names(facts: RequestFacts) -> tuple[str, ...]:
    """All that the certificate will name: authorities order the common name as well."""
    alternative = facts.alternative_domains
    named = alternative if isinstance(alternative, frozenset) else frozenset()
    return tuple(sorted(domain.name for domain in named | common_domains(facts.name)))


def _window(reading: Reading, url: str) -> SuggestedWindow | None:
    """What the authority says of one certificate.

    Raises:
        Told, Unreachable: it says nothing of the others either.
    """
    try:
        return suggested_window(reading.get(url).document)
    except NotAcme:
        return None
    except Told as told:
        if told.is_busy:
            raise
        return None


def _hint(told: Told) -> str:
    if told.kind == "caa":
        return "let a CAA record of the domain name this authority, and apply again"
    if told.kind in ("badCSR", "badPublicKey"):
        return "declare a key size and a subject that it takes, and apply again"
    return "put right what it names, and apply again"
