"""A tree of the YAML -> a model; everything that does not fit is told with its place."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeAlias, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from reconciler.diagnostics import Diagnostic

from .models.issuer import TAGS
from .models.send_connector import FRIENDLY
from .secrecy import may_hold_password, shown_key
from .suggestion import did_you_mean, suggestion
from .tree import Node, Path, key_at, node_at, plain, value_at

M = TypeVar("M", bound=BaseModel)

_TAGS: Final = {
    "<dns>": 0,
    "<smart hosts>": 1,
    "<set>": 0,
    "<other>": 1,
    "<domain>": 0,
    "<partner>": 1,
    "<one account>": 0,
    "<two accounts>": 1,
    **TAGS,
}
"""What the unions of the models add to the place of an error, and which of their parts it stands for."""
_SUGGESTED: Final = 100
"""Suggestions in one run: each costs half a millisecond, and a wrong file has thousands of unknown keys."""
_ATTEMPTS: Final = 4
_ALL_KEYS: Final = '"reconciler schema" prints all keys'

ANY: Final = "*"
"""Stands for any name in a path of placeholders."""
Placeholders: TypeAlias = Mapping[tuple[str, ...], Any]


@dataclass(frozen=True, slots=True)
class Validated(Generic[M]):
    """A model of what fits, and what does not.

    Attributes:
        model: Without the parts that are wrong, so that the rest can be checked in the same run;
            None when nothing is left.
    """

    model: M | None
    diagnostics: tuple[Diagnostic, ...]


def validate(
    model: type[M], root: Node, placeholders: Placeholders, *, at: Path = (), but: Sequence[str] = ()
) -> Validated[M]:
    """Check a tree, or a part of it, against a model.

    Args:
        placeholders: Values for required keys that are missing or wrong, so that what stands beside
            them can still be checked.
        at: The part, which is there and is a mapping.
        but: Keys that stand there and are none of the model's.
    """
    part = node_at(root, at)
    data = plain(root if part is None else part)
    for name in but:
        data.pop(name, None)
    errors: Sequence[ErrorDetails] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    for attempt in range(_ATTEMPTS):
        try:
            return Validated(model.model_validate(data), diagnostics)
        except ValidationError as error:
            errors = error.errors(include_url=False)
        if attempt == 0:
            schema = model.model_json_schema()
            misspelt = _misspelt(errors[:_SUGGESTED], schema)
            diagnostics = tuple(
                _diagnostic(error, root, at, schema, suggest=number < _SUGGESTED)
                for number, error in enumerate(errors)
                if error["type"] != "missing" or tuple(_path(error)) not in misspelt
            )
        data = _without(data, errors, placeholders)
    return Validated(None, diagnostics)


def _misspelt(errors: Sequence[ErrorDetails], schema: Mapping[str, Any]) -> frozenset[tuple[str | int, ...]]:
    """Required keys that stand there under a name that is not quite theirs, which is told instead."""
    missing = {tuple(_path(error)) for error in errors if error["type"] == "missing"}
    incomplete = {path[:-1] for path in missing}
    meant = set()
    for error in errors:
        path = tuple(_path(error))
        if error["type"] == "extra_forbidden" and path[:-1] in incomplete:
            meant.add((*path[:-1], suggestion(str(path[-1]), _keys(schema, error["loc"][:-1])) or ""))
    return frozenset(missing & meant)


def _without(data: Any, errors: Sequence[ErrorDetails], placeholders: Placeholders) -> Any:
    """The data with what is wrong taken out; where a key is missing, the mapping that lacks it."""
    pruned = deepcopy(data)
    doomed: set[tuple[str | int, ...]] = set()
    for error in errors:
        path = tuple(_path(error))
        pattern = next((each for each in placeholders if _matches(path, each)), None)
        if pattern is not None:
            _parent(pruned, path)[path[-1]] = placeholders[pattern]
        else:
            doomed.add(path[:-1] if error["type"] == "missing" else path)
    # Backwards, so that taking an item out of a list moves none that is still to go.
    for path in sorted(doomed - {()}, key=_order, reverse=True):
        try:
            del _parent(pruned, path)[path[-1]]
        except (KeyError, IndexError, TypeError):
            continue  # already gone with something around it
    return pruned


def _matches(path: Sequence[str | int], pattern: Sequence[str]) -> bool:
    return len(path) == len(pattern) and all(
        name in (ANY, step) for step, name in zip(path, pattern, strict=True)
    )


def _parent(data: Any, path: Sequence[str | int]) -> Any:
    for step in path[:-1]:
        data = data[step]
    return data


def _order(path: Sequence[str | int]) -> list[tuple[int, int, str]]:
    return [(1, step, "") if isinstance(step, int) else (0, 0, step) for step in path]


def _path(error: ErrorDetails) -> list[str | int]:
    return [step for step in error["loc"] if step not in _TAGS]


def _diagnostic(
    error: ErrorDetails, root: Node, at: Path, schema: Mapping[str, Any], *, suggest: bool
) -> Diagnostic:
    path = [*at, *_path(error)]
    name = next((step for step in reversed(path) if isinstance(step, str)), "")
    kind = error["type"]
    if kind == "missing":
        return Diagnostic(
            summary="Key missing",
            detail=f'"{name}" must be given{_inside(path[:-1])}.',
            where=key_at(root, path[:-1]),
            hint=_description(schema, error["loc"]),
        )
    if kind == "extra_forbidden":
        known = _keys(schema, error["loc"][:-1])
        return Diagnostic(
            summary="Unknown key",
            detail=f'"{shown_key(name)}" is not a key{_inside(path[:-1])}.',
            where=key_at(root, path),
            hint=_key_hint(name, known) if suggest else _ALL_KEYS,
        )
    if path == ["version"]:
        return Diagnostic(
            summary="Version not supported",
            detail="This program reads version 1 of the format.",
            where=value_at(root, path),
            hint="write version: 1, or use a later program",
        )
    expected, hint = _expected(error, written := error["input"], suggest=suggest)
    return Diagnostic(
        summary="Value not allowed",
        detail=f"{_said(name, path)} must be {expected}{_found(written, path)}.",
        where=value_at(root, path),
        hint=hint or _description(schema, error["loc"]),
    )


def _said(name: str, path: Sequence[str | int]) -> str:
    return f'Item {path[-1] + 1} of "{name}"' if path and isinstance(path[-1], int) else f'"{name}"'


def _inside(path: Sequence[str | int]) -> str:
    names = [str(step) for step in path if isinstance(step, str)]
    return f' in "{names[-1]}"' if names else ""


def _found(written: Any, path: Sequence[str | int]) -> str:
    if any(may_hold_password(f"{step}:") for step in path) or isinstance(written, (dict, list)):
        return ""
    text = "null" if written is None else str(written).lower() if isinstance(written, bool) else str(written)
    return f', not "{text}"' if len(text) <= 80 and not may_hold_password(text) else ""


def _expected(error: ErrorDetails, written: Any, *, suggest: bool) -> tuple[str, str]:
    """What stands where in words, and a hint if there is one better than the key's description."""
    kind, context = error["type"], error.get("ctx", {})
    match kind:
        case "not_a_value":
            expected = str(context["expected"])
            if expected == "true or false":
                return expected, "YAML 1.2 knows true and false only; yes, no, on and off are texts"
            if isinstance(written, (int, bool)) and context["expected"] in ("a text", "a name"):
                return expected, f'write it in quotes: "{written}"'
            names = context["names"] if suggest else ()
            close = suggestion(written, names) if isinstance(written, str) and names else None
            if isinstance(written, str) and re.match(r"\*[^.]", written):
                return expected, f'write "*.{written[1:]}" for the subdomains'
            return expected, f'did you mean "{close}"?' if close else ""
        case "literal_error":
            names = re.findall(r"'([^']*)'", str(context["expected"])) or [str(context["expected"])]
            close = suggestion(written, names) if isinstance(written, str) and suggest else None
            return " or ".join(f'"{name}"' for name in names), f'did you mean "{close}"?' if close else ""
        case "string_type":
            return "a text", f'write it in quotes: "{written}"' if isinstance(written, (int, bool)) else ""
        case "int_type":
            return "a whole number", ""
        case "list_type":
            return "a list", f"write it in brackets: [{written}]" if isinstance(written, str) else ""
        case "dict_type" | "model_type" | "model_attributes_type":
            return "a mapping of keys", ""
        case "greater_than_equal":
            return f"{context['ge']} or more", ""
        case "less_than_equal":
            return f"{context['le']} or less", ""
        case "too_short" | "string_too_short":
            return "not empty", ""
        case _:
            return "of another form", ""


def _key_hint(name: str, known: Sequence[str]) -> str:
    friendly = next(
        (short for short, attribute in FRIENDLY.items() if attribute == name and short in known), None
    )
    if name == "protocol_logging_level" and "protocol_logging" in known:
        friendly = "protocol_logging"
    if friendly:
        return f'write "{friendly}"'
    if name == "<<":
        return "merge keys are not part of YAML 1.2: write the keys out"
    return did_you_mean(name, known, otherwise=_ALL_KEYS)


def _schema_at(schema: Mapping[str, Any], loc: Sequence[str | int]) -> Mapping[str, Any]:
    """The part of a JSON Schema that describes a place; empty where there is none."""

    def resolved(part: Mapping[str, Any]) -> Mapping[str, Any]:
        while "$ref" in part:
            part = schema["$defs"][part["$ref"].rpartition("/")[2]]
        return part

    part = resolved(schema)
    for step in loc:
        if step in _TAGS:
            part = resolved(part.get("oneOf", [{}, {}])[_TAGS[str(step)]])
        elif isinstance(step, int):
            part = resolved(part.get("items", {}))
        else:
            below = part.get("properties", {}).get(step) or part.get("additionalProperties") or {}
            described = {"description": below["description"]} if "description" in below else {}
            part = {**resolved(below), **described}
    return part


def _keys(schema: Mapping[str, Any], loc: Sequence[str | int]) -> list[str]:
    return list(_schema_at(schema, loc).get("properties", {}))


def _description(schema: Mapping[str, Any], loc: Sequence[str | int]) -> str:
    """What a key is for; of an item in a list, what the list is for."""
    for end in range(len(loc), 0, -1):
        if described := _schema_at(schema, loc[:end]).get("description"):
            return str(described)
    return ""
