"""A key on its way from one server to another: in memory, encrypted, for as long as it takes."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Final

from reconciler.exchange.port import Outcome
from reconciler.exchange.reading import read_file_data
from reconciler.exchange.secrecy import SecretBytes, SecureString
from reconciler.pki.pkcs12 import why_not_pkcs12

_PASSWORD: Final = 24
"""Random bytes of a password, 32 characters: more than any encryption of a PKCS#12 can use."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """A certificate that was bought with its key, ready to be sent.

    Attributes:
        content: PKCS#12; its key is encrypted.
        chain: What is public of it, PEM, the certificate itself first.
    """

    content: SecretBytes
    password: SecureString
    chain: str

    def wipe(self) -> None:
        """Leave nothing of it: when the apply is over, whatever came of it."""
        self.content.wipe()
        self.password.wipe()


def new_password() -> str:
    """For one journey: nobody else has it."""
    return secrets.token_urlsafe(_PASSWORD)


class Journey:
    """What one journey needs. Its end is told in any case: nothing of it is left then."""

    def __init__(self) -> None:
        self._password: SecureString | None = None
        self._content: SecretBytes | None = None

    @property
    def password(self) -> SecureString:
        """Drawn when it is first asked for; no other journey has it."""
        if self._password is None:
            self._password = SecureString(new_password())
        return self._password

    @property
    def content(self) -> SecretBytes:
        """The encrypted key and its certificate.

        Raises:
            RuntimeError: it was not exported before: a defect of the plan.
        """
        if self._content is None:
            raise RuntimeError("a key is imported that was not exported before")
        return self._content

    def begin(self, exported: Outcome) -> str:
        """Take what a server exported.

        Returns:
            Why it is not what was asked for; "" when it is.
        """
        data = read_file_data(exported.outputs)
        if data is None:
            return "no bytes came back"
        if why := why_not_pkcs12(data):
            return why
        self._content = SecretBytes(data)
        return ""

    def open(self) -> tuple[bytes, str]:
        """The PKCS#12 that was exported, and its password, for whoever needs the key in it."""
        return self.content.reveal(), self.password.reveal()

    def go_on_with(self, data: bytes) -> None:
        """Carry another PKCS#12 under the same password."""
        self.content.wipe()
        self._content = SecretBytes(data)

    def end(self) -> None:
        """Wipe what was carried, and what it was encrypted with."""
        for secret in (self._password, self._content):
            if secret is not None:
                secret.wipe()
        self._password = self._content = None
