"""Whatever stands in the file, loading ends, with diagnostics and without an exception."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler.config import Loaded, load
from reconciler.config.tree import parse, plain
from reconciler.diagnostics import has_errors

TODAY = date(2026, 7, 1)
EXAMPLE = (Path(__file__).parents[3] / "examples" / "contoso" / "tls.yaml").read_text(encoding="utf-8")

NAMES = ["*", "trusted", "public", "internet", "MBX1", "EDGE1", "other", "dns", "a.example", "--", ""]
KEYS = ["to", "servers", "kind", "via", "smart_hosts", "certificate", "domain", "x", ""]

anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 70000)
    | st.sampled_from(
        ["*", "trusted", "public", "internet", "MBX1", "EDGE1", "other", "dns", "a.example", "--", ""]
    )
    | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["to", "servers", "kind", "via", "smart_hosts", "certificate", "domain", "x", ""]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=5,
)


def load_text(folder: Path, text: str) -> Loaded:
    file = folder / "tls.yaml"
    file.write_bytes(text.encode("utf-8", "surrogatepass"))
    outcome = load(file, today=TODAY)
    assert (outcome.desired is None) is has_errors(outcome.diagnostics)
    return outcome


def places(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    below = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, item in below for place in places(item, (*path, key)))]


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_value_in_any_place_is_read_or_told(tmp_path: Path, data: st.DataObject) -> None:
    """One value of the example replaced by another, or its key by another key."""
    root = parse(EXAMPLE, "f").root
    assert root is not None
    state = plain(root)
    path = data.draw(st.sampled_from(places(state)[1:]))
    parent = state
    for step in path[:-1]:
        parent = parent[step]
    parent[path[-1]] = data.draw(anything)
    if isinstance(parent, dict) and data.draw(st.booleans()):
        parent[data.draw(st.text(max_size=5))] = parent.pop(path[-1])
    load_text(tmp_path, json.dumps(state))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.integers(0, len(EXAMPLE)),
    st.integers(0, 40),
    st.text(st.sampled_from("ab:-[]{}&*!#|>'\"%@`,? \n\t\\\r"), max_size=12),
)
def test_any_damage_to_the_text_is_read_or_told(tmp_path: Path, at: int, length: int, instead: str) -> None:
    """A slip of the hand in the middle of the example."""
    load_text(tmp_path, EXAMPLE[:at] + instead + EXAMPLE[at + length :])


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200))
def test_any_bytes_are_told(tmp_path: Path, content: bytes) -> None:
    """A file of something else altogether."""
    file = tmp_path / "tls.yaml"
    file.write_bytes(content)
    assert load(file, today=TODAY).desired is None


def test_thousands_of_problems_are_all_told_in_a_few_seconds(tmp_path: Path) -> None:
    """Suggestions are what costs; after the first hundred there are none."""
    unknown = "".join(f"unknown_key_{number}: 1\n" for number in range(5000))
    outcome = load_text(
        tmp_path, "version: 1\norganization: contoso\nservers: {EX1: {role: mailbox}}\n" + unknown
    )
    assert len(outcome.diagnostics) == 5000
