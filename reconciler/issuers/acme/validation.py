"""How an authority is shown that a name is ours: the port of http-01 and dns-01."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Proof:
    """What has to be seen for one name.

    Attributes:
        domain: Without the ``*.`` of a wildcard.
        token: The challenge's; letters, digits, ``-`` and ``_``.
        key_authorization: The token and the thumbprint of the account's key.
        digest: SHA-256 of that, base64url: the value of a TXT record.
    """

    domain: str
    token: str
    key_authorization: str
    digest: str


@dataclass
class ProofFailed(Exception):
    """A proof cannot be laid out.

    Attributes:
        reason: In one sentence's worth of words.
        hint: The next thing to try; "" where the reason says it.
    """

    reason: str
    hint: str = ""

    def __str__(self) -> str:
        return self.reason


class Validation(Protocol):
    """One way of showing that names are ours. Threads may share it.

    Attributes:
        type: Of its challenges.
    """

    @property
    def type(self) -> str: ...

    def shown(self, proofs: Sequence[Proof], pause: Callable[[], None]) -> AbstractContextManager[None]:
        """Lay proofs out, so that they are seen by the time this is entered; take them back on leaving.

        Args:
            pause: Waits a little.

        Raises:
            ProofFailed: it cannot be done.
        """
        ...
