"""What goes wrong between us and an authority, before anybody decides what it means for a request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from reconciler.told import one_line

_LONGEST: Final = 300
_PREFIX: Final = "urn:ietf:params:acme:error:"
_BUSY: Final = frozenset({"rateLimited", "serverInternal"})
_BUSY_STATUS: Final = frozenset({429, 500, 502, 503, 504})


@dataclass
class Unreachable(Exception):
    """Nobody answers, or not in time.

    Attributes:
        reason: In one sentence's worth of words.
    """

    reason: str

    def __str__(self) -> str:
        return self.reason


class NotAcme(Unreachable):
    """Somebody answers, and not as RFC 8555 says."""


@dataclass
class Told(Exception):
    """The authority says no, in a problem document (RFC 7807) or by a status alone.

    Attributes:
        kind: The last part of its type; "" where it is not one of ACME's.
        words: Its own, bounded and printable.
        status: Of HTTP.
        retry_after: Seconds after which it wants to be asked again, if it says so.
    """

    kind: str
    words: str
    status: int
    retry_after: float | None = None

    @classmethod
    def of(cls, document: Mapping[str, Any], status: int, retry_after: float | None) -> Self:
        """Read a problem document, whatever is in it."""
        kind = document.get("type")
        is_acme = isinstance(kind, str) and kind.startswith(_PREFIX)
        return cls(
            one_line(str(kind)[len(_PREFIX) :], 40) if is_acme else "",
            words_of(document) or f"HTTP status {status}",
            status,
            retry_after,
        )

    @property
    def is_busy(self) -> bool:
        """True where asking again later is all that helps."""
        return self.kind in _BUSY or (not self.kind and self.status in _BUSY_STATUS)

    def __str__(self) -> str:
        return self.words


def words_of(document: Any) -> str:
    """What a problem document says, those inside it as well; "" where it says nothing."""
    if not isinstance(document, Mapping):
        return ""
    said = [_own_words(document)]
    inside = document.get("subproblems")
    for one in inside[:10] if isinstance(inside, list) else ():
        if isinstance(one, Mapping) and (words := _own_words(one)):
            name = one.get("identifier")
            about = name.get("value") if isinstance(name, Mapping) else None
            said.append(f"{about}: {words}" if isinstance(about, str) else words)
    return one_line("; ".join(filter(None, said)), _LONGEST)


def _own_words(document: Mapping[str, Any]) -> str:
    for key in ("detail", "title", "type"):
        if isinstance(said := document.get(key), str) and said.strip():
            return said[: 2 * _LONGEST]
    return ""
