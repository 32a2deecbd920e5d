"""The mark that an object made by this tool carries in Exchange.

It stands in a send connector's Comment and in a certificate's FriendlyName, so that a lost record
can be rebuilt from Exchange and the YAML. A mark is never a change of its own.
"""

from __future__ import annotations

import hashlib
import re

from state.address import Address
from state.resources import Certificate
from state.values import Unset

_MARK = re.compile(r"\[reconciler:[0-9a-f]{12}\]")
_MARK_IN_TEXT = re.compile(rf" ?{_MARK.pattern}")
_BEGINNING = "[reconciler:"
MARK_LENGTH = len(" [reconciler:0123456789ab]")


REQUEST_ATTRIBUTES = ("subject", "domains", "key_size", "exportable")
"""Decided when a certificate is requested; only another request changes them."""


def mark_of(organization: str, address: Address) -> str:
    """``[reconciler:4f1d6ed381ee]``: short, because a FriendlyName has 63 characters [2.1-7]."""
    return _digest(organization, str(address))


def request_mark_of(organization: str, address: Address, asked: Certificate) -> str:
    """The mark of a certificate that was requested with these attributes.

    What is asked for is part of it: a request that was given up because something else is
    declared by now must not be taken for the one that is under way.
    """
    attributes = Certificate.attributes()
    values = {name: getattr(asked, name) for name in REQUEST_ATTRIBUTES}
    texts = [
        f"{name}={attributes[name].type.text(value)}"
        for name, value in values.items()
        if not isinstance(value, Unset)
    ]
    return _digest(organization, str(address), *texts)


def _digest(*parts: str) -> str:
    return f"[reconciler:{hashlib.sha256(chr(0).join(parts).encode()).hexdigest()[:12]}]"


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
