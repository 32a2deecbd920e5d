"""At every door: what is valid is taken, and what is damaged is taken or refused, never anything else."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.all_targets import TARGETS
from tests.fuzz.damage import damaged, damaged_json, damaged_xml
from tests.fuzz.target import CUT, Target

_EXAMPLES = 60
_SLOW = {"lab-exports": 20}
"""Files of real size; `make fuzz` looks further."""

every_door = pytest.mark.parametrize("name", sorted(TARGETS))
_quiet = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example]


def feed(target: Target, data: bytes) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        return target.feed(data, Path(folder))


@every_door
def test_some_seed_is_taken(name: str) -> None:
    """Were every seed refused, the rest of this file would look at refusals of refusals."""
    target = TARGETS[name]
    assert any(feed(target, seed) for seed in target.seeds())


@every_door
def test_nothing_at_all_is_refused(name: str) -> None:
    """An empty file, an empty answer, a peer that hangs up."""
    assert not feed(TARGETS[name], b"")


@every_door
def test_damage_is_taken_or_refused(name: str) -> None:
    target = TARGETS[name]

    @settings(max_examples=_SLOW.get(name, _EXAMPLES), suppress_health_check=_quiet)
    @given(damaged(target))
    def property_(data: bytes) -> None:
        assert feed(target, data) in (True, False)

    property_()


@pytest.mark.parametrize("name", ["plan", "record", "lab-faults", "connections"])
def test_json_of_another_shape_is_taken_or_refused(name: str) -> None:
    """Everything that may stand at any place of it, at each of its places."""
    target = TARGETS[name]
    seed = target.seeds()[0]

    @settings(max_examples=60, suppress_health_check=_quiet)
    @given(st.data())
    def property_(data: st.DataObject) -> None:
        parts = seed.split(CUT)
        at = data.draw(st.sampled_from([index for index, part in enumerate(parts) if part[:1] in b"[{"]))
        lines = parts[at].split(b"\n") if name == "record" and at == 2 else [parts[at]]
        line = data.draw(st.sampled_from([index for index, line in enumerate(lines) if line]))
        lines[line] = data.draw(damaged_json(lines[line]))
        parts[at] = b"\n".join(lines)
        assert feed(target, CUT.join(parts)) in (True, False)

    property_()


@pytest.mark.parametrize("name", ["clixml", "lab-exports"])
def test_xml_of_another_shape_is_taken_or_refused(name: str) -> None:
    target = TARGETS[name]
    seeds = target.seeds()

    @settings(max_examples=15 if name in _SLOW else 60, suppress_health_check=_quiet)
    @given(st.data())
    def property_(data: st.DataObject) -> None:
        seed = data.draw(st.sampled_from(seeds))
        assert feed(target, data.draw(damaged_xml(seed))) in (True, False)

    property_()


@settings(max_examples=60, suppress_health_check=_quiet)
@given(st.data())
def test_a_message_of_another_shape_is_an_error_or_read(data: st.DataObject) -> None:
    """One message of a whole session with a server, and what hangs in it."""
    target = TARGETS["session-messages"]
    pools = [pool.split(b"\n") for pool in data.draw(st.sampled_from(target.seeds())).split(CUT)]
    messages = data.draw(st.sampled_from(pools))
    at = data.draw(st.sampled_from(range(len(messages))))
    kind, _, xml = messages[at].partition(b" ")
    messages[at] = kind + b" " + data.draw(damaged_xml(xml)).replace(b"\n", b" ")
    assert feed(target, CUT.join(map(b"\n".join, pools))) in (True, False)


def test_a_version_of_thousands_of_digits_is_no_version() -> None:
    """Python refuses to make a number of them, with an error of its own."""
    target = TARGETS["session-messages"]
    opening, *rest = target.seeds()[0].split(CUT)
    version = opening.replace(b">2.3<", b">3." + b"9" * 5000 + b"<")
    assert version != opening
    assert feed(target, CUT.join([version, *rest]))
