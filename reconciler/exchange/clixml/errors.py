"""What can be wrong with a document."""

from __future__ import annotations

from xml.etree.ElementTree import Element


class ClixmlError(Exception):
    """A document that is not readable CLIXML."""


class Malformed(ClixmlError):
    """The document breaks XML's or CLIXML's grammar.

    Attributes:
        reason: What is wrong.
        line, column: Where, from 1 and from 0; 0 and 0 when it never reached the parser.
    """

    def __init__(self, reason: str, line: int = 0, column: int = 0) -> None:
        self.reason, self.line, self.column = reason, line, column
        super().__init__(reason, line, column)

    def __str__(self) -> str:
        return f"not CLIXML: {self.reason} (line {self.line}, column {self.column})"


class TooLarge(ClixmlError):
    """The document passes a limit.

    Attributes:
        what: ``bytes``, ``elements`` or ``depth``.
        limit: The limit that was passed.
    """

    def __init__(self, what: str, limit: int) -> None:
        self.what, self.limit = what, limit
        super().__init__(what, limit)

    def __str__(self) -> str:
        return f"CLIXML with more than {self.limit} {self.what}"


class BadValue(ClixmlError):
    """A primitive whose text is not of its type. Only asking for the value raises it.

    Attributes:
        tag: The primitive's tag, such as ``I32``.
        raw: Its text.
    """

    def __init__(self, tag: str, raw: str) -> None:
        self.tag, self.raw = tag, raw
        super().__init__(tag, raw)

    def __str__(self) -> str:
        return f"{self.raw[:60]!r} is no {self.tag}"


class Broken(Exception):
    """A grammar mistake, before its position is known; never leaves this package.

    Attributes:
        reason: What is wrong.
        element: The element that is.
    """

    def __init__(self, reason: str, element: Element) -> None:
        self.reason, self.element = reason, element
        super().__init__(reason, element)
