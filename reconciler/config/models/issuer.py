"""Who signs certificates: one model for each type of issuer, and one for those that are plugged in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import ConfigDict, Discriminator, Tag, model_validator
from pydantic_core import PydanticCustomError

from state.values import UNSET

from .base import Credential, Domain, Flag, Model, Text, key, required, section
from .network import HOST_AND_PORT, HostAndPort, SafeUrl
from .waiting import Timeout, Wait

_A_WAIT: Final = {"pattern": r"^\s*[0-9]{1,5}\s*[smhSMH]\s*$"}
_A_TIMEOUT: Final = {"pattern": r"^\s*0{0,4}[1-9][0-9]{0,4}\s*[smhSMH]\s*$"}


def _trusted_file() -> Any:
    return section(
        str,
        "Certificates, PEM, that the answers lead to and that verify trusts beside the public ones: for an "
        "authority that is not public; counts from this file.",
        min_length=1,
    )


class LocalIssuer(Model):
    """A small authority of one's own."""

    type: Literal["local"] = required("Signs with a key in a file.")
    certificate: str = required("Its certificate, PEM; counts from this file.", min_length=1)
    key: str = required(
        "Its private key, PEM, readable by its owner alone; counts from this file.", min_length=1
    )


class ManualIssuer(Model):
    """A person, who takes requests out of a folder and puts the answers there."""

    type: Literal["manual"] = required("Writes requests to a folder, and takes the answers from there.")
    folder: str = required("The folder; counts from this file, and is made where it is not.", min_length=1)
    encoding: Literal["text", "der"] = key(
        "How the authority wants the request: text (assumed), as most web forms do, or a der file."
    )
    note: Text = key("Stands in the note beside each request: where to order, on whose account.")
    ca: str = _trusted_file()


class CommandIssuer(Model):
    """A program that takes a request and gives the certificate."""

    type: Literal["command"] = required("Runs a program for each request.")
    command: list[str] = required(
        "Program and arguments, run without a shell in the folder of this file: the request, PEM, on its "
        "standard input, the certificate on its standard output; status 75 means not yet.",
        min_length=1,
    )
    timeout: Timeout = key("How long it may take: 2m is assumed.", json_schema_extra=_A_TIMEOUT)
    ca: str = _trusted_file()


class ExternalAccount(Model):
    """An account with the authority that the ACME account is bound to."""

    kid: str = required("Identifier of its key, as the authority gave it.", min_length=1)
    hmac: Credential = required("Reference to its key, as the authority gave it: base64url.")


class Http01(Model):
    """Validation by a file that the authority fetches over HTTP, from port 80 of each name."""

    webroot: str = section(
        str,
        "Folder that a web server answers from at each of the names; counts from this file.",
        min_length=1,
    )
    listen: HostAndPort = key(
        "host:port where a listener of our own answers, for as long as the order takes.",
        json_schema_extra={"pattern": HOST_AND_PORT},
    )

    @model_validator(mode="after")
    def _one_way(self) -> Http01:
        _check_one_way(webroot=self.webroot != "", listen=self.listen is not UNSET)
        return self


class DynamicUpdate(Model):
    """A name server that takes RFC 2136 updates signed with TSIG."""

    server: HostAndPort = required(
        "host:port of the primary name server.", json_schema_extra={"pattern": HOST_AND_PORT}
    )
    zone: Domain = required("The zone that the names are in.")
    algorithm: Literal["hmac-sha256", "hmac-sha384", "hmac-sha512"] = key(
        "Of the TSIG key; hmac-sha256 is assumed."
    )
    secret: Credential = required("Reference to the TSIG key: base64.")
    wait: Wait = key(
        "How long is waited until the server answers with it: 1m is assumed.", json_schema_extra=_A_WAIT
    )
    key: str = required("Name of the TSIG key.", min_length=1)


class Dns01(Model):
    """Validation by a TXT record; the only way to a wildcard."""

    hook: list[str] = section(
        list,
        "Program and arguments, run without a shell in the folder of this file; gets present or cleanup, the "
        "record's name and its value as further arguments.",
        min_length=1,
    )
    rfc2136: DynamicUpdate = key("A name server that takes dynamic updates.")

    @model_validator(mode="after")
    def _one_way(self) -> Dns01:
        _check_one_way(hook=bool(self.hook), rfc2136=isinstance(self.rfc2136, DynamicUpdate))
        return self


class AcmeIssuer(Model):
    """An authority that speaks ACME."""

    type: Literal["acme"] = required("Asks an authority by ACME (RFC 8555).")
    directory: SafeUrl = required(
        "URL of its directory, https.",
        json_schema_extra={"pattern": r"^[Hh][Tt][Tt][Pp][Ss]://[^\s/@]+(/\S*)?$"},
    )
    contact: list[str] = section(list, "Mail addresses that it may write to.")
    agree_to_terms: Flag = key("true: its terms of service are agreed to; nothing is ordered without.")
    account: str = section(
        str,
        "File of the account's key, made where it is not; counts from this file. Left out, it is kept in the "
        "configuration folder of the account that runs this.",
        min_length=1,
    )
    ca: str = section(
        str,
        "Certificates, PEM, that the directory's is checked against, and that verify trusts beside the "
        "public ones: for an authority that is not public; counts from this file.",
        min_length=1,
    )
    eab: ExternalAccount = key("The account with it that its ACME account is bound to.")
    http01: Http01 = key("Names are validated over HTTP.")
    dns01: Dns01 = key("Names are validated in the DNS.")

    @model_validator(mode="after")
    def _one_way(self) -> AcmeIssuer:
        _check_one_way(http01=isinstance(self.http01, Http01), dns01=isinstance(self.dns01, Dns01))
        return self


def _check_one_way(**ways: bool) -> None:
    if sum(ways.values()) != 1:
        told = {"expected": "a mapping with either " + " or ".join(ways), "names": []}
        raise PydanticCustomError("not_a_value", "{expected} is expected", told)


BUILT_IN: Final[Mapping[str, type[Model]]] = {
    "local": LocalIssuer,
    "acme": AcmeIssuer,
    "manual": ManualIssuer,
    "command": CommandIssuer,
}
"""By type. A new one needs its place in :data:`IssuerModel` and in :data:`TAGS` as well."""

TAGS: Final[Mapping[str, int]] = {
    "<other issuer>": 0,
    "<local issuer>": 1,
    "<acme issuer>": 2,
    "<manual issuer>": 3,
    "<command issuer>": 4,
}
"""Which part of :data:`IssuerModel` a tag stands for."""


class OtherIssuer(Model):
    """An issuer of a type that is plugged in; the plug-in knows its keys."""

    model_config = ConfigDict(extra="allow")

    type: str = required(
        f"{', '.join(BUILT_IN)}, or the type of an issuer that is plugged in.",
        json_schema_extra={"pattern": f"^(?!({'|'.join(BUILT_IN)})$)."},
    )


def _tag(value: Any) -> str:
    """The type that is named; where none is, the one that most of the keys belong to."""
    if not isinstance(value, dict):
        return "<other issuer>"
    named = value.get("type")
    if "type" not in value:
        named = max(BUILT_IN, key=lambda type: len(value.keys() & BUILT_IN[type].model_fields.keys()))
    return f"<{named} issuer>" if isinstance(named, str) and named in BUILT_IN else "<other issuer>"


IssuerModel: TypeAlias = Annotated[
    Annotated[OtherIssuer, Tag("<other issuer>")]
    | Annotated[LocalIssuer, Tag("<local issuer>")]
    | Annotated[AcmeIssuer, Tag("<acme issuer>")]
    | Annotated[ManualIssuer, Tag("<manual issuer>")]
    | Annotated[CommandIssuer, Tag("<command issuer>")],
    Discriminator(_tag),
]
