"""Reads one server: every list that plans rest on, in one pipeline."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from reconciler.exchange.clixml import Object
from reconciler.exchange.errors import CmdletFailed, CmdletMissing
from reconciler.exchange.port import Query, Reader, Result
from reconciler.exchange.reading import read_certificate, read_resource
from reconciler.exchange.remedies import remedy
from state.resources import AcceptedDomain, ReceiveConnector, Resource, SendConnector, Server
from state.snapshot import Listing, LiveServer, Unread, Unreadable
from state.values import UNKNOWN, Name

R = TypeVar("R", bound=Resource)

_CONFIGURATION: Final = "Microsoft.Exchange.Data.Directory.SystemConfiguration"
_SERVER_TYPES: Final = frozenset({"Microsoft.Exchange.Data.Directory.Management.ExchangeServer"})
_CERTIFICATE_TYPES: Final = frozenset(
    {"Microsoft.Exchange.Management.SystemConfigurationTasks.ExchangeCertificate"}
)
_SEND_TYPES: Final = frozenset({f"{_CONFIGURATION}.SmtpSendConnectorConfig"})
_RECEIVE_TYPES: Final = frozenset({f"{_CONFIGURATION}.ReceiveConnector"})
_DOMAIN_TYPES: Final = frozenset({f"{_CONFIGURATION}.AcceptedDomain"})


def read_server(reader: Reader, name: Name, *, edge: bool) -> LiveServer:
    """Read one server's part of the live state.

    Lists are read whole and matched here: a miss by identity writes an error to the server's event log, and
    an empty identity returns everything [1-8]. Only the server itself is asked for by its name, in all three
    cmdlets that can be: were each of 500 servers to list all 500, no time would be left for anything else.

    Args:
        name: The server's declared name, which is the one Exchange knows it by; not empty.
        edge: It knows only itself, so no ``-Server`` is sent. A Mailbox server is told which server is meant:
            the endpoint may have handed the session on to another one.

    Raises:
        ExchangeError: nothing at all could be read.
    """
    own = {} if edge else {"Server": str(name)}
    itself = {} if edge else {"Identity": str(name)}
    server, certificates, send, receive, domains = reader.read(
        (
            Query("Get-ExchangeServer", _SERVER_TYPES, itself),
            Query("Get-ExchangeCertificate", _CERTIFICATE_TYPES, own),
            Query("Get-SendConnector", _SEND_TYPES),
            Query("Get-ReceiveConnector", _RECEIVE_TYPES, own),
            Query("Get-AcceptedDomain", _DOMAIN_TYPES),
        )
    )
    unread: list[Unread] = []
    return LiveServer(
        name=name,
        server=_listing(server, _resource(Server), unread),
        certificates=_listing(certificates, read_certificate, unread),
        send_connectors=_listing(send, _resource(SendConnector), unread),
        receive_connectors=_of_server(name, _listing(receive, _resource(ReceiveConnector), unread)),
        accepted_domains=_listing(domains, _resource(AcceptedDomain), unread),
        unread=tuple(unread),
    )


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


def _of_server(name: Name, listing: Listing[ReceiveConnector]) -> Listing[ReceiveConnector]:
    """Keep those of one server, and those of which that is not known."""
    kept = (found for found in listing.objects if found.server in (name, UNKNOWN))
    return Listing(tuple(kept), listing.unreadable)


def _why(failure: CmdletMissing | CmdletFailed) -> Unreadable:
    return Unreadable(str(failure), failure.record.fully_qualified_id, remedy(failure))
