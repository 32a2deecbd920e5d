"""What the files of a request are called."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final

from state.address import Address

_LONGEST: Final = 80
_KEY_DIGITS: Final = 12


def stem_of(address: Address, public_key: str, renews: datetime | None = None) -> str:
    """The name of a request's files, without what tells their form.

    The address, as far as a file system of any kind takes it, and the beginning of the key's hash: the next
    request for the same certificate has another key, and so another file.

    Args:
        public_key: SHA-256 of the SubjectPublicKeyInfo, hexadecimal.
        renews: Begin of the certificate that is renewed with the same key, which tells one request from the
            other then.
    """
    safe = re.sub(r"[^A-Za-z0-9._-]+", "_", str(address)).strip("._")[:_LONGEST]
    again = f"-{renews:%Y%m%dT%H%M%S}" if renews is not None else ""
    return f"{safe}-{public_key[:_KEY_DIGITS]}{again}"
