"""What Export-ExchangeCertificate gives with -BinaryEncoded [2.1-2], [2.4-3]."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence

from reconciler.exchange.clixml import BadValue, Object, Primitive
from reconciler.exchange.reading.attributes import Unreadable, bytes_of


def read_file_data(outputs: Sequence[Primitive | Object]) -> bytes | None:
    """The bytes of the first output that has some: FileData, bare bytes, or base64 text; None where none has.

    The page shows FileData. The type is not documented, so the other forms are taken, too.
    """
    for output in outputs:
        try:
            found = bytes_of(output, "FileData") if isinstance(output, Object) else output.value
            if isinstance(found, str):
                found = base64.b64decode("".join(found.split()), validate=True)
        except (Unreadable, BadValue, binascii.Error, ValueError):
            continue
        if isinstance(found, bytes) and found:
            return found
    return None
