"""YAML with positions: what is read, where it stands, and what is refused."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.config.tree import DEEPEST, MappingNode, Parsed, key_at, node_at, parse, plain, value_at


def summaries(parsed: Parsed) -> list[str]:
    return [diagnostic.summary for diagnostic in parsed.diagnostics]


class TestScalars:
    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ("true", True),
            ("False", False),
            ("yes", "yes"),
            ("off", "off"),
            ("null", None),
            ("~", None),
            ("2048", 2048),
            ("-1", -1),
            ("2027-01-31", "2027-01-31"),
            ("1.10", "1.10"),
            ("00:10:00", "00:10:00"),
            ("'true'", "true"),
            ('"25"', "25"),
        ],
    )
    def test_follow_yaml_1_2(self, text: str, value: object) -> None:
        """The words and dates of YAML 1.1 are texts; quotes make anything a text."""
        parsed = parse(f"key: {text}", "f")
        assert parsed.root is not None
        assert plain(parsed.root) == {"key": value}

    def test_with_a_tag_are_refused(self) -> None:
        """No tag makes an object, and none is passed over in silence."""
        assert summaries(parse("key: !!python/object:os.system x", "f")) == ["Tags are not supported"]
        assert summaries(parse("key: !!map {a: b}", "f")) == ["Tags are not supported"]

    def test_beyond_the_basic_plane_are_read_as_json_writes_them(self) -> None:
        """Two escapes are one character; one alone is none, and would fail wherever it is written."""
        root = parse('key: "\\ud83d\\udce7"', "f").root
        assert root is not None
        assert plain(root) == {"key": "\U0001f4e7"}
        assert summaries(parse('key: "\\ud83d"', "f")) == ["Not a character"]


class TestPositions:
    TEXT = "servers:\n  EX1:\n    domains: [a.example, b.example]\n"

    def test_of_keys_values_and_items(self) -> None:
        """Lines and columns count from 1."""
        root = parse(self.TEXT, "tls.yaml").root
        assert root is not None
        assert str(key_at(root, ["servers", "EX1", "domains"])) == "tls.yaml:3:5"
        assert str(value_at(root, ["servers", "EX1", "domains"])) == "tls.yaml:3:14"
        assert str(key_at(root, ["servers", "EX1", "domains", 1])) == "tls.yaml:3:26"
        assert key_at(root, ["servers"]).text == "servers:"
        assert value_at(root, ["servers", "EX1", "domains", 0]).length == len("a.example")

    def test_of_what_is_missing_are_those_of_the_nearest_parent(self) -> None:
        """A missing key is told where it should stand."""
        root = parse(self.TEXT, "tls.yaml").root
        assert root is not None
        assert str(key_at(root, ["servers", "EX1", "role"])) == "tls.yaml:2:3"
        assert node_at(root, ["servers", "EX1", "role"]) is None
        assert node_at(root, ["servers", "EX1", "domains", 2]) is None


class TestAKeyGivenTwice:
    def test_is_told_with_both_places_and_the_first_counts(self) -> None:
        """YAML 1.2 forbids it; most readers take the last one in silence."""
        parsed = parse("a: 1\nb: 2\na: 3\n", "f")
        assert [str(d.where) for d in parsed.diagnostics] == ["f:3:1"]
        assert "f:1:1" in parsed.diagnostics[0].detail
        assert parsed.root is not None
        assert plain(parsed.root)["a"] == 1


class TestAliases:
    def test_stand_for_what_they_name(self) -> None:
        """Anchors are part of YAML; where the value stands is where it was written."""
        root = parse("a: &x {b: 1}\nc: *x\n", "f").root
        assert root is not None
        assert plain(root) == {"a": {"b": 1}, "c": {"b": 1}}
        assert str(value_at(root, ["c", "b"])) == "f:1:11"

    def test_that_contain_themselves_are_refused(self) -> None:
        """Otherwise the tree has no end."""
        assert summaries(parse("a: &x [*x]", "f")) == ["Unknown anchor"]

    def test_cannot_make_a_small_file_large(self) -> None:
        """Ten lines of this are ten thousand million values."""
        lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
        lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
        assert summaries(parse("\n".join(lines), "f")) == ["YAML too large"]


class TestDepth:
    def test_is_bounded(self) -> None:
        """A reader that recursed would fall over; one that did not would take seconds."""
        began = time.monotonic()
        assert summaries(parse("[" * 100_000, "f")) == ["Nested too deeply"]
        assert summaries(parse("\n".join(" " * n + "a:" for n in range(1000)), "f")) == ["Nested too deeply"]
        assert time.monotonic() - began < 5

    def test_that_the_format_needs_is_allowed(self) -> None:
        """Far more than any key of ours needs."""
        assert not summaries(parse("[" * DEEPEST + "]" * DEEPEST, "f"))


class TestWhatIsNotYaml:
    @pytest.mark.parametrize(
        ("text", "hint"),
        [
            ("a:\n\tb: 1", "no tabs"),
            ("to: [*]", 'write "*" in quotes'),
            ("a: [1, 2", "missing quote, colon, bracket"),
            ("a: 'open", "missing quote"),
            ('a: "\\UFFFFFFFF"', "missing quote"),
            ("a: \x00", "missing quote"),
            ("%YAML 99999999999999999999.1\n---\na: 1", "missing quote"),
        ],
    )
    def test_is_told_once_with_a_hint(self, text: str, hint: str) -> None:
        """The parser stops at the first problem, and so does the diagnosis."""
        parsed = parse(text, "f")
        assert summaries(parsed) == ["Not YAML"]
        assert hint in parsed.diagnostics[0].hint
        assert parsed.root is None

    def test_includes_a_second_document(self) -> None:
        """Only one would count, and nobody would know which."""
        assert summaries(parse("a: 1\n---\nb: 2\n", "f")) == ["Several documents in one file"]

    def test_includes_keys_that_are_no_text(self) -> None:
        """A template placeholder without quotes ends up here."""
        assert summaries(parse("a: {{ name }}", "f")) == ["Key is not a text"]


texts = st.text(st.characters(exclude_categories=["C"]), max_size=8)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**17), 10**17) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=12,
)


@given(values)
def test_json_is_read_as_json_says(value: object) -> None:
    """JSON is YAML, and the lab writes its connections file as JSON."""
    parsed = parse(json.dumps(value), "f")
    assert not parsed.diagnostics
    assert parsed.root is not None
    assert plain(parsed.root) == value


@settings(max_examples=300)
@given(st.text(st.sampled_from("ab:-[]{}&*!#|>'\"%@`,? \n\t\\0\r\x85\ufeff") | st.characters(), max_size=60))
def test_no_text_makes_it_raise(text: str) -> None:
    """A tree, or at least one diagnostic, or nothing for an empty text."""
    parsed = parse(text, "f")
    assert parsed.root is None or not isinstance(parsed.root, MappingNode) or plain(parsed.root) is not None
    for diagnostic in parsed.diagnostics:
        assert diagnostic.where is not None
        assert diagnostic.where.line >= 1
        assert diagnostic.where.column >= 1
