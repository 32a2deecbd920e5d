"""Signing on with NTLM, Kerberos, Negotiate (RFC 4559) or CredSSP, within bounds and with our errors.

pypsrp's own exchange of tokens reads what a server sends with a 401 for as long as it sends, and lets the
errors of the security libraries through. Who has signed on belongs to one TCP connection.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import urlsplit

import requests
import spnego
from pypsrp.exceptions import WinRMError
from pypsrp.negotiate import HTTPNegotiateAuth
from spnego.channel_bindings import GssChannelBindings
from spnego.exceptions import NegotiateOptions, SpnegoError

from reconciler.exchange.errors import AuthenticationFailed, Garbage
from reconciler.exchange.port import Auth, Connection
from reconciler.exchange.session.faults import frameless

_ROUNDS: Final = 8
"""Tokens sent before we give up; NTLM takes two, Kerberos with all that may go wrong four."""
_SCHEMES: Final = {
    Auth.NTLM: ("Negotiate", "NTLM"),
    Auth.NEGOTIATE: ("Negotiate", "Kerberos", "NTLM"),
    Auth.KERBEROS: ("Negotiate", "Kerberos"),
    Auth.CREDSSP: ("CredSSP",),
}
"""Under which schemes each can be had, the best first: Negotiate takes bare tokens of the others, too."""
_SERVICE: Final = "HTTP"  # Exchange's service principal; pypsrp's default is that of no web server
_LEAST_CREDSSP: Final = 5  # older ones hand the password to who is in the middle (CVE-2018-0886)
# The hash of the certificate for Extended Protection (RFC 5929 4.1); it has no annotations.
_CHANNEL_BINDING: Final[Callable[[requests.Response], bytes | None]] = HTTPNegotiateAuth._get_cbt_data


class ConnectionReplaced(Exception):
    """The server knows nobody on this connection: the one that had signed on is gone.

    What was sent was encrypted with its key, so the server could do nothing with it.
    """


class Keys:
    """What one sign-on left to encrypt with, as pypsrp wants it.

    Attributes:
        response_auth_header: The scheme, lower case.
    """

    def __init__(self, context: spnego.ContextProxy, scheme: str) -> None:
        self._context = context
        self.response_auth_header = scheme.casefold()

    def wrap_winrm(self, message: bytes) -> tuple[bytes, bytes, int]:
        """Encrypt; gives signature, content and the length of the padding."""
        sealed = self._context.wrap_winrm(message)
        return sealed.header, sealed.data, sealed.padding_length

    def unwrap_winrm(self, signature: bytes, content: bytes) -> bytes:
        """Decrypt.

        Raises:
            WinRMError: it was not encrypted by who holds our session key, or not in this order.
        """
        try:
            return self._context.unwrap_winrm(signature, content)
        except SpnegoError as error:
            raise WinRMError("an answer that cannot be decrypted") from error


class SignOn(HTTPNegotiateAuth):
    """Answers each 401 of a session.

    Args:
        encrypts: Messages are encrypted with what the sign-on leaves.
        read: Reads an answer to its end, within bounds.
    """

    def __init__(
        self, connection: Connection, *, encrypts: bool, read: Callable[[requests.Response], bytes]
    ) -> None:
        super().__init__(connection.user, connection.password, service=_SERVICE, wrap_required=encrypts)
        self._connection = connection
        self._read = read

    def response_hook(self, response: requests.Response, **options: Any) -> requests.Response:
        """Sign on when the server asks for it; gives its last answer.

        Raises:
            AuthenticationFailed: there is no common way, or none of the credential's.
            ConnectionReplaced: the request was encrypted for another connection.
        """
        if response.status_code != 401:
            return response
        answers = [response]
        try:
            self._sign_on(answers, options)
        except BaseException:
            answers[-1].close()  # nobody else has it yet
            raise
        return answers[-1]

    def _sign_on(self, answers: list[requests.Response], options: dict[str, Any]) -> None:
        """Exchange tokens until the server has no more to say; adds each of its answers."""
        (response,) = answers
        if self.wrap_required and response.request.body:
            self._read(response)
            self.contexts.clear()
            raise ConnectionReplaced
        offered = tuple(schemes(response))
        known = _SCHEMES[self._connection.auth]
        scheme = next((one for one in known if one.casefold() in map(str.casefold, offered)), None)
        if scheme is None:
            raise AuthenticationFailed(self._connection.server, self._connection.who, offered)
        context = self._context(response, scheme, offered)
        token = self._step(context, None, offered)
        for _ in range(_ROUNDS):
            if token is None:
                break
            self._read(response)  # the next request needs this connection
            request = response.request.copy()
            request.headers["Authorization"] = f"{scheme} {base64.b64encode(token).decode()}"
            response = response.connection.send(request, **options)
            answers.append(response)
            said = self._token(response, scheme)
            token = self._step(context, said, offered) if said else None
        if response.status_code == 401:
            return
        if not context.complete:
            raise Garbage(self._connection.server, "a welcome before signing on was complete")
        self.contexts[_host(response)] = Keys(context, scheme)

    def _context(
        self, response: requests.Response, scheme: str, offered: tuple[str, ...]
    ) -> spnego.ContextProxy:
        # Before the answer is read: the certificate is asked of its socket.
        certificate = _CHANNEL_BINDING(response)
        protocol = self._connection.auth.value if scheme == "Negotiate" else scheme.casefold()
        with self._translated(offered):
            kind, _, host = self._connection.service.partition("/")
            more: dict[str, Any] = {}
            if protocol == Auth.CREDSSP.value:
                more["credssp_min_protocol"] = _LEAST_CREDSSP
            return spnego.client(
                self._connection.user or None,  # None: the tickets that are there
                self._connection.password or None,
                hostname=host or _host(response),
                service=kind or _SERVICE,
                channel_bindings=GssChannelBindings(application_data=certificate) if certificate else None,
                protocol=protocol,
                options=NegotiateOptions.wrapping_winrm if self.wrap_required else NegotiateOptions.none,
                **more,
            )

    def _step(
        self, context: spnego.ContextProxy, said: bytes | None, offered: tuple[str, ...]
    ) -> bytes | None:
        with self._translated(offered):
            return context.step(said)

    @contextmanager
    def _translated(self, offered: tuple[str, ...]) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # noqa: BLE001 - what it was is in the reason
            # Which security libraries are installed decides what is raised: Krb5Error is a plain Exception.
            reason = str(error) if isinstance(error, SpnegoError) else f"{type(error).__name__}: {error}"
            raise AuthenticationFailed(
                self._connection.server, self._connection.who, offered, reason[:300]
            ) from frameless(error)

    def _token(self, response: requests.Response, scheme: str) -> bytes:
        for challenge in response.headers.get("WWW-Authenticate", "").split(","):
            word, _, token = challenge.strip().partition(" ")
            if word.casefold() == scheme.casefold() and token:
                return base64.b64decode(token, validate=True)
        return b""


def _host(response: requests.Response) -> str:
    return urlsplit(str(response.url)).hostname or ""


def schemes(response: requests.Response) -> Iterator[str]:
    """Names of the schemes in WWW-Authenticate (RFC 9110 11.6.1), which requests joins with commas."""
    for part in response.headers.get("WWW-Authenticate", "").split(","):
        word = part.strip().partition(" ")[0]
        if word and "=" not in word:
            yield word[:40]
