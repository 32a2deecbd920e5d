"""Reads one server: every list that plans rest on, in one pipeline.

What the organization's servers share is read with the first of them, and once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Final, TypeVar

from reconciler.exchange.clixml import Object, Primitive
from reconciler.exchange.errors import CmdletFailed, CmdletMissing, ParameterMissing
from reconciler.exchange.port import Query, Reader, Result
from reconciler.exchange.reading import read_certificate, read_der, read_resource
from reconciler.exchange.references import (
    OF_THE_ORGANIZATION,
    auth_certificate,
    of_a_server,
    read_references,
)
from reconciler.exchange.remedies import remedy
from reconciler.pki.bundle import pem_of
from state.resources import (
    AcceptedDomain,
    Certificate,
    EdgeSubscription,
    ReceiveConnector,
    Resource,
    SendConnector,
    Server,
)
from state.resources.attribute import GUID, observed
from state.snapshot import Listing, LiveOrganization, LiveServer, Unread, Unreadable
from state.values import UNKNOWN, UNSET, Maybe, Name, Thumbprint

R = TypeVar("R", bound=Resource)

_CONFIGURATION: Final = "Microsoft.Exchange.Data.Directory.SystemConfiguration"
_PRESENTED: Final = "Microsoft.Exchange.Data.Directory.Management"
_SERVER_TYPES: Final = frozenset({f"{_PRESENTED}.ExchangeServer"})
_CERTIFICATE_TYPES: Final = frozenset(
    {"Microsoft.Exchange.Management.SystemConfigurationTasks.ExchangeCertificate"}
)
_SEND_TYPES: Final = frozenset({f"{_CONFIGURATION}.SmtpSendConnectorConfig"})
_RECEIVE_TYPES: Final = frozenset({f"{_CONFIGURATION}.ReceiveConnector"})
_DOMAIN_TYPES: Final = frozenset({f"{_CONFIGURATION}.AcceptedDomain"})
_ORGANIZATION_TYPES: Final = frozenset({f"{_PRESENTED}.OrganizationConfig"})
_SUBSCRIPTION_TYPES: Final = frozenset({f"{_PRESENTED}.EdgeSubscription"})

_SEND: Final = Query("Get-SendConnector", _SEND_TYPES)
_DOMAINS: Final = Query("Get-AcceptedDomain", _DOMAIN_TYPES)
_ORGANIZATION: Final = (
    Query("Get-OrganizationConfig", _ORGANIZATION_TYPES),
    _SEND,
    _DOMAINS,
    Query("Get-EdgeSubscription", _SUBSCRIPTION_TYPES),
    *OF_THE_ORGANIZATION,
)
DOMAIN_CONTROLLER: Final = "DomainController"


def needed(name: Name, *, edge: bool) -> tuple[Query, ...]:
    """Everything that reading a server and its organization asks, by no domain controller's name."""
    return (*_of_server(None), _SEND, _DOMAINS) if edge else (*_ORGANIZATION, *_of_server(name))


def read_own_certificate(reader: Reader, thumbprint: Thumbprint) -> Certificate | None:
    """Read one certificate of the server that a session is with; None where it cannot be told.

    Raises:
        ExchangeError: the session is of no use any more.
    """
    asked = {"Thumbprint": str(thumbprint)}
    (result,) = reader.read((Query("Get-ExchangeCertificate", _CERTIFICATE_TYPES, asked),))
    found = (read_certificate(one)[0] for one in result.objects if isinstance(one, Object))
    return next((one for one in found if one.thumbprint == thumbprint), None)


def read_certificate_text(reader: Reader, thumbprint: Thumbprint) -> str:
    """One certificate of the server that a session is with, PEM; "" where Exchange does not return it.

    Raises:
        ExchangeError: the session is of no use any more.
    """
    asked = {"Thumbprint": str(thumbprint)}
    (result,) = reader.read((Query("Get-ExchangeCertificate", _CERTIFICATE_TYPES, asked),))
    for one in result.objects:
        if isinstance(one, Object) and read_certificate(one)[0].thumbprint == thumbprint:
            return pem_of(read_der(one))
    return ""


def read_first(reader: Reader, name: Name, controller: str = "") -> tuple[LiveOrganization, LiveServer]:
    """Read what all Mailbox servers share, and the one that is asked for it, in one pipeline.

    Args:
        controller: The domain controller to ask, where one is known already; else it is the server's own
            choice: what it answers with is what the rest of the run keeps to.

    Raises:
        ExchangeError: nothing at all could be read.
    """
    queries = needed(name, edge=False)
    if controller:
        queries = tuple(
            query
            if query.cmdlet == "Get-ExchangeServer"
            else replace(query, parameters={**query.parameters, DOMAIN_CONTROLLER: controller})
            for query in queries
        )
    results = reader.read(queries)
    if controller and any(map(_is_hidden, results)):
        return read_first(reader, name)
    shared, own = results[: len(_ORGANIZATION)], results[len(_ORGANIZATION) :]
    (config, send, domains, edges, *settings), (server, _, receive, *_) = shared, own
    unread: list[Unread] = []
    ids = _listing(config, _resource(_Organization), unread)
    found = next((one.guid for one in ids.objects), UNKNOWN)
    organization = LiveOrganization(
        read_from=name,
        domain_controller=controller or _origin(send, config, server, domains, receive),
        id=found,
        id_unreadable=_why_no_id(ids, unread) if found is UNKNOWN else None,
        send_connectors=_listing(send, _resource(SendConnector), unread),
        accepted_domains=_listing(domains, _resource(AcceptedDomain), unread),
        edge_subscriptions=_listing(edges, _resource(EdgeSubscription), unread),
        unread=tuple(unread),
        references=read_references(OF_THE_ORGANIZATION, settings, _failed),
    )
    return organization, _mailbox_server(name, own, organization)


def read_mailbox_server(
    reader: Reader, name: Name, organization: LiveOrganization
) -> tuple[LiveServer, Unreadable | None]:
    """Read what is one Mailbox server's own.

    Everything is asked of the domain controller that the run keeps to, but the server itself: that
    says which one it asks otherwise. Where the account may not name one, its own is believed.

    Args:
        reader: A session with its endpoint or with that of any other Mailbox server.

    Returns:
        The server, and why the domain controller could not be named, where it could not.

    Raises:
        ExchangeError: nothing at all could be read.
    """
    server, *own = _of_server(name)
    pin = {DOMAIN_CONTROLLER: organization.domain_controller} if organization.domain_controller else {}
    asked = (server, *(replace(query, parameters={**query.parameters, **pin}) for query in own))
    results = list(reader.read(asked))
    hidden = [at for at, result in enumerate(results) if pin and at and _is_hidden(result)]
    if not hidden:
        return _mailbox_server(name, results, organization), None
    why = results[hidden[0]].failure
    again = reader.read(tuple(own[at - 1] for at in hidden))
    for at, result in zip(hidden, again, strict=True):
        results[at] = result
    unpinned = _why(why) if why and not all(map(_is_hidden, again)) else None
    return _mailbox_server(name, results, organization), unpinned


def read_as_shown_by(reader: Reader, organization: LiveOrganization) -> LiveOrganization:
    """Read the send connectors once more: an old server does not show the attributes that came after it.

    Args:
        reader: A session with a newer server than the one that was asked.

    Raises:
        ExchangeError: nothing could be read.
    """
    pin = {DOMAIN_CONTROLLER: organization.domain_controller} if organization.domain_controller else {}
    (send,) = reader.read((replace(_SEND, parameters=pin),))
    if pin and _is_hidden(send):
        (send,) = reader.read((_SEND,))
    unread: list[Unread] = []
    return replace(
        organization, send_connectors=_listing(send, _resource(SendConnector), unread), unread=tuple(unread)
    )


def read_send_connectors(reader: Reader, controller: str) -> Listing[SendConnector]:
    """The organization's send connectors, as one domain controller shows them.

    Raises:
        ExchangeError: nothing could be read.
    """
    (send,) = reader.read((replace(_SEND, parameters={DOMAIN_CONTROLLER: controller}),))
    return _listing(send, _resource(SendConnector), [])


def read_receive_connectors(reader: Reader, name: Name, controller: str) -> Listing[ReceiveConnector]:
    """A Mailbox server's receive connectors, as one domain controller shows them.

    Raises:
        ExchangeError: nothing could be read.
    """
    asked = {"Server": str(name), DOMAIN_CONTROLLER: controller}
    (receive,) = reader.read((Query("Get-ReceiveConnector", _RECEIVE_TYPES, asked),))
    return _its_own(name, _listing(receive, _resource(ReceiveConnector), []))


def read_edge_server(reader: Reader, name: Name) -> LiveServer:
    """Read an Edge server. It knows only itself: no ``-Server`` is sent, and no ``-DomainController`` [1-4].

    Raises:
        ExchangeError: nothing at all could be read.
    """
    server, certificates, receive, send, domains = reader.read(needed(name, edge=True))
    unread: list[Unread] = []
    return LiveServer(
        name=name,
        server=_listing(server, _resource(Server), unread),
        certificates=_listing(certificates, read_certificate, unread),
        send_connectors=_listing(send, _resource(SendConnector), unread),
        receive_connectors=_its_own(name, _listing(receive, _resource(ReceiveConnector), unread)),
        accepted_domains=_listing(domains, _resource(AcceptedDomain), unread),
        unread=tuple(unread),
    )


def read_known_servers(reader: Reader) -> Listing[Server]:
    """Read which servers the organization has: plans do not need it, and with 500 it takes its time.

    Raises:
        ExchangeError: nothing could be read.
    """
    (result,) = reader.read((Query("Get-ExchangeServer", _SERVER_TYPES),))
    return _listing(result, _resource(Server), [])


def _explained(server: LiveServer, organization: LiveOrganization) -> LiveServer:
    """With the auth certificate, where certificates came alone: without a valid one they do [6.1-1]."""
    found = server.certificates.objects
    if not found or any(certificate.is_described for certificate in found):
        return server
    signs = auth_certificate(organization.references)
    return replace(server, auth_certificate=UNKNOWN if signs is UNSET else signs)


def _of_server(name: Name | None) -> tuple[Query, ...]:
    """What one server is asked about itself.

    Lists are read whole and matched here: a miss by identity writes an error to the server's event log, and
    an empty identity returns everything [1-8]. Only the server itself is asked for by its name, in all
    cmdlets that can be: were each of 500 servers to list all 500, no time would be left for anything else.

    Args:
        name: The server's declared name, which is the one Exchange knows it by; None for an Edge server. A
            Mailbox server is told which is meant: the endpoint may have handed the session on to another.
    """
    itself = {"Identity": str(name)} if name else {}
    own = {"Server": str(name)} if name else {}
    return (
        Query("Get-ExchangeServer", _SERVER_TYPES, itself),
        Query("Get-ExchangeCertificate", _CERTIFICATE_TYPES, own),
        Query("Get-ReceiveConnector", _RECEIVE_TYPES, own),
        *(of_a_server(name) if name else ()),
    )


def _mailbox_server(name: Name, results: Sequence[Result], organization: LiveOrganization) -> LiveServer:
    server, certificates, receive, *settings = results
    unread: list[Unread] = []
    live = LiveServer(
        name=name,
        server=_listing(server, _resource(Server), unread),
        certificates=_listing(certificates, read_certificate, unread),
        send_connectors=organization.send_connectors,
        receive_connectors=_its_own(name, _listing(receive, _resource(ReceiveConnector), unread)),
        accepted_domains=organization.accepted_domains,
        unread=tuple(unread),
        domain_controller=_origin(server),
        references=read_references(of_a_server(name), settings, _failed),
    )
    return _explained(live, organization)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Organization(Resource):
    """The one attribute of the organization that matters here."""

    kind: ClassVar[str] = "organization"

    guid: Maybe[str] = observed("Guid", GUID)


def _why_no_id(listing: Listing[_Organization], unread: list[Unread]) -> Unreadable:
    if listing.unreadable:
        return listing.unreadable
    return Unreadable(next((each.reason for each in unread), "Get-OrganizationConfig returned nothing"))


def _origin(*results: Result) -> str:
    """The domain controller that answered, by the first object that tells; "" where none does."""
    for result in results:
        for output in result.objects:
            member = output.get("OriginatingServer") if isinstance(output, Object) else None
            if isinstance(member, Primitive) and member.tag == "S" and member.text:
                return member.text
    return ""


def _is_hidden(result: Result) -> bool:
    """Whether a query failed for a parameter that this account does not have [5-4]."""
    return isinstance(result.failure, ParameterMissing)


_Read = Callable[[Object], tuple[R, tuple[Unread, ...]]]


def _resource(kind: type[R]) -> _Read[R]:
    return lambda found: read_resource(kind, found)


def _listing(result: Result, read: _Read[R], unread: list[Unread]) -> Listing[R]:
    if result.failure is not None:
        return Listing(unreadable=_why(result.failure))
    objects = []
    for output in result.objects:
        if not isinstance(output, Object):
            return Listing(unreadable=Unreadable(f"a {output.tag} where an object was expected"))
        resource, reasons = read(output)
        objects.append(resource)
        unread.extend(reasons)
    return Listing(tuple(objects))


def _its_own(name: Name, listing: Listing[ReceiveConnector]) -> Listing[ReceiveConnector]:
    """Keep those of one server, and those of which that is not known."""
    kept = (found for found in listing.objects if found.server in (name, UNKNOWN))
    return Listing(tuple(kept), listing.unreadable)


def _failed(result: Result) -> Unreadable | None:
    return _why(result.failure) if result.failure is not None else None


def _why(failure: CmdletMissing | CmdletFailed) -> Unreadable:
    return Unreadable(str(failure), failure.record.fully_qualified_id, remedy(failure))
