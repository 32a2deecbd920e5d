"""How hypothesis makes every noun of ``state``: tests ask for them with ``from_type(Certificate)``."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from types import MappingProxyType
from typing import Any, Literal

import pytest
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from state.address import Address
from state.journal import Intent, Outcome
from state.lock import LockInfo
from state.record import MILESTONES, Learned, Predecessor, Recorded, Request, StateRecord
from state.resources import KINDS, Build, Certificate, Json, Resource, ValueType
from state.resources import attribute as types
from state.resources.attribute import Choice, Flags, ListOf, Optional, SetOf
from state.resources.server import BUILD, AcceptedDomain
from state.values import (
    UNKNOWN,
    AddressSpace,
    Binding,
    ByteSize,
    CredentialReference,
    Deferred,
    DomainPattern,
    Fqdn,
    IpAddress,
    IpRange,
    Limit,
    Name,
    SmartHost,
    Thumbprint,
    TlsCertificateName,
)

ANY_TEXT = st.text(st.characters(), max_size=20)  # lone surrogates too: a name from Exchange may hold one
VISIBLE = ANY_TEXT.map(str.strip).filter(bool)
HEX = "0123456789ABCDEF"

labels = st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=1, max_size=12)
domains = st.lists(labels, min_size=1, max_size=4).map(".".join)
hosts = st.ip_addresses().map(str)


def ip_ranges(version: Literal[4, 6]) -> SearchStrategy[IpRange]:
    ends = st.tuples(st.ip_addresses(v=version), st.ip_addresses(v=version)).map(sorted)
    return ends.map(lambda pair: IpRange(str(pair[0]), str(pair[1])))


def whole_kb(units: int) -> ByteSize:
    return ByteSize(units * 1024)


addresses = st.builds(
    Address,
    st.sampled_from(sorted(KINDS)),
    st.lists(st.text(st.characters(), min_size=1, max_size=20), min_size=1, max_size=3).map(tuple),
)
instants = st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC))
json_values: SearchStrategy[Json] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=6,
)

SCALARS: dict[ValueType[Any], SearchStrategy[Any]] = {
    types.BOOL: st.booleans(),
    types.INT: st.integers(-(10**18) + 1, 10**18 - 1),
    types.TEXT: ANY_TEXT,
    types.ADDRESS: addresses,
    types.NAME: st.builds(Name, VISIBLE),
    types.FQDN: st.builds(Fqdn, domains),
    types.DOMAIN_PATTERN: st.builds(
        DomainPattern, st.just("*") | domains | domains.map(lambda name: f"*.{name}")
    ),
    types.ADDRESS_SPACE: st.builds(
        AddressSpace,
        st.just("*") | st.just("--") | domains | domains.map(lambda name: f"*.{name}"),
        st.integers(1, 100),
    )
    | st.builds(
        AddressSpace, VISIBLE, st.integers(1, 100), labels.filter(lambda label: label.upper() != "SMTP")
    ),
    types.SMART_HOST: st.builds(SmartHost, st.just("--") | domains | hosts),
    types.IP_ADDRESS: st.builds(IpAddress, hosts),
    types.IP_RANGE: ip_ranges(4) | ip_ranges(6),
    types.BINDING: st.builds(Binding, hosts, st.integers(0, 65535)),
    types.BYTE_SIZE: st.just(ByteSize(None)) | st.integers(0, 2**54).map(whole_kb),
    types.LIMIT: st.builds(Limit, st.none() | st.integers(0, 10**15 - 1)),
    types.TIME_SPAN: st.timedeltas(-timedelta(days=10675199), timedelta(days=10675199)),
    types.TLS_CERTIFICATE_NAME: st.builds(
        TlsCertificateName,
        ANY_TEXT.filter(lambda text: "<s>" not in text.lower()),
        ANY_TEXT.map(str.strip),
    ),
    types.GUID: st.uuids().map(str),
    types.THUMBPRINT: st.builds(Thumbprint, st.text(HEX, min_size=40, max_size=40)),
    types.CREDENTIAL: st.builds(CredentialReference, ANY_TEXT.filter(str.strip)),
    types.INSTANT: instants,
    BUILD: st.builds(
        Build, st.integers(0, 999), st.integers(0, 999), st.integers(0, 999999), st.integers(0, 999999)
    ),
    AcceptedDomain.attributes()["domain"].type: st.just("*") | domains,
}


def values_of(type: ValueType[Any]) -> SearchStrategy[Any]:
    """Values as this type's ``parse`` makes them; UNSET, UNKNOWN and Deferred are not among them."""
    match type:
        case Optional():
            return st.none() | values_of(type.inner)
        case SetOf():
            return st.frozensets(values_of(type.item), max_size=3)
        case ListOf():
            return st.lists(values_of(type.item), max_size=3).map(tuple)
        case Choice():
            return st.sampled_from(type.names)
        case Flags():
            return st.frozensets(st.sampled_from((*type.names, "64")), max_size=3)
        case _:
            return SCALARS[type]


deferred = st.builds(Deferred, addresses, st.sampled_from(["thumbprint", "tls_certificate_name"]))


@st.composite
def resources_of(draw: DrawFn, kind: type[Resource]) -> Any:
    """Resources of a kind: a few attributes are values, UNKNOWN or deferred, the others UNSET."""
    attributes = kind.attributes()
    names = draw(st.lists(st.sampled_from(list(attributes)), unique=True, max_size=8))
    return kind(
        **{name: draw(values_of(attributes[name].type) | st.just(UNKNOWN) | deferred) for name in names}
    )


resources: SearchStrategy[Resource] = st.one_of([resources_of(kind) for kind in KINDS.values()])
predecessors = st.builds(
    Predecessor,
    thumbprint=SCALARS[types.THUMBPRINT],
    public_key=ANY_TEXT,
    tls_certificate_name=st.none() | SCALARS[types.TLS_CERTIFICATE_NAME],
    not_after=instants,
    superseded=instants,
    created=st.booleans(),
    revoke=ANY_TEXT,
)
recorded = st.builds(
    Recorded,
    resources,
    st.booleans(),
    instants,
    milestones=st.dictionaries(st.sampled_from(MILESTONES), instants, max_size=3),
    predecessors=st.lists(predecessors, max_size=2).map(tuple),
)
requests = st.builds(
    Request,
    server=st.builds(Name, VISIBLE),
    asked=resources_of(Certificate),
    public_key=ANY_TEXT,
    csr=ANY_TEXT,
    pending=st.none() | values_of(types.THUMBPRINT),
    since=instants,
    answer=ANY_TEXT,
    submitted=st.none() | instants,
    reference=ANY_TEXT,
    waits=ANY_TEXT,
    next_try=st.none() | instants,
    issued=st.none() | instants,
    urgent=ANY_TEXT,
    renews=st.none() | instants,
)
NOUNS: dict[type[Any], SearchStrategy[Any]] = {
    Address: addresses,
    Resource: resources,
    Recorded: recorded,
    Request: requests,
    Learned: st.builds(Learned, addresses, st.none() | recorded, st.none() | requests),
    Intent: st.builds(
        Intent,
        id=ANY_TEXT,
        address=addresses,
        server=ANY_TEXT,
        cmdlet=ANY_TEXT,
        parameters=st.dictionaries(ANY_TEXT, json_values, max_size=3).map(MappingProxyType),
        known=st.lists(ANY_TEXT, max_size=3).map(tuple),
        at=instants,
    ),
    Outcome: st.builds(Outcome, ANY_TEXT, ANY_TEXT, instants),
    LockInfo: st.builds(LockInfo, ANY_TEXT, ANY_TEXT, ANY_TEXT, instants),
    StateRecord: st.builds(
        StateRecord,
        organization=ANY_TEXT,
        lineage=ANY_TEXT,
        serial=st.integers(0, 2**53),
        resources=st.dictionaries(addresses, recorded, max_size=3),
        requests=st.dictionaries(addresses, requests, max_size=2),
    ),
}


def _register(noun: type[Any], strategy: SearchStrategy[Any]) -> None:
    st.register_type_strategy(noun, lambda _: strategy)  # a function, so that none is made before it is drawn


for noun, strategy in NOUNS.items():
    _register(noun, strategy)


@pytest.fixture(scope="session", name="values_of")
def the_values_of() -> Callable[[ValueType[Any]], SearchStrategy[Any]]:
    """The function :func:`values_of`, for tests that go through the attribute tables."""
    return values_of


@pytest.fixture(scope="session")
def east_of_greenwich() -> timezone:
    """A zone that is not UTC."""
    return timezone(timedelta(hours=2))
