"""Which certificates the organization's and a server's settings refer to [2.5-3]."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar, Final

from reconciler.exchange.clixml import Object
from reconciler.exchange.port import Query, Result
from reconciler.exchange.reading import read_resource
from state.resources import CertificateReference, Resource
from state.resources.attribute import TEXT, THUMBPRINT, TLS_CERTIFICATE_NAME, Optional, observed
from state.snapshot import Listing, Unreadable
from state.values import UNSET, Maybe, Name, Thumbprint, TlsCertificateName

_CONFIGURATION: Final = "Microsoft.Exchange.Data.Directory.SystemConfiguration"
_AUTH: Final = "Get-AuthConfig"
_CURRENT: Final = "CurrentCertificateThumbprint"


@dataclass(frozen=True, slots=True, kw_only=True)
class _AuthConfig(Resource):
    """Which certificates sign the organization's tokens."""

    kind: ClassVar[str] = "auth_config"

    current: Maybe[Thumbprint | None] = observed(_CURRENT, Optional(THUMBPRINT))
    previous: Maybe[Thumbprint | None] = observed("PreviousCertificateThumbprint", Optional(THUMBPRINT))
    next: Maybe[Thumbprint | None] = observed("NextCertificateThumbprint", Optional(THUMBPRINT))


@dataclass(frozen=True, slots=True, kw_only=True)
class _FederationTrust(Resource):
    """Which certificates the organization federates with: the trust's own private ones."""

    kind: ClassVar[str] = "federation_trust"

    current: Maybe[Thumbprint | None] = observed("OrgPrivCertificate", Optional(THUMBPRINT))
    previous: Maybe[Thumbprint | None] = observed("OrgPrevPrivCertificate", Optional(THUMBPRINT))
    next: Maybe[Thumbprint | None] = observed("OrgNextPrivCertificate", Optional(THUMBPRINT))


@dataclass(frozen=True, slots=True, kw_only=True)
class _HybridConfiguration(Resource):
    """What the Hybrid Configuration wizard binds its connectors to."""

    kind: ClassVar[str] = "hybrid_configuration"

    name: Maybe[TlsCertificateName | None] = observed("TlsCertificateName", Optional(TLS_CERTIFICATE_NAME))


@dataclass(frozen=True, slots=True, kw_only=True)
class _ClientSettings(Resource):
    """For which host name POP or IMAP chooses its certificate."""

    kind: ClassVar[str] = "client_settings"

    host: Maybe[str | None] = observed("X509CertificateName", Optional(TEXT))


def _by(way: str) -> Callable[[str, object], CertificateReference]:
    return lambda setting, value: CertificateReference(setting=setting).with_(**{way: value})


@dataclass(frozen=True, slots=True)
class _Setting:
    """One cmdlet, what it returns, and how its properties refer to certificates."""

    types: frozenset[str]
    read: type[Resource]
    refer: Callable[[str, object], CertificateReference]


_SETTINGS: Final[Mapping[str, _Setting]] = MappingProxyType(
    {
        _AUTH: _Setting(frozenset({f"{_CONFIGURATION}.AuthConfig"}), _AuthConfig, _by("thumbprint")),
        "Get-FederationTrust": _Setting(
            frozenset({f"{_CONFIGURATION}.FederationTrust"}), _FederationTrust, _by("thumbprint")
        ),
        "Get-HybridConfiguration": _Setting(
            frozenset({f"{_CONFIGURATION}.HybridConfiguration"}),
            _HybridConfiguration,
            _by("tls_certificate_name"),
        ),
        "Get-PopSettings": _Setting(
            frozenset({f"{_CONFIGURATION}.Pop3AdConfiguration"}), _ClientSettings, _by("host")
        ),
        "Get-ImapSettings": _Setting(
            frozenset({f"{_CONFIGURATION}.Imap4AdConfiguration"}), _ClientSettings, _by("host")
        ),
    }
)

OF_THE_ORGANIZATION: Final = tuple(
    Query(cmdlet, _SETTINGS[cmdlet].types)
    for cmdlet in (_AUTH, "Get-FederationTrust", "Get-HybridConfiguration")
)


def of_a_server(name: Name) -> tuple[Query, Query]:
    """What one Mailbox server is asked."""
    own = {"Server": str(name)}
    return (
        Query("Get-PopSettings", _SETTINGS["Get-PopSettings"].types, own),
        Query("Get-ImapSettings", _SETTINGS["Get-ImapSettings"].types, own),
    )


def read_references(
    asked: Iterable[Query], results: Iterable[Result], why: Callable[[Result], Unreadable | None]
) -> Mapping[str, Listing[CertificateReference]]:
    """The references by the cmdlet that told them; each says why where it could not be read."""
    return MappingProxyType(
        {
            query.cmdlet: _listing(query.cmdlet, result, why(result))
            for query, result in zip(asked, results, strict=True)
        }
    )


def auth_certificate(
    references: Mapping[str, Listing[CertificateReference]],
) -> Maybe[Thumbprint | None]:
    """The certificate that signs tokens now; UNSET where it could not be read."""
    listing = references.get(_AUTH, Listing())
    return next((one.thumbprint for one in listing.objects if one.setting == _CURRENT), UNSET)


def _listing(cmdlet: str, result: Result, why: Unreadable | None) -> Listing[CertificateReference]:
    if why is not None:
        return Listing(unreadable=why)
    setting, found = _SETTINGS[cmdlet], []
    for output in result.objects:
        if not isinstance(output, Object):
            return Listing(unreadable=Unreadable(f"a {output.tag} where an object was expected"))
        read, _ = read_resource(setting.read, output)
        found += [
            setting.refer(attribute.exchange, getattr(read, name))
            for name, attribute in setting.read.attributes().items()
        ]
    return Listing(tuple(found))
