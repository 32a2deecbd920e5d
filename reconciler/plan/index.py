"""The live connectors of one server, found by what identifies them."""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.cmdlets.mark import mark_in
from state.resources import ReceiveConnector, SendConnector
from state.values import UNKNOWN, Name


class ConnectorIndex:
    """Send connectors: look-ups that stay quick with thousands of them."""

    def __init__(self, connectors: Iterable[SendConnector]) -> None:
        self._by_guid: dict[str, SendConnector] = {}
        self._by_name: dict[Name, SendConnector] = {}
        self._by_mark: dict[str, list[SendConnector]] = {}
        self.unnamed = False
        """Some have a name that could not be read: then nobody knows which names are free."""
        self.unidentified = False
        """Some have neither a guid nor a comment that could be read: whose they are, nobody knows."""
        for connector in connectors:
            self.unnamed = self.unnamed or not isinstance(connector.name, Name)
            if connector.guid is UNKNOWN and connector.comment is UNKNOWN:
                self.unidentified = True
            if isinstance(connector.guid, str):
                self._by_guid[connector.guid] = connector
            if isinstance(connector.name, Name):
                self._by_name[connector.name] = connector
            if isinstance(connector.comment, str) and (mark := mark_in(connector.comment)):
                self._by_mark.setdefault(mark, []).append(connector)

    def by_guid(self, guid: str) -> SendConnector | None:
        return self._by_guid.get(guid)

    def by_name(self, name: object) -> SendConnector | None:
        return self._by_name.get(name) if isinstance(name, Name) else None

    def by_mark(self, mark: str) -> list[SendConnector]:
        return self._by_mark.get(mark, [])


class ListenerIndex:
    """The receive connectors of one server.

    Get-ReceiveConnector answers for the whole organization; one that names no server is this one's.
    """

    def __init__(self, server: Name, connectors: Iterable[ReceiveConnector]) -> None:
        self._by_guid: dict[str, ReceiveConnector] = {}
        self._by_name: dict[Name, ReceiveConnector] = {}
        self._by_mark: dict[str, list[ReceiveConnector]] = {}
        self.unnamed = False
        self.unidentified = False
        for connector in connectors:
            if connector.server not in (server, UNKNOWN):
                continue
            self.unnamed = self.unnamed or not isinstance(connector.name, Name)
            if connector.guid is UNKNOWN and connector.comment is UNKNOWN:
                self.unidentified = True
            if isinstance(connector.guid, str):
                self._by_guid[connector.guid] = connector
            if isinstance(connector.name, Name):
                self._by_name.setdefault(connector.name, connector)
            if isinstance(connector.comment, str) and (mark := mark_in(connector.comment)):
                self._by_mark.setdefault(mark, []).append(connector)

    def by_guid(self, guid: str) -> ReceiveConnector | None:
        return self._by_guid.get(guid)

    def by_name(self, name: object) -> ReceiveConnector | None:
        return self._by_name.get(name) if isinstance(name, Name) else None

    def by_mark(self, mark: str) -> list[ReceiveConnector]:
        return self._by_mark.get(mark, [])

    def all(self) -> Iterable[ReceiveConnector]:
        """Those that have a name: every one that can be told apart."""
        return self._by_name.values()

    def names(self) -> list[str]:
        """Sorted, for people."""
        return sorted(map(str, self._by_name))
