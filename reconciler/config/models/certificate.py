"""Certificates as they are asked for."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from reconciler.pki.renewal import parse_window
from state.resources.attribute import THUMBPRINT, Scalar
from state.resources.certificate import SERVICES

from .acknowledge import Acknowledgement
from .base import As, Flag, Model, Patterns, Text, Whole, key, required, section


def _window(text: str) -> str:
    parse_window(text)
    return text


Services: TypeAlias = Annotated[Any, As(SERVICES)]
Window: TypeAlias = Annotated[
    Any, As(Scalar("a span such as 30d or 12h, or a fraction such as 1/3", _window))
]


Pin: TypeAlias = Annotated[Any, As(THUMBPRINT)]


class CertificateModel(Model):
    """One certificate in a server's store."""

    subject: Text = key('Subject of the request, such as "C=US, O=Contoso Ltd, CN=mail.contoso.com".')
    domains: Patterns = key("Names it must cover; the subject's common name is always one of them.")
    friendly_name: Text = key("Shown by Exchange and Windows; our mark is appended.")
    key_size: Whole = key(
        "Bits of the RSA key: 1024, 2048 or 4096.", json_schema_extra={"enum": [1024, 2048, 4096]}
    )
    exportable: Flag = key("Whether the private key may leave the server; Exchange assumes false.")
    services: Services = key("What it is enabled for; SMTP where an issuer is named and nothing is said.")
    default_smtp: Literal["keep", "replace"] = key(
        "When SMTP is enabled: keep the server's default SMTP certificate (assumed), or replace it."
    )
    issuer: str = key("Name under issuers; without one it is watched, never requested.")
    thumbprint: Pin = key(
        "Without an issuer: the very one that is watched; left out, a valid one that covers the names."
    )
    renew_before: Window = key(
        "How long before its end it is renewed: 30d, 12h, or 1/3 of its lifetime (assumed)."
    )
    tlsa: Literal["publish", "reuse_key"] = key(
        "Where TLSA records name its key: publish that of each new key before it is used (assumed), or "
        "reuse_key at each renewal; the key has to be exportable."
    )
    retire: Literal["keep", "unbind"] = key(
        "Replaced certificates that send connectors hold by issuer and subject: kept (assumed), or removed "
        "while the connectors let go of the name for a moment."
    )
    acknowledge: list[Acknowledgement] = section(list, "Warnings about this certificate that are accepted.")


class SharedCertificate(CertificateModel):
    """One declaration for several servers."""

    servers: list[str] = required("The servers that get one of it each.", min_length=1)
    key: Literal["per_server", "shared"] = key(
        "per_server: every server makes a key of its own (assumed). shared: the first makes one, and it "
        "travels to the others with the certificate, encrypted."
    )
