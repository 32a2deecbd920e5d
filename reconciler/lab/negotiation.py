"""NTLM and Negotiate as a web server offers them: who signed on belongs to the TCP connection (RFC 4559)."""

from __future__ import annotations

import base64
import binascii
import os
import struct
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import spnego
from spnego.channel_bindings import GssChannelBindings
from spnego.exceptions import NegotiateOptions, SpnegoError

from reconciler.lab.accounts import Account
from reconciler.lab.process import write_private

SCHEMES: Final = ("Negotiate", "NTLM")
"""What is offered, in IIS's order."""

_USERS: Final = "ntlm.users"
_VARIABLE: Final = "NTLM_USER_FILE"
_WHAT_TOKENS_RAISE: Final = (SpnegoError, binascii.Error, struct.error, ValueError, LookupError, TypeError)
"""spnego takes tokens apart with plain indexing and conversions: this is what comes of one that is none."""

_environment = threading.Lock()


class NotSignedOn(Exception):
    """The tokens lead to no account."""


class Users:
    """The accounts of a lab, as spnego's NTLM wants them: in a file that an environment variable names.

    Nothing else may see that variable: an NTLM client of this process would take its password from there.
    """

    def __init__(self, directory: Path, accounts: Sequence[Account]) -> None:
        self._path = directory / _USERS
        self._accounts = {account.name.casefold(): account for account in accounts}
        write_private(
            self._path, "".join(f":{account.name}:{account.password}\n" for account in accounts).encode()
        )

    @contextmanager
    def told(self) -> Iterator[None]:
        """Tell spnego the file for the duration of one call."""
        with _environment:
            before = os.environ.get(_VARIABLE)
            os.environ[_VARIABLE] = str(self._path)
            try:
                yield
            finally:
                if before is None:
                    del os.environ[_VARIABLE]
                else:
                    os.environ[_VARIABLE] = before

    def account(self, principal: str | None) -> Account:
        """The account of a security principal.

        Raises:
            NotSignedOn: there is none.
        """
        # NTLM names DOMAIN\user, Kerberos user@REALM; the lab's accounts have neither.
        name = (principal or "").rpartition("\\")[2].partition("@")[0]
        found = self._accounts.get(name.casefold())
        if found is None:
            raise NotSignedOn("no account of this lab")
        return found


class Negotiation:
    """One connection that signs on, and afterwards encrypts and decrypts what goes over it.

    Args:
        scheme: ``Negotiate`` or ``NTLM``.
        users: Who may.
        certificate_hash: SHA-256 of the certificate of a TLS listener, whose clients must name it (RFC 5929
            4.1, Extended Protection); None over http.
    """

    def __init__(self, scheme: str, users: Users, certificate_hash: bytes | None) -> None:
        self._users = users
        bindings = None
        if certificate_hash is not None:
            bindings = GssChannelBindings(application_data=b"tls-server-end-point:" + certificate_hash)
        with users.told():
            # Python's own halves, so that a system library cannot change what the lab does.
            self._context = spnego.server(
                protocol=scheme.casefold(),
                channel_bindings=bindings,
                options=NegotiateOptions.wrapping_winrm
                | (
                    NegotiateOptions.use_ntlm
                    if scheme.casefold() == "ntlm"
                    else NegotiateOptions.use_negotiate
                ),
            )
        self.account: Account | None = None

    def step(self, token: str) -> str | None:
        """Take the client's token in base64; returns what to answer, None for nothing.

        Raises:
            NotSignedOn: wrong password, no such account, or no token.
        """
        try:
            with self._users.told():
                said = self._context.step(base64.b64decode(token, validate=True))
        except _WHAT_TOKENS_RAISE as error:
            raise NotSignedOn(str(error)) from error
        if self._context.complete:
            self.account = self._users.account(self._context.client_principal)
        return base64.b64encode(said).decode() if said else None

    def decrypt(self, signature: bytes, content: bytes) -> bytes:
        """Take the encryption off a message.

        Raises:
            NotSignedOn: it was not encrypted with the key of this connection.
        """
        try:
            return self._context.unwrap_winrm(signature, content)
        except _WHAT_TOKENS_RAISE as error:
            raise NotSignedOn(str(error)) from error

    def encrypt(self, message: bytes) -> tuple[bytes, bytes, int]:
        """Encrypt an answer; returns its signature, its content and how many bytes it was padded by."""
        sealed = self._context.wrap_winrm(message)
        return sealed.header, sealed.data, sealed.padding_length
