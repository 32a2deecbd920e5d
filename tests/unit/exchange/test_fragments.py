"""PSRP fragments become messages, whatever the cut and however many."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pypsrp.exceptions import FragmentError
from pypsrp.messages import Destination, MessageType
from pypsrp.serializer import Serializer

from reconciler.exchange.session import fragments
from reconciler.exchange.session.fragments import BoundedFragmenter


class Raw(Serializer):
    """Leaves pipeline output as text."""

    def deserialize(self, element: object, metadata: object = None, clear: bool = True) -> object:
        return element


def message(text: str) -> bytes:
    return struct.pack("<II", Destination.CLIENT, MessageType.PIPELINE_OUTPUT) + bytes(32) + text.encode()


def cut(object_id: int, whole: bytes, size: int) -> bytes:
    parts = [whole[at : at + size] for at in range(0, len(whole), size)]
    return b"".join(
        struct.pack(">QQBI", object_id, at, (at == 0) | (at == len(parts) - 1) << 1, len(part)) + part
        for at, part in enumerate(parts)
    )


def texts(made: BoundedFragmenter, data: bytes) -> list[str]:
    return [found.data.data for found in made.defragment(data)]  # output has data


def fresh() -> BoundedFragmenter:
    return BoundedFragmenter(1000, Raw())


@given(st.lists(st.text(max_size=60), max_size=4), st.integers(1, 50))
def test_a_message_survives_being_cut(given_texts: list[str], size: int) -> None:
    data = b"".join(cut(at, message(text), size) for at, text in enumerate(given_texts))
    assert texts(fresh(), data) == [text.removeprefix("\ufeff") for text in given_texts]


def test_a_message_may_end_in_a_later_answer() -> None:
    made, data = fresh(), cut(1, message("abc"), 20)
    assert texts(made, data[:41]) == []
    assert texts(made, data[41:]) == ["abc"]


def test_a_hundred_thousand_fragments_take_no_time() -> None:
    """Quadratic work would take minutes here."""
    assert texts(fresh(), cut(1, message("x" * 100_000), 1)) == ["x" * 100_000]


@pytest.mark.parametrize(
    "data",
    [
        b"short",
        struct.pack(">QQBI", 1, 0, 3, 10) + b"abc",
        struct.pack(">QQBI", 1, 0, 0, 0),
        struct.pack(">QQBI", 1, 5, 1, 0),
        struct.pack(">QQBI", 1, 0, 1, 0) * 2,
    ],
)
def test_fragments_that_do_not_fit_are_refused(data: bytes) -> None:
    with pytest.raises(FragmentError):
        fresh().defragment(data)


def test_messages_that_never_end_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fragments, "LARGEST_MESSAGE", 100)
    begun = [struct.pack(">QQBI", object_id, 0, 1, 10) + bytes(10) for object_id in range(11)]
    assert texts(fresh(), b"".join(begun[:10])) == []
    with pytest.raises(FragmentError):
        fresh().defragment(b"".join(begun))
