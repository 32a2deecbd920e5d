"""The keys of the YAML: all attributes have one, all are described, and the JSON Schema knows them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from reconciler.config import json_schema
from reconciler.config.models.base import As
from reconciler.config.models.issuer import BUILT_IN
from reconciler.config.models.receive_connector import ReceiveConnectorModel
from reconciler.config.models.receive_connector import attribute_of as received
from reconciler.config.models.send_connector import OtherConnector
from reconciler.config.models.send_connector import attribute_of as sent
from reconciler.config.tree import parse, plain
from state.resources import Kind, ReceiveConnector, Resource, SendConnector

EXAMPLES = Path(__file__).parents[3] / "examples"
CASES = Path(__file__).parents[2] / "cases" / "config"
SCHEMA = json_schema()


def problems(value: Any, schema: Mapping[str, Any], at: str = "$") -> Iterator[str]:
    """The keywords of draft 2020-12 that our schema uses, by the letter of the specification."""
    if "$ref" in schema:
        yield from problems(value, SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]], at)
    if "oneOf" in schema:
        matching = sum(not list(problems(value, branch, at)) for branch in schema["oneOf"])
        if matching != 1:
            yield f"{at}: {matching} of oneOf"
    if "anyOf" in schema and all(list(problems(value, branch, at)) for branch in schema["anyOf"]):
        yield f"{at}: none of anyOf"
    if "enum" in schema and value not in schema["enum"]:
        yield f"{at}: not in enum"
    if "const" in schema and value != schema["const"]:
        yield f"{at}: not {schema['const']}"
    if "type" in schema:
        allowed = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        if not any(_is(value, name) for name in allowed):
            yield f"{at}: not {allowed}"
    if isinstance(value, str):
        if "pattern" in schema and not re.search(schema["pattern"], value):
            yield f"{at}: pattern"
        if len(value) < schema.get("minLength", 0):
            yield f"{at}: minLength"
    if isinstance(value, int) and not schema.get("minimum", value) <= value <= schema.get("maximum", value):
        yield f"{at}: out of range"
    if isinstance(value, list):
        if len(value) < schema.get("minItems", 0):
            yield f"{at}: minItems"
        for number, item in enumerate(value):
            yield from problems(item, schema.get("items", {}), f"{at}[{number}]")
    if isinstance(value, dict):
        yield from _in_object(value, schema, at)


def _in_object(value: Mapping[str, Any], schema: Mapping[str, Any], at: str) -> Iterator[str]:
    known = schema.get("properties", {})
    for name in schema.get("required", []):
        if name not in value:
            yield f"{at}: {name} missing"
    for name, item in value.items():
        other = schema.get("additionalProperties", {})
        if name not in known and other is False:
            yield f"{at}: {name} unknown"
        elif name in known or other is not True:
            yield from problems(item, known.get(name, other), f"{at}.{name}")


def _is(value: Any, name: str) -> bool:
    kinds: dict[str, type | tuple[type, ...]] = {
        "object": dict, "array": list, "string": str, "boolean": bool, "integer": int, "null": type(None),
    }  # fmt: skip
    return isinstance(value, kinds[name]) and (name == "boolean" or not isinstance(value, bool))


def read(path: Path) -> Any:
    root = parse(path.read_text(encoding="utf-8"), str(path)).root
    assert root is not None
    return plain(root)


class TestTheSchema:
    def test_is_draft_2020_12(self) -> None:
        """Editors choose their reader by it."""
        assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"

    @pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*/*.yaml")), ids=lambda path: path.parent.name)
    def test_takes_every_example(self, path: Path) -> None:
        """What is shown to people is what the schema describes."""
        assert list(problems(read(path), SCHEMA)) == []

    @pytest.mark.parametrize(
        "name", ["a_set_of_three", "domain_validation", "old_versions", "receive_interlocks"]
    )
    def test_takes_what_has_the_right_form(self, name: str) -> None:
        """What is wrong in these are rules between keys, which a schema does not hold."""
        assert list(problems(read(CASES / f"{name}.yaml"), SCHEMA)) == []

    @pytest.mark.parametrize("name", ["unknown_keys"])
    def test_refuses_what_has_a_wrong_form(self, name: str) -> None:
        """An editor marks it before the tool is run."""
        assert list(problems(read(CASES / f"{name}.yaml"), SCHEMA))

    def test_describes_every_key(self) -> None:
        """A key without a word about it helps nobody."""
        for name, part in [("root", SCHEMA), *SCHEMA["$defs"].items()]:
            assert part.get("description"), name
            # What a plug-in knows, only the plug-in knows.
            assert part["additionalProperties"] is (name == "OtherIssuer"), name
            for key, below in part["properties"].items():
                assert below.get("description"), f"{name}.{key}"

    def test_promises_nothing_that_is_not_there(self) -> None:
        """The destination of the product is not in its first schema."""
        types = [
            part["properties"]["type"] for part in SCHEMA["$defs"].values() if "type" in part["properties"]
        ]
        assert {each["const"] for each in types if "const" in each} == set(BUILT_IN)


class TestEveryWritableAttribute:
    @pytest.mark.parametrize(
        ("kind", "model", "attribute_of", "elsewhere"),
        [
            (SendConnector, OtherConnector, sent, set()),
            (ReceiveConnector, ReceiveConnectorModel, received, {"name"}),  # the key in the YAML is its name
        ],
    )
    def test_of_a_connector_has_a_key(
        self, kind: type[Resource], model: Any, attribute_of: Any, elsewhere: set[str]
    ) -> None:
        """What Exchange lets one set, the YAML can say."""
        writable = {name for name, attribute in kind.attributes().items() if attribute.kind is Kind.WRITABLE}
        assert {attribute_of(key) for key in model.model_fields} - {None} == writable - elsewhere

    @pytest.mark.parametrize(
        ("kind", "model", "attribute_of"),
        [(SendConnector, OtherConnector, sent), (ReceiveConnector, ReceiveConnectorModel, received)],
    )
    def test_is_read_as_the_type_it_has(self, kind: type[Resource], model: Any, attribute_of: Any) -> None:
        """A key of another type than its attribute would give drift for ever."""
        for key, field in model.model_fields.items():
            readers = [each for each in field.metadata if isinstance(each, As)]
            attribute = kind.attributes().get(attribute_of(key) or "")
            if attribute is not None and readers:
                assert readers[0].type.expected == attribute.type.expected, key
                assert type(readers[0].type) is type(attribute.type), key
