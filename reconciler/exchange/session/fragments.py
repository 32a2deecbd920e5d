"""Puts PSRP messages together from their fragments ([MS-PSRP] 2.2.4), in linear time and bounded memory.

pypsrp copies what is left for each fragment: a hostile answer of many tiny ones would keep it busy for hours.
"""

from __future__ import annotations

import struct
from typing import Final

from pypsrp.exceptions import FragmentError
from pypsrp.messages import Message
from pypsrp.powershell import Fragmenter
from pypsrp.serializer import Serializer

LARGEST_MESSAGE: Final = 64 * 1024 * 1024
"""Bytes of all messages together that have begun and not ended."""
_HEAD: Final = struct.Struct(">QQBI")  # object id, fragment id, start and end bits, length
_START: Final = 1
_END: Final = 2


class BoundedFragmenter(Fragmenter):
    """pypsrp's fragmenter, with another way back."""

    def __init__(self, max_size: int, serializer: Serializer) -> None:
        super().__init__(max_size, serializer)
        self._begun: dict[int, list[bytes]] = {}
        self._held = 0

    def defragment(self, data: bytes) -> list[Message]:
        """Give the messages that ``data`` completes.

        Raises:
            FragmentError: fragments that are cut off, out of order, or together too large.
        """
        messages = []
        offset = 0
        while offset < len(data):
            if len(data) - offset < _HEAD.size:
                raise FragmentError("a fragment that is cut off")
            object_id, fragment_id, bits, length = _HEAD.unpack_from(data, offset)
            offset += _HEAD.size
            if length > len(data) - offset:
                raise FragmentError("a fragment that is cut off")
            parts = self._parts(object_id, fragment_id, bits)
            parts.append(data[offset : offset + length])
            offset += length
            self._held += length
            if self._held > LARGEST_MESSAGE:
                raise FragmentError(f"more than {LARGEST_MESSAGE} bytes that are no whole message")
            if bits & _END:
                whole = b"".join(self._begun.pop(object_id))
                self._held -= len(whole)
                messages.append(Message.unpack(whole, self.serializer))
        return messages

    def _parts(self, object_id: int, fragment_id: int, bits: int) -> list[bytes]:
        if bits & _START:
            if object_id in self._begun:
                raise FragmentError(f"message {object_id} begins twice")
            self._begun[object_id] = []
        parts = self._begun.get(object_id)
        if parts is None or fragment_id != len(parts):
            raise FragmentError(f"fragment {fragment_id} of message {object_id} out of order")
        return parts
