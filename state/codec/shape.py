"""JSON taken apart strictly: every key expected, every type checked, every failure says where."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import Any, NoReturn, Self

from ..errors import StateError
from ..resources import Json


@dataclass
class Malformed(StateError):
    """JSON of another shape than expected.

    Attributes:
        where: The way down to it, ``resources.certificate.EX1.public.at``; "" for the whole.
        reason: What is wrong there.
    """

    where: str
    reason: str

    def __str__(self) -> str:
        return f"{self.where}: {self.reason}" if self.where else self.reason


def json_bytes(value: Json, indent: int | None = None) -> bytes:
    """Write JSON in ASCII, keys in the order given.

    Raises:
        ValueError: it holds an infinite number or NaN, which JSON has no text for.
    """
    return json.dumps(value, indent=indent, allow_nan=False).encode("ascii")


def json_value(data: bytes, largest: int) -> Json:
    """Read one JSON text (RFC 8259) of at most ``largest`` bytes.

    Raises:
        Malformed: it is none, is too long, nests too deeply, or gives a key twice.
    """
    if len(data) > largest:
        raise Malformed("", f"it is longer than {largest} bytes")
    try:
        value: Json = json.loads(
            data.decode("utf-8"), object_pairs_hook=_once, parse_constant=_refuse, parse_float=_finite
        )
    except RecursionError:
        raise Malformed("", "it nests too deeply") from None
    except json.JSONDecodeError as error:
        raise Malformed("", f"it is not JSON in line {error.lineno}, column {error.colno}") from None
    except ValueError as error:
        raise Malformed("", f"it is not JSON: {error}") from None
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is given twice")
    return found


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:40]} is too large")
    return number


@dataclass
class Shape:
    """One JSON object being taken apart; :meth:`done` refuses keys that nobody asked for."""

    where: str
    members: dict[str, Json]
    taken: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, value: Json, where: str) -> Self:
        """Expect an object.

        Raises:
            Malformed: it is something else.
        """
        if not isinstance(value, dict):
            raise Malformed(where, "an object is expected")
        return cls(where, value)

    @staticmethod
    def list_of(value: Json, where: str) -> list[Json]:
        """Expect a list.

        Raises:
            Malformed: it is something else.
        """
        if not isinstance(value, list):
            raise Malformed(where, "a list is expected")
        return value

    def path(self, key: str) -> str:
        return f"{self.where}.{key}" if self.where else key

    def take(self, key: str) -> Json:
        """The member of this name, whatever it is.

        Raises:
            Malformed: there is none.
        """
        if key not in self.members:
            raise Malformed(self.path(key), "it is missing")
        self.taken.add(key)
        return self.members[key]

    def since_later(self, key: str, missing: Json) -> Json:
        """The member of this name, which an earlier version of the format did not have."""
        return self.take(key) if key in self.members else missing

    def text(self, key: str) -> str:
        value = self.take(key)
        if not isinstance(value, str):
            raise Malformed(self.path(key), "a text is expected")
        return value

    def truth(self, key: str) -> bool:
        value = self.take(key)
        if not isinstance(value, bool):
            raise Malformed(self.path(key), "true or false is expected")
        return value

    def whole_number(self, key: str) -> int:
        value = self.take(key)
        if not isinstance(value, int) or isinstance(value, bool):
            raise Malformed(self.path(key), "a whole number is expected")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        texts = [item for item in self.list_of(self.take(key), self.path(key)) if isinstance(item, str)]
        if len(texts) != len(self.list_of(self.members[key], self.path(key))):
            raise Malformed(self.path(key), "a list of texts is expected")
        return tuple(texts)

    def object(self, key: str) -> dict[str, Json]:
        return Shape.of(self.take(key), self.path(key)).members

    def shape(self, key: str) -> Shape:
        return Shape.of(self.take(key), self.path(key))

    def shape_or_none(self, key: str) -> Shape | None:
        return None if self.take(key) is None else self.shape(key)

    def done(self) -> None:
        """Refuse what was not taken.

        Raises:
            Malformed: a key is left over.
        """
        for key in self.members:
            if key not in self.taken:
                raise Malformed(self.path(key), "this format has no such key")
