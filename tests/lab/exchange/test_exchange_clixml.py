"""CLIXML trees survive being written and read."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.lab.exchange.clixml import (
    Collection,
    Dictionary,
    Obj,
    Scalar,
    Value,
    decode_text,
    encode_text,
    plain,
    string,
    text_of,
    texts_of,
    with_blobs,
    write,
)
from reconciler.lab.exchange.clixml_reader import BadClixml, read
from tests.rules import rule

SAMPLES = Path(__file__).parent.parent / "samples"
FOLDERS = [SAMPLES, *(Path(name) for name in [os.environ.get("EXCHANGE_CORPUS", "")] if name)]
FILES = [path for folder in FOLDERS for path in sorted(folder.glob("*.xml"))]

# As .NET sees it, a pair of surrogates is one character.
anything = st.text(st.characters(codec=None), max_size=20).map(
    lambda text: text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
)
scalars = st.one_of(
    st.builds(Scalar, st.sampled_from(["S", "URI", "XD"]), anything),
    st.builds(Scalar, st.sampled_from(["I32", "I64"]), st.integers(-99, 99).map(str)),
    st.just(Scalar("Nil")),
)
type_chains = st.sampled_from([None, ("System.Object",), ("A.B`1[[C, D]]", "System.Object")])


def objects(children: st.SearchStrategy[Value]) -> st.SearchStrategy[Value]:
    members = st.none() | st.dictionaries(anything, children, max_size=3)
    many = st.lists(children, max_size=3).map(tuple)
    entries = st.lists(st.tuples(scalars, children), max_size=2).map(tuple)
    bodies = st.one_of(
        st.none(),
        st.builds(Scalar, st.just("I32"), st.just("1")),
        st.builds(Collection, st.sampled_from(["LST", "IE", "QUE", "STK"]), many),
        st.builds(Dictionary, entries),
    )
    return st.builds(Obj, type_chains, st.none() | anything, bodies, members, members)


trees = st.recursive(scalars, objects, max_leaves=12)


def shape(value: Value) -> object:
    """A tree as plain data, so that two of them can be compared."""
    if isinstance(value, Scalar):
        return value
    match value.body:
        case Collection(tag, items):
            body: object = (tag, [shape(item) for item in items])
        case Dictionary(entries):
            body = [(shape(key), shape(entry)) for key, entry in entries]
        case _:
            body = value.body
    members = [
        None if group is None else [(name, shape(member)) for name, member in group.items()]
        for group in (value.properties, value.notes)
    ]
    return (value.types, value.text, body, members)


def read_back(value: Value) -> Value:
    (result,) = read(f"<Objs>{write(value)}</Objs>".encode())
    return result


class TestATree:
    @given(trees)
    def test_survives_being_written_and_read(self, tree: Value) -> None:
        assert shape(read_back(tree)) == shape(tree)

    @given(anything)
    def test_any_text_survives_the_escaping(self, text: str) -> None:
        """Control characters, surrogates and text that looks like an escape among them."""
        assert decode_text(encode_text(text)) == text

    def test_carriage_returns_are_escaped_in_to_string_too(self) -> None:
        assert "<ToString>a_x000D__x000A_b_x005F_x</ToString>" in write(Obj(text="a\r\nb_x"))

    def test_an_astral_character_goes_as_two_units(self) -> None:
        assert write(string("\U0001f600")) == "<S>_xD83D__xDE00_</S>"

    @rule("6.5-1")
    def test_an_object_met_twice_is_a_reference(self) -> None:
        """Id refers to Identity in every real object [6.5-1]."""
        inner = Obj(("T",), "inner")
        xml = write(Obj(("T",), None, None, {"Identity": inner, "Id": inner}))
        assert '<Ref N="Id" RefId="1" />' in xml
        assert '<TNRef RefId="0" />' in xml
        (top,) = read(f"<Objs>{xml}</Objs>".encode())
        assert isinstance(top, Obj)
        assert top.properties is not None
        assert top.properties["Id"] is top.properties["Identity"]

    def test_equal_but_different_objects_stay_two(self) -> None:
        """Merging equals loses the note properties of one of them."""
        pair = Obj(body=Collection("LST", (Obj(text="a"), Obj(text="a"))))
        assert "<Ref" not in write(pair)

    @rule("6.1-5")
    def test_the_plain_form_has_strings_in_place_of_objects(self) -> None:
        """[6.1-5]; lists stay lists, of strings."""
        item = Obj(
            ("X",), "SMTP:*;1", None, {"Cost": Scalar("I32", "1")}, {"SerializationData": Scalar("BA")}
        )
        top = Obj(
            ("T",),
            "name",
            None,
            {"Size": Obj(("Y",), "1 KB"), "Spaces": Obj(("L",), None, Collection("LST", (item,)))},
            {"SerializationData": Scalar("BA", "AA==")},
        )
        flat = plain(top)
        assert flat.properties is not None
        assert flat.properties["Size"] == string("1 KB")
        assert texts_of(flat.properties["Spaces"]) == ("SMTP:*;1",)
        assert flat.types == ("T",)
        assert "SerializationData" not in write(flat)

    def test_blobs_can_be_changed_without_losing_what_is_shared(self) -> None:
        inner = Obj(("T",), "x", notes={"SerializationData": Scalar("BA", "AAE=")})
        top = with_blobs(Obj(None, None, None, {"A": inner, "B": inner}), lambda blob: blob[::-1])
        assert "AQA=" in write(top)
        assert "<Ref" in write(top)


class TestReading:
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
    def test_export_clixml_writes_several_encodings(self, encoding: str) -> None:
        (value,) = read('<Objs Version="1.1.0.1"><S>ä</S></Objs>'.encode(encoding))
        assert text_of(value) == "ä"

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "hello",
            "<Other />",
            "<Objs><Ref RefId='7' /></Objs>",
            "<Objs><Obj RefId='0'><TNRef RefId='1' /></Obj></Objs>",
            "<Objs><Surprise /></Objs>",
            "<Objs><Obj RefId='0'><Props><S>no name</S></Props></Obj></Objs>",
            "<Objs><Obj RefId='0'><DCT><En><S N='Key'>a</S></En></DCT></Obj></Objs>",
            '<!DOCTYPE a [<!ENTITY b "c">]><Objs><S>&b;</S></Objs>',
        ],
    )
    def test_refuses_what_is_not_clixml(self, text: str) -> None:
        with pytest.raises(BadClixml):
            read(text.encode())

    def test_refuses_to_follow_endless_nesting(self) -> None:
        deep = "<Obj RefId='0'><LST>" * 60 + "</LST></Obj>" * 60
        with pytest.raises(BadClixml, match="deep"):
            read(f"<Objs>{deep}</Objs>".encode())

    def test_refuses_nesting_by_references(self) -> None:
        """A flat file of objects that each hold the one before: no writer could recurse that deep."""
        chain = "<Obj RefId='0'><LST/></Obj>" + "".join(
            f"<Obj RefId='{number}'><LST><Ref RefId='{number - 1}'/><S>x</S></LST></Obj>"
            for number in range(1, 60)
        )
        with pytest.raises(BadClixml, match="deep"):
            read(f"<Objs>{chain}</Objs>".encode())

    def test_reads_many_references_to_one_object(self) -> None:
        """Broad is not deep."""
        broad = "<Obj RefId='0'><S>a</S></Obj>" + "".join(
            f"<Obj RefId='{number}'><LST><Ref RefId='0'/><Ref RefId='0'/></LST></Obj>"
            for number in range(1, 60)
        )
        assert len(read(f"<Objs>{broad}</Objs>".encode())) == 60


class TestRealFiles:
    @pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
    def test_come_out_as_they_went_in(self, path: Path) -> None:
        values = read(path.read_bytes())
        assert values
        for value in values:
            assert shape(read_back(value)) == shape(value)

    @pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
    def test_every_element_and_text_of_the_file_is_in_the_tree(self, path: Path) -> None:
        """Counted by ElementTree alone, references resolved on both sides."""
        source = ElementTree.fromstring(path.read_bytes())  # noqa: S314 - the project's own samples
        for before, value in zip(source, read(path.read_bytes()), strict=True):
            after = ElementTree.fromstring(write(value))  # noqa: S314 - written here
            assert _census(after, after) == _census(before, source)


def _census(top: ElementTree.Element, root: ElementTree.Element) -> Counter[tuple[str, str | None, str]]:
    """Count (tag, name, text) below an element, following Ref and TNRef into the whole document."""
    known = {e.get("RefId"): e for e in root.iter() if _tag(e) == "Obj"}
    chains = {e.get("RefId"): e for e in root.iter() if _tag(e) == "TN"}
    found: Counter[tuple[str, str | None, str]] = Counter()

    def visit(element: ElementTree.Element, name: str | None) -> None:
        tag = _tag(element)
        if tag == "Ref":
            visit(known[element.get("RefId")], name)
        elif tag == "TNRef":
            visit(chains[element.get("RefId")], name)
        else:
            text = "" if len(element) else (element.text or "")
            found[tag, name, text] += 1
            for child in element:
                visit(child, child.get("N"))

    visit(top, None)
    return found


def _tag(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]
