"""The CLIXML reader: nothing dropped, nothing invented, nothing unbounded."""

from __future__ import annotations

import os
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import defusedxml.ElementTree as defused
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.exchange import clixml
from tests.rules import rule

FOLDERS = [
    Path(__file__).parent / "samples",
    *(Path(folder) for folder in [os.environ.get("EXCHANGE_CORPUS")] if folder),
]
FILES = [path for folder in FOLDERS for path in sorted(folder.glob("*.xml"))]
NAMESPACE = "{http://schemas.microsoft.com/powershell/2004/04}"
LEAVES = {"TNRef", "Ref", "Nil"}

Element = tuple[str, str, frozenset[tuple[str, str]]]


def elements_of_xml(data: bytes) -> Iterator[Element]:
    """Every element by the standard library, which knows nothing of CLIXML."""
    for element in defused.fromstring(data).iter():
        text = "" if len(element) else element.text or ""
        yield (
            element.tag.removeprefix(NAMESPACE),
            text if text.strip() else "",
            frozenset(element.attrib.items()),
        )


def elements_of_tree(part: clixml.Part) -> Iterator[Element]:
    """Every element that the tree has kept."""
    attributes = frozenset((k, v) for k, v in part.attributes.items() if k != "xmlns")
    raw = part.raw if isinstance(part, clixml.Primitive) else ""
    yield part.tag, raw if raw.strip() else "", attributes
    children: list[clixml.Part | None]
    match part:
        case clixml.Object():
            children = [part.type_element, part.text_element, part.adapted, part.extended, *part.contents]
        case clixml.Members():
            children = [*part.by_name.values()]
        case clixml.Items():
            children = [*part.nodes]
        case clixml.Entries():
            children = [*part.pairs]
        case clixml.TypeNames():
            children = [*part.elements]
        case _:
            children = []
    for child in children:
        if child is not None:
            yield from elements_of_tree(child)


def parts_of(part: clixml.Part) -> Iterator[clixml.Part]:
    yield part
    if isinstance(part, clixml.Object):
        for inner in (part.type_element, part.adapted, part.extended, *part.contents):
            if inner is not None:
                yield from parts_of(inner)
    elif isinstance(part, clixml.Members):
        for node in part.by_name.values():
            yield from parts_of(node)
    elif isinstance(part, clixml.Items):
        for node in part.nodes:
            yield from parts_of(node)
    elif isinstance(part, clixml.Entries):
        for pair in part.pairs:
            yield from parts_of(pair)


def one(xml: str | bytes) -> clixml.Object:
    (value,) = clixml.read(xml).values
    assert isinstance(value, clixml.Object)
    return value


def sample(name: str = "send_connector.xml") -> clixml.Object:
    value = clixml.read((FOLDERS[0] / name).read_bytes()).values[0]
    assert isinstance(value, clixml.Object)
    return value


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
class TestARealDocument:
    def test_is_kept_whole(self, path: Path) -> None:
        """For every tag the tree has the same number of elements, texts and attributes."""
        data = path.read_bytes()
        root = clixml.read(data).root
        assert root is not None
        assert Counter(elements_of_tree(root)) == Counter(elements_of_xml(data))

    def test_has_its_references_resolved(self, path: Path) -> None:
        """Each Ref and TNRef leads to the element that carries its id, and shows the same text."""
        data = path.read_bytes()
        objects, types = {}, {}
        for element in defused.fromstring(data).iter():
            match element.tag.removeprefix(NAMESPACE):
                case "Obj":
                    objects[element.attrib["RefId"]] = element.findtext(f"{NAMESPACE}ToString")
                case "TN":
                    types[element.attrib["RefId"]] = [name.text for name in element]
        root = clixml.read(data).root
        assert root is not None
        for part in parts_of(root):
            if isinstance(part, clixml.Reference):
                raw = part.target.text_element.raw if part.target.text_element else None
                assert raw == objects[part.attributes["RefId"]]
            elif isinstance(part, clixml.TypeReference):
                assert [t.raw for t in part.target.elements] == types[part.attributes["RefId"]]

    def test_has_values_of_their_tags(self, path: Path) -> None:
        """No primitive of a real document is a bad value."""
        root = clixml.read(path.read_bytes()).root
        assert root is not None
        for part in parts_of(root):
            if isinstance(part, clixml.Primitive):
                assert (part.value is None) == (part.tag == "Nil")


class TestAnObject:
    def test_has_types_and_a_text(self) -> None:
        connector = sample()
        assert connector.types[0].endswith("SmtpSendConnectorConfig")
        assert connector.to_string == "To partners\r\n& _friends"

    @rule("6.1-4")
    def test_loses_what_a_client_put_before_its_types(self) -> None:
        """Clients add ``Deserialized.``; servers send none [6.1-4]."""
        made = one('<Obj><TN RefId="0"><T>Deserialized.A</T><T>Deserialized.System.Object</T></TN></Obj>')
        assert made.types == ("A", "System.Object")

    @rule("5-6")
    def test_gives_the_same_object_for_a_reference(self) -> None:
        """Stock pypsrp loses every real send connector here [5-6]."""
        connector = sample()
        smart_hosts = connector.get("SmartHosts")
        assert isinstance(smart_hosts, clixml.Object)
        first = (smart_hosts.items or [])[0]
        assert isinstance(first, clixml.Object)
        assert connector.get("SourceIPAddress") is first.get("Address")

    def test_may_refer_to_itself(self) -> None:
        table = sample().get("Table")
        assert isinstance(table, clixml.Object)
        assert isinstance(table.contents[0], clixml.Entries)
        assert clixml.resolve(table.contents[0].pairs[1].nodes[1]) is table

    def test_that_is_an_enum_has_text_and_number(self) -> None:
        policies = sample().get("ErrorPolicies")
        assert isinstance(policies, clixml.Object)
        assert policies.to_string == "Default"
        assert policies.wrapped is not None
        assert policies.wrapped.value == 0

    def test_tells_nil_from_missing_and_from_empty(self) -> None:
        connector = sample()
        nil, empty = connector.get("Fqdn"), connector.get("Comment")
        assert isinstance(nil, clixml.Primitive)
        assert isinstance(empty, clixml.Primitive)
        assert nil.value is None
        assert empty.value == ""
        assert connector.get("NoSuchProperty") is None

    def test_lets_an_extended_member_hide_an_adapted_one(self) -> None:
        made = one('<Obj><Props><S N="a">inner</S></Props><MS><S N="a">outer</S></MS></Obj>')
        assert isinstance(found := made.get("a"), clixml.Primitive)
        assert found.text == "outer"
        assert list(made.names()) == ["a", "a"]

    def test_has_member_names_unescaped(self) -> None:
        assert sample().get("A note") is not None


class TestACollection:
    @pytest.mark.parametrize("tag", ["LST", "IE", "STK", "QUE"])
    def test_gives_its_items_in_order(self, tag: str) -> None:
        made = one(f"<Obj><{tag}><S>a</S><Nil /><I32>3</I32></{tag}></Obj>")
        assert [item.value for item in made.items or [] if isinstance(item, clixml.Primitive)] == [
            "a",
            None,
            3,
        ]

    def test_may_be_empty(self) -> None:
        assert one("<Obj><LST /></Obj>").items == []
        assert one("<Obj />").items is None


@pytest.mark.parametrize(
    ("xml", "value"),
    [
        ("<S>a_x000A_b</S>", "a\nb"),
        ("<S>_xD83D__xDE00_</S>", "\N{GRINNING FACE}"),
        ("<S>_xD83D_</S>", "�"),
        ("<S>_X0041__x005F_x0041_</S>", "A_x0041_"),
        ("<S />", ""),
        ("<C>97</C>", "a"),
        ("<B>true</B>", True),
        ("<By>255</By>", 255),
        ("<SB>-128</SB>", -128),
        ("<U16>65535</U16>", 65535),
        ("<I16>-5</I16>", -5),
        ("<U32>4294967295</U32>", 2**32 - 1),
        ("<I32>-1</I32>", -1),
        ("<U64>18446744073709551615</U64>", 2**64 - 1),
        ("<I64>9223372036854775807</I64>", 2**63 - 1),
        ("<Sg>-INF</Sg>", float("-inf")),
        ("<Db>0.5</Db>", 0.5),
        ("<D>1.10</D>", Decimal("1.10")),
        ("<DT>2022-03-23T18:00:30.1234567Z</DT>", datetime(2022, 3, 23, 18, 0, 30, 123456, UTC)),
        ("<DT>0001-01-01T00:00:00</DT>", datetime(1, 1, 1)),
        ("<TS>PT10M</TS>", "PT10M"),
        ("<G>00000000-0000-0000-0000-000000000001</G>", UUID(int=1)),
        ("<BA>AQ\nID</BA>", b"\x01\x02\x03"),
        ("<BA />", b""),
        ("<URI>http://a/</URI>", "http://a/"),
        ("<Version>15.2.986.5</Version>", "15.2.986.5"),
        ("<XD>&lt;a /&gt;</XD>", "<a />"),
        ("<SBK>Get-Date</SBK>", "Get-Date"),
        ("<SS>AAAA</SS>", "AAAA"),
        ("<Nil />", None),
    ],
)
def test_a_primitive_has_the_value_of_its_tag(xml: str, value: object) -> None:
    (found,) = clixml.read(xml).values
    assert isinstance(found, clixml.Primitive)
    assert found.value == value
    assert type(found.value) is type(value)


@pytest.mark.parametrize(
    ("tag", "raw"),
    [
        ("I32", "x"),
        ("I32", "2147483648"),
        ("I32", "1_0"),
        ("By", "-1"),
        ("C", "99999"),
        ("B", "yes"),
        ("Db", "x"),
        ("D", "x"),
        ("DT", "yesterday"),
        ("G", "1"),
        ("BA", "%"),
    ],
)
def test_a_bad_value_spoils_only_itself(tag: str, raw: str) -> None:
    """The rest of the object stays readable: unknown is one attribute, not all of them."""
    made = one(f'<Obj><Props><{tag} N="bad">{raw}</{tag}><S N="good">1</S></Props></Obj>')
    bad = made.get("bad")
    assert isinstance(bad, clixml.Primitive)
    with pytest.raises(clixml.BadValue):
        _ = bad.value
    assert made.get("good") is not None


class TestADocument:
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
    def test_is_read_in_every_encoding(self, encoding: str) -> None:
        text = '<?xml version="1.0" encoding="windows-1252"?><Objs><S>Größe</S></Objs>'
        (value,) = clixml.read(text.encode(encoding)).values
        assert isinstance(value, clixml.Primitive)
        assert value.text == "Größe"

    def test_may_have_the_namespace_or_none(self) -> None:
        uri = NAMESPACE.strip("{}")
        assert clixml.read(f'<Objs xmlns="{uri}"><S>a</S></Objs>').values
        assert clixml.read(f'<S xmlns="{uri}">a</S>').values
        with pytest.raises(clixml.Malformed):
            clixml.read('<Objs xmlns="http://www.w3.org/1999/xhtml"><S>a</S></Objs>')

    @pytest.mark.parametrize(
        "xml",
        [
            "",
            "<Objs>",
            "<Objs></Obj>",
            "Objs",
            "<html><body>404</body></html>",
            "<LST />",
            "<Obj>text</Obj>",
            '<Ref RefId="1" />',
            '<Obj><TNRef RefId="1" /></Obj>',
            '<Objs><Obj RefId="1" /><Obj RefId="1" /></Objs>',
            "<Obj><Props><S>no name</S></Props></Obj>",
            '<Obj><Props><S N="a" /><S N="a" /></Props></Obj>',
            "<Obj><Props /><Props /></Obj>",
            "<Obj><TN><S>a</S></TN></Obj>",
            "<Obj><LST><MS /></LST></Obj>",
            "<Obj><T>a</T></Obj>",
            "<Obj><DCT><S>a</S></DCT></Obj>",
            "<S><S>a</S></S>",
            "<Objs><S>a</S>text</Objs>",
            "<Obj><LST>text<S>a</S></LST></Obj>",
            '<Objs><Obj RefId="1" /><Ref RefId="1"><S>a</S></Ref></Objs>',
            '<Objs><Ref RefId="1" /><Obj RefId="1" /></Objs>',
            '<Objs><Obj xmlns="urn:other"><LST /></Obj></Objs>',
            "<!DOCTYPE Objs><Objs />",
            '<!DOCTYPE Objs [<!ENTITY a "b">]><Objs><S>&a;</S></Objs>',
            "<Objs><S>&nbsp;</S></Objs>",
            "<S>\ud800</S>",
            b"\xff\xfeaaa",
            b"<S>\xff</S>",
        ],
    )
    def test_that_breaks_the_grammar_is_refused_whole(self, xml: str | bytes) -> None:
        with pytest.raises(clixml.Malformed):
            clixml.read(xml)

    @pytest.mark.parametrize(
        "xml",
        [
            "<Objs>\n  <Obj>text</Obj>\n</Objs>",
            "<Objs>\n  <S>a</S>text\n</Objs>",
            "<Objs><S>a</S>\n<Obj><T>a</T></Obj></Objs>",
            "<Objs>\n  <S>a</Objs>",
            "<?xml version='1.0'?>\n<!DOCTYPE Objs><Objs />",
        ],
    )
    def test_is_told_where_it_breaks(self, xml: str) -> None:
        with pytest.raises(clixml.Malformed) as caught:
            clixml.read(xml)
        assert caught.value.line == 2

    def test_may_hold_what_xml_allows_and_no_powershell_writes(self) -> None:
        """A hand has been at some exports: comments say nothing, and CDATA is text."""
        (value,) = clixml.read("<Objs><!-- a --><?a b?><S>a<!-- b --><![CDATA[<b>]]>c</S></Objs>").values
        assert isinstance(value, clixml.Primitive)
        assert value.text == "a<b>c"

    @pytest.mark.parametrize("tag", ["Obj><LST", "S"])
    def test_however_deep_is_refused_and_forgotten(self, tag: str) -> None:
        """Neither reading it nor letting go of it may follow it all the way down on the stack."""
        closing = "></".join(reversed(tag.split("><")))
        with pytest.raises(clixml.ClixmlError):
            clixml.read(f"<{tag}>" * 100_000 + f"</{closing}>" * 100_000)

    @pytest.mark.parametrize(
        ("limits", "what"),
        [
            (clixml.Limits(bytes=20), "bytes"),
            (clixml.Limits(elements=3), "elements"),
            (clixml.Limits(depth=3), "depth"),
        ],
    )
    def test_is_bounded(self, limits: clixml.Limits, what: str) -> None:
        xml = "<Objs><Obj><LST><S>a</S><S>b</S></LST></Obj></Objs>"
        with pytest.raises(clixml.TooLarge) as caught:
            clixml.read(xml, limits)
        assert caught.value.what == what


texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=8)
leaves = st.builds(lambda text: ("S", text), texts) | st.just(("Nil", ""))
trees = st.recursive(
    leaves,
    lambda inner: (
        st.builds(lambda kids: ("LST", kids), st.lists(inner, max_size=3))
        | st.builds(lambda kids: ("Props", kids), st.lists(inner, max_size=3))
    ),
    max_leaves=12,
)


def build(tree: tuple[str, object], parent: ET.Element, name: str | None) -> None:
    """Write a made-up tree with the standard library."""
    tag, inner = tree
    named = {} if name is None else {"N": name}
    if tag in ("S", "Nil"):
        ET.SubElement(parent, tag, named).text = str(inner) or None
        return
    made = ET.SubElement(ET.SubElement(parent, "Obj", named), tag)
    assert isinstance(inner, list)
    for index, child in enumerate(inner):
        build(child, made, f"m{index}" if tag == "Props" else None)


@given(st.lists(trees, max_size=3))
def test_any_document_is_kept_whole(made: list[tuple[str, object]]) -> None:
    root = ET.Element("Objs")
    for tree in made:
        build(tree, root, None)
    data = ET.tostring(root, encoding="utf-8")
    kept = clixml.read(data).root
    assert kept is not None
    assert Counter(elements_of_tree(kept)) == Counter(elements_of_xml(data))


@given(st.binary(max_size=300) | st.text(max_size=300) | st.from_regex(r"(</?(Obj|S|LST|Props|TN|T|Ref)>?)*"))
def test_arbitrary_input_gives_a_tree_or_a_typed_error(data: bytes | str) -> None:
    try:
        clixml.read(data)
    except clixml.ClixmlError as error:
        told = str(error)
    else:
        told = "a tree"
    assert told


@given(st.text(max_size=40))
def test_unescaping_undoes_what_powershell_escapes(text: str) -> None:
    """Escape every UTF-16 unit; reading gives back the text."""
    units = text.encode("utf-16-be", "surrogatepass")
    escaped = "".join(f"_x{units[i]:02X}{units[i + 1]:02x}_" for i in range(0, len(units), 2))
    assert clixml.unescape(escaped) == units.decode("utf-16-be", "replace")


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_a_document_type_cannot_hide_in_an_encoding(encoding: str) -> None:
    """Without a byte order mark, and with a line end before it, the parser itself would find out."""
    text = '\n<!DOCTYPE Objs [<!ENTITY a "aaaa">]><Objs><S>&a;</S></Objs>'
    with pytest.raises(clixml.Malformed):
        clixml.read(text.encode(encoding))
