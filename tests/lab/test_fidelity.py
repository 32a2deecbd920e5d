"""docs/lab-fidelity.md says what the markers say, and leaves no rule out."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lab.fidelity import PAGE, Holder, Rule, complaints, holders, page, rules

LAB, CLIENT = Holder("tests/lab/test_x.py", "test_a"), Holder("tests/unit/test_x.py", "test_a")


class TestThePage:
    def test_leaves_no_rule_without_a_test_or_a_reason(self) -> None:
        assert complaints(rules(), holders()) == []

    def test_is_up_to_date(self) -> None:
        """``make fidelity`` writes it."""
        assert PAGE.read_text(encoding="utf-8") == page(rules(), holders())


class TestARule:
    def test_is_listed_once(self) -> None:
        ids = [rule.id for rule in rules()]
        assert len(ids) == len(set(ids)) == 106

    @pytest.mark.parametrize(
        ("rule", "held", "told"),
        [
            (Rule("1-1", "t"), {}, "no reason"),
            (Rule("1-1", "t"), {"1-1": [CLIENT]}, "no reason"),
            (Rule("1-1", "t", "why"), {"1-1": [LAB]}, "yet a reason"),
            (Rule("1-1", "t", "why"), {"9-9": [CLIENT]}, "names the rule 9-9"),
        ],
    )
    def test_that_is_wrong_is_told(self, rule: Rule, held: dict[str, list[Holder]], told: str) -> None:
        (complaint,) = complaints([rule], held)
        assert told in complaint

    def test_that_is_right_is_not(self) -> None:
        assert complaints([Rule("1-1", "t"), Rule("1-2", "t", "why")], {"1-1": [LAB], "1-2": [CLIENT]}) == []


class TestAMarker:
    def test_is_found_on_tests_and_on_classes(self, tmp_path: Path) -> None:
        folder = tmp_path / "tests"
        folder.mkdir()
        (folder / "test_x.py").write_text(
            '@rule("1-1")\nclass TestA:\n    @rule("1-2", "1-3")\n    @other\n    def test_b(self): ...\n\n'
            '@pytest.mark.rule("1-1")\ndef test_c(): ...\n'
        )
        found = {each: [holder.name for holder in held] for each, held in holders(folder).items()}
        assert found == {"1-1": ["TestA", "test_c"], "1-2": ["TestA.test_b"], "1-3": ["TestA.test_b"]}
