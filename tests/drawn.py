"""Organizations that nobody wrote down: any number of servers, connectors with any attributes, odd names."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Final
from uuid import uuid5

from hypothesis import strategies as st

from reconciler.lab.exchange import enums, values
from reconciler.lab.exchange.addresses import ip_bindings, ip_ranges, smart_hosts
from reconciler.lab.exchange.certificates import StoredCertificate
from reconciler.lab.exchange.clixml import Value, boolean, int32, string
from reconciler.lab.exchange.directory import NO_GUID
from reconciler.lab.exchange.objects.receive_connector import receive_connector
from reconciler.lab.exchange.objects.send_connector import send_connector
from reconciler.lab.exchange.organization import Organization, Stored
from tests.authority import NOW, Authority, common_name, der, make_certificate, rsa_key
from tests.direct import DirectLab, direct_lab
from tests.stored import organization_of

_ASSEMBLY: Final = "15.0.0.0"
ODD_NAMES: Final = (
    "yes",
    "null",
    "~",
    "1e3",
    "0x1f",
    "12",
    "true",
    "2026-11-24",
    "Größe: 5 % & <b>",
    'To "Fabrikam"',
    "it's",
    "- dash",
    "# no comment",
    "{a: b}",
    "[x]",
    "*star",
    "&anchor",
    "!tag",
    "a: b",
    "trailing:",
    "emoji \U0001f600",
    "back\\slash",
    "tab\tinside",
    "EX1",
    "internet",
    "kind",
)
names = st.one_of(
    st.sampled_from(ODD_NAMES),
    st.text(
        st.characters(exclude_categories=("Cs", "Cc", "Cn"), exclude_characters="\ufeff"),
        min_size=1,
        max_size=64,
    ).filter(lambda text: text.strip() == text),
)
notes = st.one_of(st.just(""), names, st.just(" two\nlines "), st.just("220 mail"))
domains = st.sampled_from(
    ["fabrikam.com", "*.fabrikam.com", "oldmail.example", "a.example", "trusted", "x--y.example", "*.example"]
)
costs = st.sampled_from([1, 1, 1, 5, 100])
bits = st.booleans()
BOUND: Final = "<I>CN=Contoso Test CA<S>CN=mail.contoso.com"


@st.composite
def senders(draw: st.DrawFn, *, is_edge: bool) -> dict[str, Value]:
    """Properties of a send connector that Exchange would let stand together."""
    cost = draw(costs)
    spaces = draw(st.one_of(st.just(["*"]), st.lists(domains, min_size=1, max_size=4, unique=True)))
    own_costs = draw(st.booleans()) and len(spaces) > 1
    texts = [f"SMTP:{space};{at + 1 if own_costs else cost}" for at, space in enumerate(spaces)]
    hosts = draw(st.sampled_from([[], [], ["relay.contoso.com"], ["192.0.2.9", "2001:db8::9"]]))
    if not is_edge and hosts and draw(st.integers(0, 9)) == 0:
        texts.append("X400:c=us;a= ;p=contoso;7")
    protection = draw(st.sampled_from(["required", "never", "offered"]))
    level = draw(st.sampled_from([None, "EncryptionOnly", "CertificateValidation", "DomainValidation"]))
    given: dict[str, Value] = {
        "AddressSpaces": values.address_spaces(texts),
        "SmartHosts": smart_hosts(hosts, _ASSEMBLY),
        "DNSRoutingEnabled": boolean(not hosts),
        "RequireTLS": boolean(protection == "required"),
        "IgnoreSTARTTLS": boolean(protection == "never"),
        "Enabled": boolean(draw(bits)),
        "IsScopedConnector": boolean(not is_edge and draw(bits)),
        "ForceHELO": boolean(draw(bits)),
        "FrontendProxyEnabled": boolean(draw(bits)),
        "CloudServicesMailEnabled": boolean(draw(st.integers(0, 5)) == 0),
        "Comment": string(draw(notes)),
        "Port": int32(draw(st.sampled_from([25, 26, 0, 65535]))),
        "ProtocolLoggingLevel": enums.PROTOCOL_LOGGING.named(draw(st.sampled_from(["None", "Verbose"]))),
        "ErrorPolicies": enums.ERROR_POLICIES.named(
            draw(st.sampled_from(["Default", "DowngradeDnsFailures, UpgradeCustomFailures"]))
        ),
        "MaxMessageSize": values.unlimited_bytes(
            draw(st.sampled_from([None, 0, 1024, 10_485_760, 36_700_160]))
        ),
        "ConnectionInactivityTimeOut": values.time_span(draw(st.integers(1, 86_400)) * values.TICKS),
        "SmtpMaxMessagesPerConnection": int32(draw(st.integers(0, 500))),
    }
    if protection == "required" and level is not None:
        given["TlsAuthLevel"] = enums.TLS_AUTH_LEVEL.named(level)
        if level == "DomainValidation" and (hosts or draw(bits)):
            given["TlsDomain"] = values.domain_with_subdomains(
                draw(st.sampled_from(["*.a.example", "b.example"]))
            )
    if hosts:
        mechanism = draw(
            st.sampled_from(["None", "BasicAuth", "BasicAuthRequireTLS", "ExternalAuthoritative"])
        )
        given["SmartHostAuthMechanism"] = enums.SMART_HOST_AUTH.named(mechanism)
    if draw(bits):
        given["Fqdn"] = values.fqdn(draw(st.sampled_from(["mail.contoso.com", "contoso.com"])))
    if bound := draw(st.sampled_from(["", "", BOUND, "<I>CN=Gone<S>CN=gone, O=yes: no"])):
        given["TlsCertificateName"] = values.certificate_name(bound)
    return given


@st.composite
def receivers(draw: st.DrawFn, port: int) -> dict[str, Value]:
    """Properties of a receive connector that Exchange would let stand together."""
    mechanism = draw(
        st.sampled_from(
            [
                "Tls",
                "None",
                "Tls, ExternalAuthoritative",
                "Tls, BasicAuth, BasicAuthRequireTLS",
                "Tls, Integrated",
            ]
        )
    )
    given: dict[str, Value] = {
        "AuthMechanism": enums.AUTH_MECHANISM.named(mechanism),
        "PermissionGroups": enums.PERMISSION_GROUPS.named(
            draw(st.sampled_from(["AnonymousUsers, ExchangeServers", "ExchangeServers, Custom"]))
        ),
        "Bindings": ip_bindings(
            draw(st.sampled_from([[f"0.0.0.0:{port}"], [f"[::]:{port}", f"192.0.2.1:{port}"]]))
        ),
        "RemoteIPRanges": ip_ranges(
            draw(
                st.lists(
                    st.sampled_from(["192.0.2.0/24", "192.0.2.9", "10.0.0.1-10.0.0.9", "2001:db8::/64"]),
                    min_size=1,
                    unique=True,
                )
            )
        ),
        "Banner": string(draw(st.sampled_from(["", "220 hello: # {yes}"]))),
        "Comment": string(draw(notes)),
        "RequireTLS": boolean("Tls" in mechanism and draw(bits)),
        "Enabled": boolean(draw(bits)),
        "MaxInboundConnection": values.unlimited_int(draw(st.sampled_from([None, 1, 5000]))),
        "MaxHeaderSize": values.byte_size(draw(st.sampled_from([1024, 65536, 1_572_864]))),
        "Fqdn": values.fqdn(draw(st.sampled_from(["mail.contoso.com", "other.example"]))),
    }
    if bound := draw(st.sampled_from(["", BOUND])):
        given["TlsCertificateName"] = values.certificate_name(bound)
    return given


Connectors = Sequence[tuple[str, Mapping[str, Value]]]


@dataclass(frozen=True)
class Drawn:
    """What to fill an organization with.

    Attributes:
        shape: Mailbox servers, Edge servers, subscribed ones among these.
        shared: The organization's send connectors, with their source servers.
        local: Those of Edge servers that are not subscribed.
        received: Receive connectors, by server.
        certificates: Which of the pool a server has.
        which: Chooses what is changed.
    """

    shape: tuple[int, int, int]
    shared: Sequence[tuple[str, Sequence[str], Mapping[str, Value]]] = field(repr=False)
    local: Mapping[str, Connectors] = field(repr=False)
    received: Mapping[str, Connectors] = field(repr=False)
    certificates: Mapping[str, Sequence[int]]
    which: int


@st.composite
def organizations(draw: st.DrawFn) -> Drawn:
    """Any organization of up to six servers."""
    mailbox = draw(st.integers(1, 4))
    edges = draw(st.integers(0, 2))
    subscribed = draw(st.integers(0, min(1, edges)))
    sources = [f"MBX{number + 1}" for number in range(mailbox)]

    def named(most: int) -> list[str]:
        return draw(st.lists(names, max_size=most, unique_by=str.casefold))

    servers = [*sources, *(f"EDGE{number + 1}" for number in range(edges))]
    return Drawn(
        shape=(mailbox, edges, subscribed),
        shared=[
            (
                name,
                draw(st.lists(st.sampled_from(sources), min_size=1, unique=True)),
                draw(senders(is_edge=False)),
            )
            for name in named(4)
        ],
        local={
            f"EDGE{number + 1}": [(name, draw(senders(is_edge=True))) for name in named(2)]
            for number in range(subscribed, edges)
        },
        received={
            server: [(name, draw(receivers(2600 + at))) for at, name in enumerate(named(2))]
            for server in servers
        },
        certificates={
            server: draw(st.lists(st.integers(0, len(_certificates()) - 1), max_size=4, unique=True))
            for server in servers
        },
        which=draw(st.integers(0, 10**6)),
    )


@cache
def _certificates() -> tuple[StoredCertificate, ...]:
    """Issued and self-signed, for one name and others, twins, expired; for SMTP or not."""
    authority = Authority.make()
    day = timedelta(days=1)
    subject = common_name("mail.contoso.com")
    made = [
        (make_certificate(subject, ("mail.contoso.com",), rsa_key(1), authority), 16),
        (
            make_certificate(
                subject, ("mail.contoso.com",), rsa_key(2), authority, not_after=NOW + 300 * day
            ),
            16,
        ),
        (make_certificate(subject, ("mail.contoso.com", "a.example"), rsa_key(3), authority), 24),
        (
            make_certificate(subject, ("mail.contoso.com",), rsa_key(4), authority, not_after=NOW - day / 2),
            16,
        ),
        (make_certificate(common_name("*.a.example"), ("*.a.example",), rsa_key(5)), 17),
        (make_certificate(common_name("plain: yes"), (), rsa_key(6)), 16),
        (make_certificate(common_name("web.a.example"), ("web.a.example",), rsa_key(7), authority), 8),
        (make_certificate(subject, ("mail.contoso.com",), rsa_key(8, 4096), authority), 0),
    ]
    return tuple(
        StoredCertificate(der(certificate), services=services & ~8, sites=(), container=NO_GUID)
        for certificate, services in made
    )


@cache
def _template(mailbox: int, edges: int, subscribed: int) -> DirectLab:
    folder = Path(tempfile.mkdtemp(prefix="organizations-"))
    return direct_lab(folder / "lab", servers=mailbox, edges=edges, subscribed=subscribed)


def filled(made: Drawn) -> DirectLab:
    """A lab that holds what was drawn; kept in memory, and emptied for the next."""
    lab = _template(*made.shape)
    organization = organization_of(lab)
    lab.sent.clear()
    for key, partition in organization.partitions.items():
        partition.send_connectors.clear()
        of_edge = [(name, [key], given) for name, given in made.local.get(key, ())]
        for name, sources, given in made.shared if key == "ad" else of_edge:
            server = organization.server(sources[0])
            assert server is not None
            tree = send_connector(
                partition.forest,
                name,
                uuid5(NO_GUID, f"{key} {name}"),
                sources,
                given,
                build=server.home.build,
                now=NOW,
                origin=partition.origin,
            )
            stored = Stored(tree)
            partition.send_connectors[stored.guid] = stored
    _fill_servers(organization, made)
    return lab


def _fill_servers(organization: Organization, made: Drawn) -> None:
    for server in organization.servers.values():
        server.receive_connectors.clear()
        for name, given in made.received[server.name]:
            tree = receive_connector(
                server.partition.forest,
                server.home,
                name,
                uuid5(NO_GUID, f"{server.name} {name}"),
                given,
                now=NOW,
                origin=server.partition.origin,
            )
            stored = Stored(tree)
            server.receive_connectors[stored.guid] = stored
        server.certificates = tuple(_certificates()[at] for at in made.certificates[server.name])
        server.revision += 1
