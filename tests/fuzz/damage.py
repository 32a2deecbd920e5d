"""Valid inputs, damaged: what arbitrary bytes hardly ever are is nearly right."""

from __future__ import annotations

import copy
import json
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from tests.fuzz.target import Target

_JOINTS = b"<>\n\"'{}[],:|\0 "
"""Where one thing of a text ends and the next begins."""

_ODD_TEXT = st.sampled_from(
    ["", "*", "\ud800", "\0", "x" * 3000, "certificate.EX1.public#thumbprint", "-", "1"]
)
_ODD_JSON = st.recursive(
    st.sampled_from([None, True, -1, 0, 2**63, 10**40, 1.5]) | _ODD_TEXT,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(_ODD_TEXT, inner, max_size=2),
    max_leaves=4,
)


def damaged(target: Target) -> SearchStrategy[bytes]:
    """A seed after one to four slips of the hand, at joints and in the middle of things."""
    return _slips(target.seeds(), target.words)


@st.composite
def _slips(draw: DrawFn, seeds: Sequence[bytes], words: Sequence[bytes]) -> bytes:
    data = draw(st.sampled_from(seeds))
    for _ in range(draw(st.integers(1, 4))):
        start = _place(draw, data)
        end = min(len(data), start + draw(st.integers(1, 60)) if draw(st.booleans()) else _place(draw, data))
        start, end = sorted((start, end))
        match draw(st.integers(0, 6)):
            case 0:
                data = data[:start] + data[end:]
            case 1:
                data = data[:end] + data[start:end] * draw(st.sampled_from([1, 2, 60])) + data[end:]
                data = data[: 256 * 1024]
            case 2:
                data = data[:start] + draw(st.binary(min_size=1, max_size=4)) + data[start + 1 :]
            case 3:
                data = data[:start] + draw(st.sampled_from(words or (b"\xff",))) + data[start:]
            case 4:
                data = data[:start] + draw(st.sampled_from(words or (b"\0",))) + data[end:]
            case 5:
                other = draw(st.sampled_from(seeds))
                data = data[:start] + other[_place(draw, other) :]
            case _:
                data = data[:start]
    return data


def _place(draw: DrawFn, data: bytes) -> int:
    at = draw(st.integers(0, len(data)))
    if draw(st.booleans()):
        while at < len(data) and data[at] not in _JOINTS:
            at += 1
    return at


@st.composite
def damaged_json(draw: DrawFn, document: bytes) -> bytes:
    """JSON of which one member is lost, renamed, or something else altogether."""
    root = json.loads(document)
    places = list(_members(root))
    parent, key = draw(st.sampled_from(places))
    match draw(st.integers(0, 3)):
        case 0:
            del parent[key]
        case 1 if isinstance(parent, dict):
            name = draw(_ODD_TEXT | st.sampled_from(sorted(parent)))
            parent[name] = parent.pop(key)
        case 2:
            elsewhere, there = draw(st.sampled_from(places))
            elsewhere[there] = copy.deepcopy(parent[key])
        case _:
            parent[key] = draw(_ODD_JSON)
    return json.dumps(root).encode()


def _members(value: Any) -> Iterator[tuple[Any, Any]]:
    for key in (
        list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    ):
        yield value, key
        yield from _members(value[key])


@st.composite
def damaged_xml(draw: DrawFn, document: bytes, words: Sequence[str] = ()) -> bytes:
    """XML of which one element is lost, doubled, renamed, moved, emptied or says something else."""
    root = ET.fromstring(document)  # noqa: S314 - our own sample
    for _ in range(draw(st.integers(1, 3))):
        parent = draw(st.sampled_from([element for element in root.iter() if len(element)]))
        child = draw(st.sampled_from(list(parent)))
        elements = list(root.iter())
        match draw(st.integers(0, 6)):
            case 0 if len(root) > 1 or parent is not root:
                parent.remove(child)
            case 1:
                parent.append(copy.deepcopy(child))
            case 2:
                child.tag = draw(st.sampled_from(elements)).tag
            case 3:
                draw(st.sampled_from(elements)).append(copy.deepcopy(child))
            case 4:
                child.text = draw(_odd_values(words))
            case 5:
                child.attrib = dict(draw(st.sampled_from(elements)).attrib)
            case _:
                child[:] = []
        if not any(len(element) for element in root.iter()):
            break
    return ET.tostring(root)


def _odd_values(words: Sequence[str]) -> SearchStrategy[str]:
    return st.sampled_from(
        [
            *(
                "",
                "NaN",
                "1e999999",
                "-1",
                "9" * 30,
                "9999-12-31T23:59:59.9999999Z",
                "0001-01-01T00:00:00+14:00",
            ),
            *(
                "AAEC",
                "_xD800_",
                "true",
                "x" * 3000,
                "\u2028",
                "SMTP:*;1",
                "192.0.2.1-192.0.2.0",
                "25.5 MB (x bytes)",
            ),
            *words,
        ]
    )
