"""Signed requests to an authority, bounded in size and time, over TLS that is always checked."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, Final, TypeAlias

import requests
from acme import errors, messages
from acme.client import ClientNetwork
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from josepy.errors import Error as JoseError
from josepy.interfaces import JSONDeSerializable
from josepy.jwa import ES256
from josepy.jwk import JWK, JWKEC

from reconciler.told import error_line

from .deadline import in_time
from .faults import NotAcme, Told, Unreachable

Session: TypeAlias = requests.Session

LARGEST: Final = 256 * 1024
"""Bytes of one answer: a chain, or an order of a hundred names, is far smaller."""

_SECONDS: Final = 20.0
_NONCES: Final = 5
"""How often a request is signed anew because its nonce was too old; the library does it once."""

_LONGEST_RETRY: Final = 30 * 24 * 3600.0
_URL: Final = re.compile(r"https://[!-~]{1,2000}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the authority answered.

    Attributes:
        document: The JSON object; empty where it was none.
        text: The body as it came.
        location: Of what was made.
        retry_after: Seconds after which it wants to be asked again, if it says so.
    """

    document: Mapping[str, Any]
    text: str
    location: str
    retry_after: float | None


def plain_session() -> Session:
    """A session that takes nothing from the environment: no proxy, no CA bundle, no passwords of a .netrc."""
    session = requests.Session()
    session.trust_env = False
    return session


def a_url(value: Any) -> str:
    """A URL that an authority gave.

    Raises:
        NotAcme: it is none, or not one of https (RFC 8555 6.1).
    """
    if not isinstance(value, str) or not _URL.fullmatch(value):
        raise NotAcme("it gives something as an address that is no https URL")
    return value


class _Network(ClientNetwork):
    """The library's, with bounds."""

    def __init__(
        self,
        key: JWK | None,
        session: Session,
        ca: Path | None,
        now: Callable[[], datetime],
        seconds: float = _SECONDS,
    ) -> None:
        super().__init__(key=key, alg=ES256, user_agent="reconciler")
        self.session.close()
        self.session = session
        self._ca = str(ca) if ca else True
        self._now = now
        self._seconds = seconds
        self.status = 0
        self.text = ""
        self.retry_after: float | None = None

    def _send_request(self, method: str, url: str, *args: Any, **kwargs: Any) -> requests.Response:
        headers = {**kwargs.get("headers", {}), "User-Agent": self.user_agent}
        self.status, self.text, self.retry_after = 0, "", None
        response, body = in_time(
            lambda: self._received(method, a_url(url), kwargs.get("data"), headers), self._seconds
        )
        response._content = body  # what requests itself does, which knows no bound
        response.encoding = "utf-8"
        self.status, self.text = response.status_code, body.decode("utf-8", "replace")
        self.retry_after = seconds_of(response.headers.get("Retry-After"), self._now())
        if 300 <= response.status_code < 400:
            raise NotAcme("it answers with a redirection")
        return response

    def _received(
        self, method: str, url: str, data: Any, headers: Mapping[str, str]
    ) -> tuple[requests.Response, bytes]:
        response = self.session.request(
            method,
            url,
            data=data,
            headers=dict(headers),
            verify=self._ca,
            timeout=self._seconds,
            allow_redirects=False,
            stream=True,
        )
        with response:
            body = bytearray()
            for part in response.iter_content(16 * 1024):
                body += part
                if len(body) > LARGEST:
                    raise NotAcme(f"its answer has over {LARGEST} bytes")
        return response, bytes(body)

    def post(self, *args: Any, **kwargs: Any) -> requests.Response:
        for _ in range(_NONCES):
            try:
                return self._post_once(*args, **kwargs)
            except messages.Error as error:
                if error.code != "badNonce":
                    raise
        raise NotAcme("it takes none of its own nonces")


def seconds_of(retry_after: str | None, now: datetime) -> float | None:
    """Read a Retry-After header: seconds or a date (RFC 9110 10.2.3); None where it is neither."""
    if retry_after is None:
        return None
    text = retry_after.strip()[:64]
    try:
        if re.fullmatch(r"[0-9]{1,10}", text, re.ASCII):
            seconds = float(text)
        else:
            seconds = (parsedate_to_datetime(text) - now).total_seconds()
    except (TypeError, ValueError, OverflowError):
        return None
    return min(max(seconds, 0.0), _LONGEST_RETRY)


class Reading:
    """What an authority tells everybody: no account, no key. It belongs to one thread."""

    def __init__(
        self,
        directory: str,
        session: Session,
        ca: Path | None,
        now: Callable[[], datetime],
        *,
        key: JWK | None = None,
        seconds: float = _SECONDS,
    ) -> None:
        """Nothing is sent yet.

        Args:
            key: Of an account, where there is one to be used.
            seconds: How long one answer may take, whole.
        """
        self._network = _Network(key, session, ca, now, seconds)
        self._url = directory
        self.directory: Mapping[str, Any] = {}

    def close(self) -> None:
        """Hang up."""
        self._network.session.close()

    def open(self) -> None:
        """Fetch the directory.

        Raises:
            Told, Unreachable, NotAcme: it is not there.
        """
        self.directory = self.get(self._url).document
        for name in ("newNonce", "newAccount", "newOrder"):
            a_url(self.directory.get(name))

    @property
    def meta(self) -> Mapping[str, Any]:
        """What the directory says about its authority."""
        meta = self.directory.get("meta")
        return meta if isinstance(meta, Mapping) else {}

    def get(self, url: str) -> Answer:
        """Fetch what everybody may read.

        Raises:
            Told, Unreachable, NotAcme: it is not there.
        """
        return self._answer(lambda: self._network.get(url))

    def _answer(self, ask: Callable[[], requests.Response]) -> Answer:
        network = self._network
        try:
            response = ask()
            text = response.text
            document = _object(text)
            location = str(response.headers.get("Location", ""))
        except (Told, Unreachable):
            raise
        except messages.Error as error:
            raise Told.of(_object(network.text), network.status, network.retry_after) from error
        except requests.exceptions.SSLError as error:
            raise Unreachable(
                f"its certificate, or TLS with it, is not in order: {error_line(error)}"
            ) from error
        except requests.RequestException as error:
            raise Unreachable(f"it cannot be reached: {error_line(error)}") from error
        except (errors.Error, JoseError, ValueError, TypeError, AttributeError, KeyError) as error:
            # The library takes apart what it was sent with few questions, so these are the sender's doing.
            if network.status >= 400:
                raise Told.of({}, network.status, network.retry_after) from error
            raise NotAcme("its answer is none of ACME") from error
        except OSError as error:
            raise Unreachable(f"it cannot be reached: {error_line(error)}") from error
        return Answer(document, text, location, network.retry_after)


class Conversation(Reading):
    """With one authority under one account."""

    def __init__(
        self,
        directory: str,
        key: EllipticCurvePrivateKey,
        session: Session,
        ca: Path | None,
        now: Callable[[], datetime],
    ) -> None:
        """Nothing is sent yet."""
        self.key = JWKEC(key=key)
        super().__init__(directory, session, ca, now, key=self.key)

    def use_account(self, url: str) -> None:
        """Sign as this account from now on."""
        body = messages.Registration()
        self._network.account = messages.RegistrationResource(uri=url, body=body)

    def post(self, url: Any, message: JSONDeSerializable | None = None) -> Answer:
        """Send a message, or fetch what is there where there is none (RFC 8555 6.3).

        Raises:
            Told, Unreachable, NotAcme: it was not accepted.
        """
        nonces = a_url(self.directory.get("newNonce"))
        return self._answer(lambda: self._network.post(a_url(url), message, new_nonce_url=nonces))


def _object(text: str) -> Mapping[str, Any]:
    try:
        read = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return read if isinstance(read, dict) else {}
