"""The mark that an object made by this tool carries in Exchange.

It stands in a send connector's Comment and in a certificate's FriendlyName, so that a lost record
can be rebuilt from Exchange and the YAML. A mark is never a change of its own.
"""

from __future__ import annotations

import hashlib
import re

from state.address import Address

_MARK = re.compile(r"\[reconciler:[0-9a-f]{12}\]")
_MARK_IN_TEXT = re.compile(rf" ?{_MARK.pattern}")
_BEGINNING = "[reconciler:"
MARK_LENGTH = len(" [reconciler:0123456789ab]")


def mark_of(organization: str, address: Address) -> str:
    """``[reconciler:4f1d6ed381ee]``: short, because a FriendlyName has 63 characters [2.1-7]."""
    digest = hashlib.sha256(f"{organization}\0{address}".encode()).hexdigest()
    return f"[reconciler:{digest[:12]}]"


def marked(text: str, mark: str) -> str:
    """The text with the mark at its end."""
    return f"{unmarked(text)} {mark}".strip()


def unmarked(text: str) -> str:
    """The text as a person wrote it."""
    return _MARK_IN_TEXT.sub("", text) if _BEGINNING in text else text


def mark_in(text: str) -> str | None:
    """The mark that a text carries, whosever it is."""
    found = _MARK.search(text)
    return found.group() if found else None
