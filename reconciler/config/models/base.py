"""What all models of the YAML have in common, and how a value becomes one of ``state``'s."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from state.errors import InvalidValue
from state.resources.attribute import (
    ADDRESS_SPACE,
    BINDING,
    BOOL,
    BYTE_SIZE,
    CREDENTIAL,
    DOMAIN_PATTERN,
    FQDN,
    INT,
    IP_ADDRESS,
    IP_RANGE,
    LIMIT,
    NAME,
    SMART_HOST,
    TEXT,
    TIME_SPAN,
    TLS_CERTIFICATE_NAME,
    Choice,
    Flags,
    Optional,
    SetOf,
    ValueType,
)
from state.resources.receive_connector import AUTH_MECHANISM, PERMISSION_GROUPS
from state.resources.resource import MODE
from state.resources.send_connector import (
    ERROR_POLICIES,
    PROTOCOL_LOGGING_LEVEL,
    SMART_HOST_AUTH,
    TLS_AUTH_LEVEL,
)
from state.values import UNSET, CredentialReference


class Model(BaseModel):
    """A mapping that knows all its keys. Text is never read as a number, nor a number as text."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, arbitrary_types_allowed=True)


def _not_given() -> Any:
    return UNSET


def key(description: str, **constraints: Any) -> Any:
    """An optional key; left out it is UNSET, which is never the same as null."""
    return Field(default_factory=_not_given, description=description, **constraints)


def mode(of: str) -> Any:
    """How much of what is declared is made so."""
    return key(
        f"How far {of} is made as declared. manage (assumed): all of it; certificates: the certificates, and "
        "what is bound to them; observe: nothing, differences are only told."
    )


def follow() -> Any:
    """Of a connector that somebody else looks after."""
    return section(
        list,
        "[certificate]: the connector is somebody else's and only follows its certificate: it is bound to "
        "what certificate names, and nothing else of it is compared or changed.",
        min_length=1,
    )


def section(kind: type[Any], description: str, **constraints: Any) -> Any:
    """An optional key; left out it is what its type makes of nothing: an empty list, mapping or text."""
    return Field(default_factory=kind, description=description, **constraints)


def required(description: str, **constraints: Any) -> Any:
    """A key that must be given."""
    return Field(description=description, **constraints)


def given(model: BaseModel) -> dict[str, Any]:
    """The keys of a model that were written, with their values."""
    return {name: getattr(model, name) for name in type(model).model_fields if name in model.model_fields_set}


class As:
    """Reads a YAML value as one of ``state``'s value types, and describes it in JSON Schema."""

    def __init__(self, type: ValueType[Any]) -> None:
        self.type = type

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        inner = self.type.inner if isinstance(self.type, Optional) else self.type
        schema: CoreSchema
        if isinstance(inner, SetOf):
            schema = core_schema.no_info_after_validator_function(
                frozenset, core_schema.list_schema(_reader(inner.item), strict=True)
            )
        else:
            schema = _reader(inner)
        return core_schema.nullable_schema(schema) if isinstance(self.type, Optional) else schema

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return _described(self.type)


def _reader(type: ValueType[Any]) -> CoreSchema:
    def read(value: Any) -> Any:
        try:
            return _read(type, value)
        except InvalidValue as error:
            raise PydanticCustomError(
                "not_a_value",
                "{expected} is expected",
                {"expected": error.expected, "names": list(getattr(type, "names", ()))},
            ) from None

    return core_schema.no_info_plain_validator_function(read)


def _read(type: ValueType[Any], value: Any) -> Any:
    match type:
        case Flags():
            parts = value if isinstance(value, list) else [value]
            chosen = frozenset[str]().union(*(_flags(type, part) for part in parts))
            if chosen and any(_names_none(type, part) for part in parts):
                raise InvalidValue(
                    "", f"{type.none} alone, or {type.expected.replace(f'{type.none}, ', '', 1)}"
                )
            return chosen
        case Choice():
            choice = type.parse(_text(value, type.expected))
            if choice not in type.names:
                raise InvalidValue(choice, type.expected)
            return choice
        case _ if type is BOOL or type is INT:
            if isinstance(value, bool) is not (type is BOOL) or not isinstance(value, int):
                raise InvalidValue(str(value), type.expected)
            return value
        case _ if (type is BYTE_SIZE or type is LIMIT) and isinstance(value, int):
            return type.parse(str(value).lower())
        case _ if type is CREDENTIAL:
            return _credential(value)
        case _:
            return type.parse(_text(value, type.expected))


def _flags(type: Flags, value: Any) -> frozenset[str]:
    given = type.parse(_text(value, type.expected))
    ignored = any(part.strip().casefold() in type.ignored for part in value.split(","))
    if ignored or not given <= set(type.names):
        raise InvalidValue(str(value), type.expected)
    return given


def _names_none(type: Flags, value: str) -> bool:
    """[4-5]: what stands for nothing goes with nothing else."""
    return type.none.casefold() in (part.strip().casefold() for part in value.split(","))


def _text(value: Any, expected: str) -> str:
    if not isinstance(value, str):
        raise InvalidValue(str(value), expected)
    return value


_SCHEMES = ("env", "file", "keyring", "command")
_REFERENCE = "a credential reference: env:NAME, file:PATH, keyring:SERVICE or command:COMMAND"


def _credential(value: Any) -> CredentialReference:
    text = _text(value, _REFERENCE)
    scheme, colon, rest = text.partition(":")
    if scheme not in _SCHEMES or not colon or not rest.strip():
        # What was given is not repeated: it may be the password itself.
        raise InvalidValue("", _REFERENCE)
    return CredentialReference.parse(text)


def _described(type: ValueType[Any]) -> JsonSchemaValue:
    match type:
        case Optional():
            inner = _described(type.inner)
            if "enum" in inner:
                return {"enum": [*inner["enum"], None]}
            return {**inner, "type": [inner["type"], "null"]}
        case SetOf():
            return {"type": "array", "items": _described(type.item)}
        case Flags():
            return {"type": "array", "items": {"enum": [type.none, *type.names]}}
        case Choice():
            return {"enum": list(type.names)}
        case _ if type is BOOL:
            return {"type": "boolean"}
        case _ if type is INT:
            return {"type": "integer"}
        case _ if type is BYTE_SIZE or type is LIMIT:
            return {"type": ["string", "integer"]}
        case _ if type is CREDENTIAL:
            return {"type": "string", "pattern": f"^({'|'.join(_SCHEMES)}):."}
        case _:
            return {"type": "string"}


Mode: TypeAlias = Annotated[Any, As(MODE)]
Follow: TypeAlias = list[Literal["certificate"]]
Flag: TypeAlias = Annotated[Any, As(BOOL)]
Whole: TypeAlias = Annotated[Any, As(INT)]
Text: TypeAlias = Annotated[Any, As(TEXT)]
NameText: TypeAlias = Annotated[Any, As(NAME)]
Domain: TypeAlias = Annotated[Any, As(FQDN)]
NullableDomain: TypeAlias = Annotated[Any, As(Optional(FQDN))]
NullableName: TypeAlias = Annotated[Any, As(Optional(NAME))]
Pattern: TypeAlias = Annotated[Any, As(DOMAIN_PATTERN)]
NullablePattern: TypeAlias = Annotated[Any, As(Optional(DOMAIN_PATTERN))]
Patterns: TypeAlias = Annotated[Any, As(SetOf(DOMAIN_PATTERN))]
Spaces: TypeAlias = Annotated[Any, As(SetOf(ADDRESS_SPACE))]
SmartHosts: TypeAlias = Annotated[Any, As(SetOf(SMART_HOST))]
SmartHostAuth: TypeAlias = Annotated[Any, As(SMART_HOST_AUTH)]
Credential: TypeAlias = Annotated[Any, As(CREDENTIAL)]
NullableCredential: TypeAlias = Annotated[Any, As(Optional(CREDENTIAL))]
Size: TypeAlias = Annotated[Any, As(BYTE_SIZE)]
Count: TypeAlias = Annotated[Any, As(LIMIT)]
Span: TypeAlias = Annotated[Any, As(TIME_SPAN)]
Ip: TypeAlias = Annotated[Any, As(IP_ADDRESS)]
IpRanges: TypeAlias = Annotated[Any, As(SetOf(IP_RANGE))]
Bindings: TypeAlias = Annotated[Any, As(SetOf(BINDING))]
Texts: TypeAlias = Annotated[Any, As(SetOf(TEXT))]
CertificateName: TypeAlias = Annotated[Any, As(Optional(TLS_CERTIFICATE_NAME))]
AuthLevel: TypeAlias = Annotated[Any, As(TLS_AUTH_LEVEL)]
NullableAuthLevel: TypeAlias = Annotated[Any, As(Optional(TLS_AUTH_LEVEL))]
Logging: TypeAlias = Annotated[Any, As(PROTOCOL_LOGGING_LEVEL)]
Policies: TypeAlias = Annotated[Any, As(ERROR_POLICIES)]
Mechanisms: TypeAlias = Annotated[Any, As(AUTH_MECHANISM)]
Groups: TypeAlias = Annotated[Any, As(PERMISSION_GROUPS)]
