"""Values that travel to a server and must be in no text: their text hides them, and they can be wiped."""

from __future__ import annotations

from typing import NoReturn


class SecureString:
    """A SecureString, as a parameter: it travels under the session key."""

    __slots__ = ("_characters",)

    def __init__(self, text: str) -> None:
        self._characters = bytearray(text, "utf-8")

    def reveal(self) -> str:
        """The text, for whoever encrypts it."""
        return self._characters.decode("utf-8")

    def wipe(self) -> None:
        """Overwrite it. Copies that Python made meanwhile are out of reach."""
        _wipe(self._characters)

    def __repr__(self) -> str:
        return "SecureString(...)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not stored")


class SecretBytes:
    """Bytes that a server gave for another one: sent as they are, for they are encrypted."""

    __slots__ = ("_content",)

    def __init__(self, content: bytes) -> None:
        self._content = bytearray(content)

    def reveal(self) -> bytes:
        """The bytes, for whoever sends them."""
        return bytes(self._content)

    def wipe(self) -> None:
        """Overwrite them. Copies that Python made meanwhile are out of reach."""
        _wipe(self._content)

    def __repr__(self) -> str:
        return "SecretBytes(...)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not stored")


def _wipe(content: bytearray) -> None:
    """Overwrite in place, then empty."""
    content[:] = bytes(len(content))
    content.clear()
